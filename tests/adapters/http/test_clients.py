"""Clients that show certificates instead of tokens, to a real server over real TLS."""

import asyncio
import base64
import contextlib
import http.client
import json
import ssl
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from es_pki.adapters import clock
from tests import serving
from tests.adapters.http.test_access import stop_the_views
from tests.samples import fresh

STORE = "clients"
PASSPHRASE = "the passphrase of these tests"  # noqa: S105 - it protects nothing but what a test throws away
QUERY = "/api/v1/certificates"

REFUSED = (ssl.SSLError, ConnectionError)
"""What a client sees of a handshake that ended: asyncio closes the connection, and sends no alert."""


@pytest.fixture(scope="module")
def foreign():
    """An authority that is none of ours, and its key."""
    return made("Partner", is_authority=True)


@pytest.fixture(scope="module")
def asking(tmp_path_factory, foreign):
    """A server that asks clients for certificates of its root's and of a foreign authority's."""
    folder = tmp_path_factory.mktemp("clients")
    with serving.running(folder / "data", "--client-trust-store", STORE) as server:
        somebody = showing_foreign(server, folder, *made("Somebody", foreign))
        with pytest.raises(REFUSED):
            answer(server, somebody)
        server.done("CreateTrustStore", name=STORE, authorities=["root"], certificates=pem(foreign[0]))
        serving.wait_for(lambda: status_of(server, somebody) == 401)
        yield server


def made(name, issuer=None, *, is_authority=False, days=30):
    """Return a certificate and its key, signed by `issuer` or by itself; it ends in `days` days."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above, signer = issuer or (None, key)
    builder = x509.CertificateBuilder(above.subject if above else subject, subject, key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(clock.now() - timedelta(days=60))
    builder = builder.not_valid_after(clock.now() + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(by, critical=False)
    usages = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    usages |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    builder = builder.add_extension(x509.KeyUsage(**usages), critical=True)
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256()), key


def pem(certificate):
    return certificate.public_bytes(Encoding.PEM).decode()


def fingerprint(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex()


def context_with(server, file, password=None):
    """Return a context that shows the certificate of a file."""
    context = ssl.create_default_context(cafile=str(server.folder / "ca.pem"))
    context.load_cert_chain(file, password=password)
    return context


def showing_foreign(server, folder, certificate, key):
    file = folder / "foreign.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
    return context_with(server, file)


def showing(server, folder, name):
    """Return a context that shows a certificate of ours, as it is exported."""
    told = {"certificate": name, "format": "pem", "passphrase": PASSPHRASE, "reason": "for a test"}
    exported = server.done("ExportCertificate", **told)["result"]
    file = folder / "own.pem"
    file.write_bytes(base64.b64decode(exported["content"]))
    return context_with(server, file, PASSPHRASE)


def issued(server, authority="intermediate"):
    """Issue a certificate for clients; return its name."""
    name = fresh("client")
    told = {"authority": authority, "profile": "client", "subject": {"common_name": name}}
    server.done("IssueCertificate", name=name, **told)
    return name


def admitted(server, name, roles=("viewer",), **known_by):
    """Admit a client; return its principal's name."""
    principal = fresh("principal")
    known_by = known_by or {"certificate": name}
    server.done("AdmitClient", name=principal, roles=list(roles), **known_by)
    return principal


def answer(server, context, **options):
    return server.get(QUERY, token=None, context=context, **options)


def test_a_client_that_was_admitted_does_what_its_roles_allow_in_its_own_name(asking, tmp_path):
    name = issued(asking)
    principal = admitted(asking, name, ["operator"])
    context, made_by_it = showing(asking, tmp_path, name), fresh()
    told = {"name": made_by_it, "authority": "intermediate", "dns_names": ["www.example.test"]}
    reply = asking.command("IssueCertificate", told, token=None, context=context)
    assert reply.status == 200, reply.body
    (event,) = asking.get(f"/api/v1/events?after={reply.json['position'] - 1}&limit=1").json["items"]
    assert event["metadata"]["actor"] == principal
    refused = asking.command("CreateToken", {"name": fresh(), "roles": ["admin"]}, token=None, context=context)
    assert (refused.status, refused.json["code"]) == (403, "not-permitted")


