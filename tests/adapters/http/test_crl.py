"""CRLs on the public listener and in the API, judged by programs that others wrote: openssl, GnuTLS, curl, Python."""

import base64
import contextlib
import socket
import ssl
import subprocess

import pytest
from cryptography import x509

from tests import openssl
from tests.samples import fresh
from tests.serving import PATIENCE, wait_for

KINDS = ("ec-p256", "rsa-2048", "ed25519")


def new_authority(server, **further):
    """Return the name and id of an authority that revoked nothing."""
    name = fresh("ca")
    answer = server.done("CreateAuthority", name=name, subject={"common_name": name}, **further)
    authority_id = answer["result"]["authority_id"]
    assert server.get(f"/api/v1/authorities/{name}?at_least={answer['position']}").status == 200
    wait_for(lambda: server.fetch(f"/pki/{authority_id}/crl").status == 200)
    return name, authority_id


@pytest.fixture
def authority(server):
    return new_authority(server)


def issued(server, authority, **further):
    name = fresh()
    body = {"dns_names": ["localhost"], **further}
    return name, server.done("IssueCertificate", name=name, authority=authority, **body)["result"]


def crl_of(server, authority_id, what=""):
    reply = server.fetch(f"/pki/{authority_id}/crl{what}")
    assert reply.status == 200, reply.body
    return reply.body


def listed(server, authority_id, what=""):
    return {one.serial_number for one in x509.load_der_x509_crl(crl_of(server, authority_id, what))}


def revoke(server, authority_id, name, result, **further):
    """Revoke a certificate and wait until its issuer's CRL tells."""
    server.done("RevokeCertificate", certificate=name, **further)
    wait_for(lambda: int(result["serial_number"], 16) in listed(server, authority_id))


def test_a_new_authority_has_a_crl_at_once(server, authority):
    name, authority_id = authority
    reply = server.fetch(f"/pki/{authority_id}/crl")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/pkix-crl")
    assert "No Revoked Certificates" in openssl.run("crl", "-inform", "DER", "-noout", "-text", text=reply.body)
    assert server.fetch(f"/pki/{name}/crl").body == reply.body
    for nothing in ("/delta", "/7", "/7/delta", "/0x1", "/-1"):
        assert server.fetch(f"/pki/{authority_id}/crl{nothing}").status == 404


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_refuses_what_was_revoked_and_nothing_else(server, tmp_path, kind):
    root, root_id = new_authority(server, key_type=kind)
    below, below_id = new_authority(server, key_type=kind, issuer=root, path_length=0)
    (kept, kept_result), (gone, gone_result) = issued(server, below), issued(server, below)
    revoke(server, below_id, gone, gone_result, reason="keyCompromise")
    crls = (crl_of(server, authority_id) for authority_id in (root_id, below_id))
    (tmp_path / "crls.pem").write_text("".join(openssl.run("crl", "-inform", "DER", text=crl) for crl in crls))
    root_pem = server.get(f"/api/v1/authorities/{root}").json["certificate_pem"]
    checked = ("-crl_check", "-crl_check_all", "-CRLfile", str(tmp_path / "crls.pem"))
    assert openssl.verifies(root_pem, kept_result["certificate_pem"], *checked)
    assert openssl.verifies(root_pem, gone_result["certificate_pem"])
    assert not openssl.verifies(root_pem, gone_result["certificate_pem"], *checked)
    server.done("RevokeAuthority", authority=below, reason="cACompromise")
    wait_for(lambda: len(listed(server, root_id)) == 1)
    both = openssl.run("crl", "-inform", "DER", text=crl_of(server, root_id))
    (tmp_path / "crls.pem").write_text(both + openssl.run("crl", "-inform", "DER", text=crl_of(server, below_id)))
    assert not openssl.verifies(root_pem, kept_result["certificate_pem"], *checked)
    del kept


