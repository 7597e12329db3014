"""Import of many certificates in one request, against a running server."""

from tests import openssl
from tests.samples import fresh

WEAK = ("-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null")


def named(certificate, name=None):
    return {"name": name or fresh(), "certificate": certificate}


def made():
    """Return a certificate and its key, both in PEM."""
    return openssl.self_signed(f"/CN={fresh()}.example.test")


def send(server, *certificates, **more):
    """Import certificates; return what became of each."""
    return server.done("ImportCertificates", certificates=list(certificates), **more)["result"]


def outcomes(result):
    return [item["outcome"] for item in result["items"]]


def test_each_is_told_of_and_a_bad_one_spoils_no_other(server):
    weak = openssl.run("req", "-x509", *WEAK, "-subj", "/CN=weak", "-days", "9")
    good = [named(made()[0]) for _ in range(2)]
    known = named(made()[0])
    send(server, known)
    bad = [named("nothing"), named(weak), named(made()[0], "no name"), named(known["certificate"])]
    mixed = [good[0], *bad, good[1]]
    result = send(server, *mixed)
    assert outcomes(result) == ["imported", "refused", "refused", "refused", "refused", "imported"]
    codes = [item["code"] for item in result["items"][1:5]]
    assert codes == ["malformed", "rules-broken", "rules-broken", "already-managed"]
    assert [item["errors"][0]["field"] for item in result["items"][1:4]] == [
        "certificate",
        "certificate.public_key",
        "name",
    ]
    assert result["items"][3]["name"] == ""
    for item in (result["items"][0], result["items"][5]):
        row = server.get(f"/api/v1/certificates/{item['name']}?at_least={server.size()}").json
        assert (row["id"], row["imported"]) == (item["certificate_id"], "yes")


def test_the_same_again_changes_nothing(server):
    certificates = [named(made()[0]) for _ in range(3)]
    first, size = send(server, *certificates), server.size()
    again = send(server, *certificates)
    assert outcomes(again) == ["already-here"] * 3
    assert [item["certificate_id"] for item in again["items"]] == [item["certificate_id"] for item in first["items"]]
    assert server.size() == size


def test_a_private_key_may_come_later(server):
    certificate, key = made()
    body = named(certificate)
    assert outcomes(send(server, body)) == ["imported"]
    for outcome in ("key-imported", "already-here"):
        assert outcomes(send(server, body, private_keys=key)) == [outcome]


def test_those_of_the_same_name_go_one_after_the_other(server):
    name = fresh()
    certificates = [openssl.self_signed(f"/CN={name}", "-days", days)[0] for days in ("10", "20", "5")]
    result = send(server, *(named(each, name) for each in certificates))
    assert [item.get("version", item.get("code")) for item in result["items"]] == [1, 2, "version-outdated"]


def test_keys_go_with_the_certificates_that_they_belong_to(server):
    (first, key), (second, _), (_, stray) = made(), made(), made()
    result = send(server, named(first), named(second), private_keys=stray + key)
    assert [item["key_is_here"] for item in result["items"]] == [True, False]
    assert result["keys_left_out"] == 1
    body = {"certificates": [named(first)], "private_keys": "nothing"}
    reply = server.command("ImportCertificates", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "private_keys")


def test_a_preview_keeps_nothing(server):
    certificates, size = [named(made()[0]), named("nothing")], server.size()
    assert outcomes(send(server, *certificates, preview=True)) == ["imported", "refused"]
    assert server.size() == size
    assert outcomes(send(server, *certificates)) == ["imported", "refused"]


def test_more_than_a_thousand_are_refused(server):
    reply = server.command("ImportCertificates", {"certificates": [named("x", "x")] * 1001})
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "certificates")
