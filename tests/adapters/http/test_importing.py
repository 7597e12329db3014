"""Import over HTTP against a running server: openssl made what comes in."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from tests import openssl
from tests.adapters.x509.reading import vectors
from tests.adapters.x509.reading.made import PASSPHRASE, Made
from tests.samples import fresh


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A chain with its keys, as openssl makes them."""
    return Made(tmp_path_factory.mktemp("made"))


def leaf(made, *more):
    """Have the intermediate certify a new key; return the certificate and the key in PEM."""
    name = fresh("leaf")
    key = made.key(name, "ec-p256")
    certificate = made.certificate(name, "intermediate", f"/CN={name}.example.test", "CA:FALSE", *more)
    return certificate.decode(), key.decode()


def shown(server, name):
    """Return a certificate's row, as of the log's end."""
    return server.get(f"/api/v1/certificates/{name}?at_least={server.size()}").json


def export(name):
    """Return a request to let a key leave."""
    return {"certificate": name, "format": "pkcs12", "passphrase": "a new passphrase", "reason": "a test"}


def refused(server, code, *fields, **body):
    reply = server.command("ImportCertificate", {"name": fresh(), **body})
    assert reply.json["code"] == code, reply.body
    assert {error["field"] for error in reply.json["errors"]} == set(fields)
    return reply


def test_a_certificate_from_elsewhere_is_in_the_inventory_the_calendar_and_the_uses_of_keys(server, made):
    name, (certificate, _) = fresh(), leaf(made)
    chain = certificate + made.read("root.pem").decode() + made.read("intermediate.pem").decode()
    answer = server.done("ImportCertificate", name=name, certificate=chain)
    assert [event["type"] for event in answer["events"]] == ["certificate.imported.v1"]
    row = shown(server, name)
    assert (row["imported"], row["status"], row["key_is_here"], row["key_type"]) == ("yes", "issued", False, "ec-p256")
    assert row["issuer"] == [["common_name", "Elsewhere Intermediate"]]
    calendar = server.get(f"/api/v1/calendar?limit=500&at_least={server.size()}").json["items"]
    assert name in [entry["name"] for entry in calendar]
    uses = server.get(f"/api/v1/key-uses?public_key_hash={row['public_key_hash']}").json["items"]
    assert [use["name"] for use in uses] == [name]
    pem = server.get(f"/api/v1/certificates/{name}/pem").body.decode()
    assert pem == certificate + made.read("intermediate.pem").decode()
    assert server.get(f"/api/v1/certificates/{name}/chain").body.decode().count("BEGIN") == 2
    assert openssl.verifies(made.read("root.pem").decode(), pem)


def test_the_same_again_changes_nothing_and_answers_the_same(server, made):
    certificate, key = leaf(made)
    body = {"name": fresh(), "certificate": certificate, "private_key": key}
    first, again = (server.done("ImportCertificate", **body) for _ in range(2))
    assert again["events"] == []
    assert again["result"] == {**first["result"], "is_new": False, "key_is_new": False}
    refused(server, "already-managed", "certificate", certificate=certificate)
    refused(server, "already-managed", "certificate", certificate=certificate, preview=True)


def test_a_preview_keeps_nothing(server, made):
    name, (certificate, key) = fresh(), leaf(made)
    size = server.size()
    answer = server.done("ImportCertificate", name=name, certificate=certificate, private_key=key, preview=True)
    assert (answer["events"], answer["result"]["is_new"], answer["result"]["key_is_here"]) == ([], True, True)
    assert server.size() == size


def test_pkcs12_goes_in_and_out_again_with_the_same_key(server, made):
    name, content = fresh(), made.pkcs12("-legacy")
    body = {"name": name, "certificate": base64.b64encode(content).decode()}
    assert refused(server, "passphrase-wrong", "passphrase", **body).status == 422
    refused(server, "passphrase-wrong", "passphrase", **body, passphrase=PASSPHRASE.upper())
    server.done("ImportCertificate", **body, passphrase=PASSPHRASE)
    assert shown(server, name)["key_is_here"] is True
    exported = load_pkcs12(
        base64.b64decode(server.done("ExportCertificate", **export(name))["result"]["content"]), b"a new passphrase"
    )
    original = load_pkcs12(content, PASSPHRASE.encode())
    assert exported.key.private_numbers() == original.key.private_numbers()
    assert len(exported.additional_certs) == 1  # the chain without the root