def test_openssl_applies_a_delta(server, tmp_path, authority):
    name, authority_id = authority
    gone, result = issued(server, name)
    first = crl_of(server, authority_id)
    server.done("IssueCRL", authority=name)  # the first CRL points to no delta: there was none
    wait_for(lambda: crl_of(server, authority_id) != first)
    base = crl_of(server, authority_id)
    revoke(server, authority_id, gone, result)
    delta = crl_of(server, authority_id, "/delta")
    text = openssl.run("crl", "-inform", "DER", "-noout", "-text", text=delta)
    assert "X509v3 Delta CRL Indicator: critical" in text
    pointing = openssl.run("crl", "-inform", "DER", "-noout", "-text", text=base)
    assert f"/pki/{authority_id}/crl/delta" in pointing
    root_pem = server.get(f"/api/v1/authorities/{name}").json["certificate_pem"]
    both = "".join(openssl.run("crl", "-inform", "DER", text=crl) for crl in (base, delta))
    (tmp_path / "crls.pem").write_text(both)
    checked = ("-crl_check", "-extended_crl", "-CRLfile", str(tmp_path / "crls.pem"))
    assert openssl.verifies(root_pem, result["certificate_pem"], *checked)
    assert not openssl.verifies(root_pem, result["certificate_pem"], *checked, "-use_deltas")