def test_a_certificate_that_was_not_admitted_opens_nothing(asking, tmp_path):
    refused = answer(asking, showing(asking, tmp_path, issued(asking)))
    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")
    assert "AdmitClient" in refused.json["detail"]


def test_a_renewal_keeps_what_the_certificate_opened(asking, tmp_path):
    name = issued(asking)
    admitted(asking, name)
    before = showing(asking, tmp_path, name)
    asking.done("RenewCertificate", certificate=name)
    assert answer(asking, before).status == 200
    assert answer(asking, showing(asking, tmp_path, name)).status == 200


def test_a_foreign_certificate_is_admitted_by_its_fingerprint(asking, tmp_path, foreign):
    certificate, key = made("Alice", foreign)
    context = showing_foreign(asking, tmp_path, certificate, key)
    assert answer(asking, context).status == 401
    admitted(asking, "", fingerprint=fingerprint(certificate).upper())
    assert answer(asking, context).status == 200
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert answer(asking, context).status == 200


def test_a_revoked_certificate_opens_nothing_from_the_answer_on_not_even_on_an_open_connection(asking, tmp_path):
    name = issued(asking)
    admitted(asking, name)
    context = showing(asking, tmp_path, name)
    with contextlib.closing(http.client.HTTPSConnection(urlsplit(asking.url).netloc, context=context)) as connection:

        def status():
            connection.request("GET", QUERY)
            response = connection.getresponse()
            return response.status, json.loads(response.read()).get("detail", "")

        assert status() == (200, "")
        asking.done("HoldCertificate", certificate=name)
        assert status()[0] == 401
        asking.done("ReleaseCertificate", certificate=name)
        assert status() == (200, "")
        asking.done("RevokeCertificate", certificate=name, reason="keyCompromise")
        code, detail = status()
    assert (code, "was revoked" in detail) == (401, True)
    assert answer(asking, context).status == 401


def test_nothing_below_a_revoked_authority_opens_anything(asking, tmp_path):
    authority = fresh("authority")
    told = {"subject": {"common_name": authority}, "issuer": "root"}
    asking.done("CreateAuthority", name=authority, **told)
    name = issued(asking, authority)
    admitted(asking, name)
    context = showing(asking, tmp_path, name)
    assert answer(asking, context).status == 200
    asking.done("RevokeAuthority", authority=authority, reason="cessationOfOperation")
    assert answer(asking, context).status == 401


def test_what_the_trust_store_distrusts_is_no_longer_accepted_and_can_be_again(asking, tmp_path):
    authority = made("Short-lived partner", is_authority=True)
    certificate, key = made("Bob", authority)
    context = showing_foreign(asking, tmp_path, certificate, key)
    with pytest.raises(REFUSED):
        answer(asking, context)
    asking.done("TrustCertificate", trust_store=STORE, certificates=pem(authority[0]))
    admitted(asking, "", fingerprint=fingerprint(certificate))
    serving.wait_for(lambda: status_of(asking, context) == 200)
    with contextlib.closing(http.client.HTTPSConnection(urlsplit(asking.url).netloc, context=context)) as connection:
        connection.connect()
        asking.done("DistrustCertificate", trust_store=STORE, fingerprint=fingerprint(authority[0]), reason="gone")
        connection.request("GET", QUERY)
        assert connection.getresponse().status == 401
    serving.wait_for(lambda: status_of(asking, context) is None)
    asking.done("TrustCertificate", trust_store=STORE, certificates=pem(authority[0]), again=True)
    serving.wait_for(lambda: status_of(asking, context) == 200)


def status_of(server, context):
    """Return the status of an answer, None where the handshake doesn't take the certificate."""
    try:
        return answer(server, context).status
    except REFUSED:
        return None


