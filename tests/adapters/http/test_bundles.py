"""What others trust, in one file: openssl, keytool and cryptography read it, and it changes for a reason only."""

import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from tests import openssl

PATH = "/api/v1/authorities/intermediate/bundle"
PEM, PKCS7, PKCS12 = "application/pem-certificate-chain", "application/pkcs7-mime", "application/x-pkcs12"


def bundle(server, form=PEM, path=PATH):
    reply = server.get(path, headers={"Accept": form})
    assert (reply.status, reply.headers["content-type"]) == (200, form), reply.body
    return reply.body


@pytest.fixture(scope="module")
def certificates(server):
    """The certificates of the intermediate and the root."""
    names = ("intermediate", "root")
    pems = [server.get(f"/api/v1/authorities/{name}").json["certificate_pem"] for name in names]
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]


def test_a_bundle_is_the_authority_and_those_above_it_in_every_form(server, certificates):
    assert x509.load_pem_x509_certificates(bundle(server)) == certificates
    assert set(pkcs7.load_der_pkcs7_certificates(bundle(server, PKCS7))) == set(certificates)
    store = pkcs12.load_pkcs12(bundle(server, PKCS12), b"changeit")
    trusted = {held.friendly_name: held.certificate for held in store.additional_certs}
    assert trusted == {b"intermediate": certificates[0], b"root": certificates[1]}
    assert (store.key, store.cert) == (None, None)


def test_a_root_stands_alone(server, certificates):
    assert x509.load_pem_x509_certificates(bundle(server, PEM, "/api/v1/authorities/root/bundle")) == certificates[1:]


def test_openssl_verifies_with_a_bundle(server):
    body = {"name": "bundled", "authority": "intermediate", "dns_names": ["www.example.test"]}
    chain = server.done("IssueCertificate", **body)["result"]["certificate_pem"]
    assert openssl.verifies(bundle(server).decode(), chain, "-verify_hostname", "www.example.test")


def test_java_trusts_the_authorities_of_a_trust_store(server, tmp_path):
    file = tmp_path / "trust.p12"
    file.write_bytes(bundle(server, PKCS12))
    command = ["keytool", "-J-Duser.language=en", "-list", "-keystore", str(file), "-storepass", "changeit"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    trusted = [line.split(",")[0] for line in listed.splitlines() if "trustedCertEntry" in line]
    assert sorted(trusted) == ["intermediate", "root"]


@pytest.mark.parametrize("form", [PEM, PKCS7, PKCS12])
def test_the_same_authorities_give_the_same_bytes(server, form):
    before = bundle(server, form)
    server.done("SetIssuancePolicy", authority="intermediate", policy={})
    assert bundle(server, form, f"{PATH}?at_least={server.size()}") == before


def test_what_comes_in_no_such_form_is_refused(server):
    reply = server.get(PATH, headers={"Accept": "application/pkix-cert"})
    assert (reply.status, reply.json["code"]) == (406, "not-acceptable")
    assert server.get("/api/v1/authorities/nobody/bundle").status == 404


def test_a_bundle_is_as_it_was_then(server):
    assert server.get(f"{PATH}?as_of=0").status == 404
    assert bundle(server, PEM, f"{PATH}?as_of={server.size()}") == bundle(server)