def test_gnutls_reads_and_verifies_a_crl(server, tmp_path, authority):
    name, authority_id = authority
    gone, result = issued(server, name)
    revoke(server, authority_id, gone, result, reason="superseded")
    (tmp_path / "ca.pem").write_text(server.get(f"/api/v1/authorities/{name}").json["certificate_pem"])
    told = subprocess.run(
        ["certtool", "--verify-crl", "--load-ca-certificate", str(tmp_path / "ca.pem")],
        input=openssl.run("crl", "-inform", "DER", text=crl_of(server, authority_id)).encode(),
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert b"Verified" in told.stdout


def test_curl_does_not_talk_to_a_server_whose_certificate_was_revoked(server, tmp_path, authority):
    name, authority_id = authority
    web, result = issued(server, name)
    body = {"certificate": web, "format": "pem", "passphrase": "a passphrase of the test", "reason": "a server"}
    exported = server.done("ExportCertificate", **body)["result"]["content"]
    (tmp_path / "key.pem").write_text(openssl.run("base64", "-d", "-A", text=exported.encode()))
    (tmp_path / "ca.pem").write_text(server.get(f"/api/v1/authorities/{name}").json["certificate_pem"])
    (tmp_path / "leaf.pem").write_text(result["certificate_pem"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = ["openssl", "s_server", "-accept", str(port), "-www", "-cert", str(tmp_path / "leaf.pem")]
    serving += ["-key", str(tmp_path / "key.pem"), "-pass", f"pass:{body['passphrase']}"]

    def curl():
        (tmp_path / "crl.pem").write_text(openssl.run("crl", "-inform", "DER", text=crl_of(server, authority_id)))
        trusting = ["--cacert", str(tmp_path / "ca.pem"), "--crlfile", str(tmp_path / "crl.pem")]
        asked = ["curl", "-sS", "-o", "/dev/null", "--noproxy", "*", *trusting, f"https://localhost:{port}/"]
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=PATIENCE)

    with subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tls_server:
        try:
            wait_for(lambda: curl().returncode == 0)
            revoke(server, authority_id, web, result)
            refused = curl()
        finally:
            tls_server.kill()
    assert refused.returncode != 0
    assert "revoked" in refused.stderr


def test_a_client_whose_certificate_was_revoked_is_not_let_in_by_python(server, tmp_path, authority):
    """Mutual TLS in memory; the server looks up its clients in our CRL."""
    name, authority_id = authority
    client, result = issued(server, name, profile="client")
    above = server.get(f"/api/v1/authorities/{name}").json["certificate_pem"]
    body = {"certificate": client, "format": "pem", "passphrase": "a passphrase of the test", "reason": "a client"}
    exported = server.done("ExportCertificate", **body)["result"]["content"]
    (tmp_path / "client.pem").write_bytes(base64.b64decode(exported) + result["certificate_pem"].encode())
    asking = ssl.create_default_context(cadata=above)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    asking.load_cert_chain(tmp_path / "client.pem", password=body["passphrase"])

    def let_in():
        (tmp_path / "crl.pem").write_text(openssl.run("crl", "-inform", "DER", text=crl_of(server, authority_id)))
        answering = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=above)
        answering.load_verify_locations(tmp_path / "crl.pem")
        answering.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        answering.verify_mode = ssl.CERT_REQUIRED
        answering.load_cert_chain(tmp_path / "client.pem", password=body["passphrase"])
        return shaken_hands(asking, answering)

    assert let_in()
    revoke(server, authority_id, client, result, reason="keyCompromise")
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        let_in()


def shaken_hands(asking, answering):
    """Tell whether two contexts come to terms, octets carried between them. Raises what the answering one refuses."""
    ways = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(*ways)
    server = answering.wrap_bio(*reversed(ways), server_side=True)
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return server.getpeercert() is not None


def test_who_has_a_crl_is_not_sent_it_again(server, authority):
    name, authority_id = authority
    path = f"/pki/{authority_id}/crl"
    first = server.fetch(path)
    assert first.headers["cache-control"] == "public, max-age=60"
    known = [{"If-None-Match": first.headers["etag"]}, {"If-Modified-Since": first.headers["last-modified"]}]
    for headers in known:
        again = server.fetch(path, headers)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    gone, result = issued(server, name)
    revoke(server, authority_id, gone, result)
    changed = server.fetch(path, known[0])
    assert (changed.status, changed.body) == (200, crl_of(server, authority_id))
    assert changed.headers["etag"] != first.headers["etag"]


def test_the_api_gives_crls_in_der_and_pem_and_of_any_number(server, authority):
    name, authority_id = authority
    path, first = f"/api/v1/authorities/{name}/crl", crl_of(server, authority_id)
    gone, result = issued(server, name)
    revoke(server, authority_id, gone, result)
    assert server.get(path).body == crl_of(server, authority_id)
    assert server.get(f"{path}?delta=1").body == crl_of(server, authority_id, "/delta")
    text = server.get(path, headers={"Accept": "application/x-pem-file"}).body
    assert openssl.run("crl", "-outform", "PEM", text=text) == text.decode()
    number = x509.load_der_x509_crl(first).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert server.get(f"{path}?number={number}").body == first
    for wrong in ("?number=7", "?number=0", "?shard=7", f"?number={number}&delta=1"):
        assert server.get(path + wrong).status == 404
    assert server.get(path, headers={"Accept": "text/html"}).status == 406


def test_crls_are_issued_on_demand_and_listed(server, authority):
    name, authority_id = authority
    answer = server.done("IssueCRL", authority=name)
    (made,) = answer["result"]["crls"]
    wait_for(lambda: server.get(f"/api/v1/crls?authority_id={authority_id}").json["items"][0]["signed"] == "yes")
    (row,) = server.get(f"/api/v1/crls?authority_id={authority_id}").json["items"]
    assert (row["crl_number"], row["entries"], row["size"]) == (made["crl_number"], 0, made["size"])
    assert made["size"] == len(server.get(f"/api/v1/authorities/{name}/crl?number={made['crl_number']}").body)


def test_a_bundle_with_crls_is_all_that_openssl_needs(server, tmp_path, authority):
    name, authority_id = authority
    (kept, kept_result), (gone, gone_result) = issued(server, name), issued(server, name)
    revoke(server, authority_id, gone, gone_result)
    path = f"/api/v1/authorities/{name}/bundle"
    bundle = server.get(f"{path}?crls=1").body.decode()
    assert bundle.startswith(server.get(path).body.decode())
    (tmp_path / "crls.pem").write_text(bundle)
    checked = ("-crl_check", "-CRLfile", str(tmp_path / "crls.pem"))
    assert openssl.verifies(bundle, kept_result["certificate_pem"], *checked), kept
    assert not openssl.verifies(bundle, gone_result["certificate_pem"], *checked)
    assert server.get(f"{path}?crls=1", headers={"Accept": "application/x-pkcs12"}).status == 406
