"""The attributes of a CSR: their kinds are told, whatever their values are."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.x509.attributes import attribute_oids

KEY = ec.generate_private_key(ec.SECP256R1())


def element(tag, content):
    assert len(content) < 0x10000
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content


def info(attributes):
    """Return a CertificationRequestInfo with these attributes in DER."""
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return element(0x30, b"\x02\x01\x00" + x509.Name([]).public_bytes() + spki + element(0xA0, attributes))


def attribute(oid, *values):
    return element(0x30, b"\x06" + bytes((len(oid),)) + oid + element(0x31, b"".join(values)))


CLIENT_INFO = bytes.fromhex("2b0601040182371514")


@pytest.mark.parametrize("values", [(), (b"\x0c\x01a",), (b"\x0c\x01a", b"\x0c\x01b"), (b"\x30\x03\x02\x01\x05",)])
def test_an_attribute_may_have_any_values(values):
    found = attribute_oids(info(attribute(CLIENT_INFO, *values) + attribute(bytes.fromhex("883703"))))
    assert found == ("1.3.6.1.4.1.311.21.20", "2.999.3")


@pytest.mark.parametrize("options", [(), ((x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"open sesame"),)])
def test_they_are_those_that_others_read(options):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    for oid, value in options:
        builder = builder.add_attribute(oid, value)
    csr = builder.sign(KEY, hashes.SHA256())
    assert attribute_oids(csr.tbs_certrequest_bytes) == tuple(a.oid.dotted_string for a in csr.attributes)


def test_a_csr_may_leave_them_out():
    whole = info(b"")
    assert attribute_oids(whole) == ()
    assert attribute_oids(element(0x30, whole[4:-4])) == ()


@given(st.binary(max_size=100))
def test_no_bytes_break_it_in_another_way(data):
    with pytest.raises(ValueError, match="there is no element"):
        attribute_oids(data)