def test_another_key_is_refused_and_nothing_is_kept(server, made):
    (certificate, _), (_, key) = leaf(made), leaf(made)
    refused(server, "private-key-mismatched", "private_key", certificate=certificate, private_key=key)


def test_the_private_key_of_what_is_here_without_it_may_come_later(server, made):
    (certificate, key), (_, strange) = leaf(made), leaf(made)
    body = {"name": fresh(), "certificate": certificate}
    server.done("ImportCertificate", **body)
    reply = server.command("ImportCertificate", {**body, "private_key": strange})
    assert reply.json["code"] == "private-key-mismatched"
    assert server.command("ExportCertificate", export(body["name"])).json["code"] == "key-elsewhere"
    size = server.size()
    preview = server.done("ImportCertificate", **body, private_key=key, preview=True)["result"]
    assert (preview["is_new"], preview["key_is_new"], server.size()) == (False, True, size)
    answer = server.done("ImportCertificate", **body, private_key=key)
    assert [event["type"] for event in answer["events"]] == ["certificate.key_imported.v1"]
    assert [answer["result"][fact] for fact in ("is_new", "key_is_new", "key_is_here")] == [False, True, True]
    assert shown(server, body["name"])["key_is_here"] is True
    history = server.get(f"/api/v1/certificates/{body['name']}/history").json["items"]
    assert "version 1: its private key is here" in [item["summary"] for item in history]
    content = base64.b64decode(server.done("ExportCertificate", **export(body["name"]))["result"]["content"])
    exported = load_pkcs12(content, b"a new passphrase")
    assert exported.key.private_numbers() == load_pem_private_key(key.encode(), None).private_numbers()
    for more in ({}, {"private_key": key}):
        again = server.done("ImportCertificate", **body, **more)
        assert (again["events"], again["result"]["key_is_new"], again["result"]["key_is_here"]) == ([], False, True)


def test_a_key_that_was_reported_as_compromised_is_not_taken_later(server, made):
    certificate, key = leaf(made)
    body = {"name": fresh(), "certificate": certificate}
    server.done("ImportCertificate", **body)
    server.done("ReportKeyCompromise", certificate=body["name"], reason="stolen")
    reply = server.command("ImportCertificate", {**body, "private_key": key})
    assert reply.json["code"] == "key-compromised"


def test_the_key_that_is_kept_with_a_csr_goes_to_its_certificate_that_is_here_already(server, made):
    name = fresh()
    key = made.key(name, "ec-p256").decode()
    csr = openssl.run("req", "-new", "-key", made.path(f"{name}.key"), "-subj", f"/CN={name}")
    certificate = made.certificate(name, "intermediate", f"/CN={name}", "CA:FALSE").decode()
    server.done("ImportCSR", name=name, csr=csr, private_key=key)
    server.done("ImportCertificate", name=name, certificate=certificate)
    assert shown(server, name)["key_is_here"] is False
    server.done("CompleteCSR", signing_request=name, certificate=certificate)
    assert (shown(server, name)["key_is_here"], shown(server, name)["version"]) == (True, 1)


def test_what_was_issued_here_is_not_imported_by_another_name(server):
    issued = server.done("IssueCertificate", name=fresh(), authority="intermediate", dns_names=["a.example.test"])
    reply = refused(server, "already-managed", "certificate", certificate=issued["result"]["certificate_pem"])
    assert reply.status == 409


def test_the_next_version_comes_from_elsewhere_too(server, made):
    name = fresh()
    key = made.key(name, "ec-p256").decode()
    first, second = (
        made.certificate(name, "intermediate", f"/CN={name}", "CA:FALSE", "-days", days).decode()
        for days in ("30", "60")
    )
    server.done("ImportCertificate", name=name, certificate=first, private_key=key)
    answer = server.done("ImportCertificate", name=name, certificate=second)
    assert (answer["result"]["version"], answer["result"]["key_is_here"]) == (2, True)
    assert shown(server, name)["current_version"] == 2
    assert (
        server.command("ImportCertificate", {"name": fresh(), "certificate": first}).json["code"] == "already-managed"
    )
    server.done("RollBackCertificate", certificate=name, version=1)
    assert shown(server, name)["current_version"] == 1


