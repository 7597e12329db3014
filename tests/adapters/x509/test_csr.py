"""CSRs: whatever the bytes, an answer or a refusal that names the field, and never more than was asked for."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.x509.csr import LARGEST, read_csr
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.values import Attribute, AttributeType, KeyType
from tests import openssl

CSR = openssl.new_csr(openssl.KEYS["ec-p256"], "/C=DK/O=Novo A\\/S/CN=www.example.test", "DNS:www.example.test,IP:::1")
DER = base64.b64decode("".join(CSR.split("-----")[2].split()))
BODY = base64.b64encode(DER).decode()


def refusal_of(text):
    with pytest.raises((Malformed, RulesBroken)) as caught:
        read_csr(text)
    (violation,) = caught.value.violations
    assert violation.field.startswith("csr")
    return violation


@pytest.mark.parametrize(
    "text",
    [CSR, "text before\n" + CSR + "text after", CSR.replace("CERTIFICATE", "NEW CERTIFICATE"), BODY, f" {BODY}\n"],
)
def test_a_csr_is_read_in_every_form(text):
    request = read_csr(text)
    assert request.subject == (
        Attribute(AttributeType.COUNTRY, "DK"),
        Attribute(AttributeType.ORGANIZATION, "Novo A/S"),
        Attribute(AttributeType.COMMON_NAME, "www.example.test"),
    )
    assert request.subject_alt_names.dns_names == ("www.example.test",)
    assert request.subject_alt_names.ip_addresses == ("::1",)
    assert request.public_key.key_type is KeyType.EC_P256


def test_no_truncation_is_taken_for_a_csr():
    for size in range(len(DER)):
        refusal_of(base64.b64encode(DER[:size]).decode())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(DER) * 8 - 1))
def test_no_flipped_bit_is_taken_for_a_csr(bit):
    """Every bit is under the signature or is part of it."""
    flipped = bytearray(DER)
    flipped[bit // 8] ^= 1 << bit % 8
    refusal_of(base64.b64encode(flipped).decode())


@given(st.text(max_size=200) | st.binary(max_size=300).map(lambda octets: base64.b64encode(octets).decode()))
def test_no_text_breaks_the_reader(text):
    refusal_of(text)


def test_a_refusal_repeats_nothing_of_what_was_sent():
    secret = base64.b64encode(b"a secret that was pasted by mistake").decode()
    for text in (secret, f"-----BEGIN CERTIFICATE REQUEST-----\n{secret}\n-----END CERTIFICATE REQUEST-----"):
        violation = refusal_of(text)
        assert secret not in repr(violation)


def test_a_csr_is_bounded():
    assert refusal_of("A" * (LARGEST + 1)).rule == "CSRs are bounded"


def test_an_extension_that_is_requested_twice_is_named():
    key = Ed25519PrivateKey.generate()
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    for oid in ("1.2.3.4", "1.2.3.5"):
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b""), critical=False)
    made = builder.sign(key, None)
    doubled = made.tbs_certrequest_bytes.replace(b"\x2a\x03\x05", b"\x2a\x03\x04")
    der = made.public_bytes(Encoding.DER).replace(made.tbs_certrequest_bytes, doubled)
    violation = refusal_of(base64.b64encode(der.replace(made.signature, key.sign(doubled))).decode())
    assert (violation.field, violation.detail) == ("csr", "the extension 1.2.3.4 is requested twice")


def test_a_certificate_is_no_csr():
    key = openssl.run("genpkey", "-algorithm", "ed25519")
    certificate = openssl.run("req", "-x509", "-key", "/dev/stdin", "-subj", "/CN=x", text=key.encode())
    assert refusal_of(certificate).field == "csr"
    assert refusal_of(key).field == "csr"