def test_an_expired_certificate_does_not_get_through_the_handshake(asking, tmp_path, foreign):
    certificate, key = made("Carol", foreign, days=-1)
    admitted(asking, "", fingerprint=fingerprint(certificate))
    with pytest.raises(REFUSED):
        answer(asking, showing_foreign(asking, tmp_path, certificate, key))


def test_a_certificate_for_servers_is_no_client_s(asking, tmp_path):
    name = fresh()
    asking.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    admitted(asking, name)
    with pytest.raises(REFUSED):
        answer(asking, showing(asking, tmp_path, name))


def test_where_a_token_is_sent_too_the_token_decides(asking, tmp_path):
    name = issued(asking)
    admitted(asking, name, ["admin"])
    context = showing(asking, tmp_path, name)
    token = asking.done("CreateToken", name=fresh("token"), roles=["viewer"])["result"]["token"]
    told = {"name": fresh(), "roles": ["viewer"]}
    assert asking.command("CreateToken", told, token=None, context=context).status == 200
    assert asking.command("CreateToken", {**told, "name": fresh()}, token=token, context=context).status == 403
    nobody = {"Authorization": "Bearer espki_nobody"}
    assert asking.get(QUERY, token=None, headers=nobody, context=context).status == 401


def test_a_page_of_another_site_does_nothing_by_the_certificate_that_the_browser_shows(asking, tmp_path):
    name = issued(asking)
    admitted(asking, name, ["admin"])
    context = showing(asking, tmp_path, name)

    def from_page_of(origin):
        told = {"name": fresh(), "roles": ["viewer"]}
        return asking.command("CreateToken", told, token=None, context=context, headers={"Origin": origin}).status

    assert [from_page_of(origin) for origin in ("https://evil.example.test", "null", asking.url)] == [401, 401, 200]


def test_without_a_certificate_tokens_open_as_before(asking):
    assert asking.get(QUERY).status == 200
    assert asking.get(QUERY, token=None).status == 401


def test_a_client_is_locked_out_and_its_certificate_is_free_for_another(asking, tmp_path):
    name = issued(asking)
    principal, context = admitted(asking, name), showing(asking, tmp_path, name)
    taken = asking.command("AdmitClient", {"name": fresh(), "roles": ["viewer"], "certificate": name})
    assert (taken.status, taken.json["code"]) == (409, "certificate-taken")
    asking.done("RevokeToken", principal=principal, reason="left")
    assert answer(asking, context).status == 401
    admitted(asking, name, ["auditor"])
    assert asking.get("/api/v1/events?limit=1", token=None, context=context).status == 200


def test_a_certificate_that_there_is_not_is_not_admitted(asking):
    told = {"name": fresh(), "roles": ["viewer"], "certificate": "0f8b7b2e-0000-4000-8000-000000000004"}
    refused = asking.command("AdmitClient", told)
    assert (refused.status, refused.json["code"]) == (404, "certificate-missing")


def test_a_server_without_the_setting_asks_for_no_certificate(server, tmp_path):
    name = issued(server)
    admitted(server, name)
    refused = answer(server, showing(server, tmp_path, name))
    assert (refused.status, "Bearer" in refused.json["detail"]) == (401, True)


def test_the_log_alone_says_who_is_let_in_and_what_was_revoked(tmp_path):
    with serving.running(tmp_path / "data", "--client-trust-store", STORE) as standing:
        asyncio.run(stop_the_views(standing.folder))
        serving.wait_for(lambda: standing.get("/readyz").status != 200)
        standing.done("CreateTrustStore", name=STORE, authorities=["root"])
        standing.done("CreateAuthority", name="unseen", subject={"common_name": "Unseen"}, issuer="root")
        context = showing(standing, tmp_path, name := issued(standing, "unseen"))
        serving.wait_for(lambda: status_of(standing, context) == 401)
        certificate = x509.load_pem_x509_certificate((tmp_path / "own.pem").read_bytes())
        admitted(standing, "", fingerprint=fingerprint(certificate))
        assert answer(standing, context).status == 200
        standing.done("RevokeCertificate", certificate=name, reason="keyCompromise")
        assert answer(standing, context).status == 401