def test_a_deleted_one_may_come_again(server, made):
    name, (certificate, key) = fresh(), leaf(made)
    body = {"name": name, "certificate": certificate, "private_key": key}
    server.done("ImportCertificate", **body)
    server.done("DeleteCertificate", certificate=name)
    assert server.done("ImportCertificate", **body)["result"]["is_new"] is True


def test_two_at_once_are_one(server, made):
    certificate, key = leaf(made)
    bodies = [{"name": fresh(), "certificate": certificate, "private_key": key} for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda body: server.command("ImportCertificate", body), bodies))
    assert sorted(reply.status for reply in replies) == [200, 409]


def test_a_compromised_key_is_refused(server, made):
    certificate, key = leaf(made)
    public = openssl.run("x509", "-noout", "-pubkey", text=certificate.encode())
    server.done("ReportKeyCompromise", public_key=public, reason="found on the web")
    refused(server, "key-compromised", "certificate.public_key", certificate=certificate, private_key=key)


@pytest.mark.parametrize("kind", ["ed448", "ec-secp256k1"])
def test_algorithms_that_are_never_made_here_are_found_by_algorithm(server, made, kind):
    name = fresh()
    key = made.key(name, kind).decode()
    certificate = made.certificate(name, name, f"/CN={name}", "CA:FALSE").decode()
    server.done("ImportCertificate", name=name, certificate=certificate, private_key=key)
    algorithm = shown(server, name)["key_algorithm"]
    found = server.get(f"/api/v1/certificates?key_algorithm={algorithm}&key_type={kind}&imported=yes&limit=500").json
    assert name in [row["name"] for row in found["items"]]
    reply = server.command("RenewCertificate", {"certificate": name, "reuse_key": True})
    assert reply.json["code"] == "rules-broken"


@pytest.mark.parametrize(
    "subject",
    [
        "/CN=a\x07\x1b[2Jb",
        "/CN=\u202egnp.exe",
        "/O=a\\/b=c/CN=x=y",
        "/CN=" + "x" * 60 + "".join(f"/OU={n:064d}" for n in range(30)),
    ],
)
def test_one_odd_certificate_never_breaks_a_list(server, subject):
    name = fresh()
    certificate, _ = openssl.self_signed(subject, "-utf8")
    server.done("ImportCertificate", name=name, certificate=certificate)
    listed = server.get(f"/api/v1/certificates?name={name}&at_least={server.size()}")
    assert [row["name"] for row in listed.json["items"]] == [name]
    assert server.get(f"/api/v1/certificates/{name}/pem").status == 200
    assert server.get("/api/v1/calendar.ics").status == 200


@pytest.mark.parametrize("dates", [("19600101000000Z", "19700101000000Z"), ("20260101000000Z", "99991231235959Z")])
def test_odd_dates_are_taken(server, made, dates):
    begin, end = dates
    name = fresh()
    made.key(name, "ec-p256")
    openssl.run("req", "-new", "-key", made.path(f"{name}.key"), "-subj", f"/CN={name}", "-out", made.path("odd.csr"))
    (made.folder / "index.txt").write_text("")
    (made.folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=ca\n[ca]\ndatabase={made.folder}/index.txt\nnew_certs_dir={made.folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n"
    )
    by = ("-cert", made.path("intermediate.pem"), "-keyfile", made.path("intermediate.key"), "-batch", "-notext")
    when = ("-startdate", begin, "-enddate", end, "-in", made.path("odd.csr"))
    certificate = openssl.run("ca", "-config", made.path("ca.cnf"), *by, *when)
    server.done("ImportCertificate", name=name, certificate=certificate)
    assert shown(server, name)["not_after"].startswith(end[:4])
    for path in ("calendar.ics", "calendar?from=1950-01-01T00:00:00Z&limit=500", "certificates?limit=500"):
        assert server.get(f"/api/v1/{path}").status == 200


def test_no_file_of_the_corpus_is_an_error_of_the_server(server):
    files = [path for n, path in enumerate(vectors.FILES) if n % 16 == 0]

    def sent(path):
        body = {"name": fresh(), "certificate": base64.b64encode(path.read_bytes()).decode(), "passphrase": "password"}
        return server.command("ImportCertificate", body).status

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(sent, files))
    assert {200, 400, 422} <= statuses <= {200, 400, 409, 422}
