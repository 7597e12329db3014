"""CRLs on the public listener and in the API, judged by openssl."""

import pytest
from cryptography import x509

from tests import openssl
from tests.samples import fresh
from tests.serving import wait_for


@pytest.fixture
def issuer(server):
    """An authority that revoked nothing."""
    name = fresh("ca")
    answer = server.done("CreateAuthority", name=name, subject={"common_name": name})
    authority_id = answer["result"]["authority_id"]
    assert server.get(f"/api/v1/authorities/{name}?at_least={answer['position']}").status == 200
    wait_for(lambda: server.fetch(f"/pki/{authority_id}/crl").status == 200)
    return name, authority_id


def issued(server, issuer, **further):
    name = fresh()
    answer = server.done("IssueCertificate", name=name, authority=issuer, dns_names=["www.example.test"], **further)
    return name, answer["result"]


def crl_of(server, authority_id, what=""):
    reply = server.fetch(f"/pki/{authority_id}/crl{what}")
    assert reply.status == 200, reply.body
    return x509.load_der_x509_crl(reply.body)


def listed(server, authority_id, what=""):
    return {f"{one.serial_number:x}".zfill(2) for one in crl_of(server, authority_id, what)}


def serial(result):
    return f"{int(result['serial_number'], 16):x}".zfill(2)


def test_a_new_authority_has_a_crl_at_once(server, issuer):
    name, authority_id = issuer
    reply = server.fetch(f"/pki/{authority_id}/crl")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/pkix-crl")
    assert "No Revoked Certificates" in openssl.run("crl", "-inform", "DER", "-noout", "-text", text=reply.body)
    assert server.fetch(f"/pki/{name}/crl").body == reply.body
    assert server.fetch(f"/pki/{authority_id}/crl/delta").status == 404
    assert server.fetch(f"/pki/{authority_id}/crl/7").status == 404


def test_a_revocation_is_published_by_itself(server, issuer):
    name, authority_id = issuer
    certificate, result = issued(server, name)
    before = crl_of(server, authority_id)
    server.done("RevokeCertificate", certificate=certificate, reason="keyCompromise")
    wait_for(lambda: serial(result) in listed(server, authority_id))
    after = crl_of(server, authority_id)
    number = x509.CRLNumber
    assert (
        after.extensions.get_extension_for_class(number).value.crl_number
        > before.extensions.get_extension_for_class(number).value.crl_number
    )
    text = openssl.run("crl", "-inform", "DER", "-noout", "-text", text=server.fetch(f"/pki/{authority_id}/crl").body)
    assert "Key Compromise" in text
