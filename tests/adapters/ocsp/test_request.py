"""Reading requests: what strangers send, to the last octet."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.ocsp.request import NONCE, MalformedRequest, read_request
from es_pki.adapters.x509.der import NULL, OCTET_STRING, element, integer, object_identifier, sequence
from es_pki.adapters.x509.elements import NotDER, element_at

SHA1 = object_identifier("1.3.14.3.2.26")
UNKNOWN_EXTENSION = object_identifier("1.2.3.4")
FIVE = integer(5)
TRUE = b"\x01\x01\xff"


def single(serial=FIVE, *extensions, parameters=NULL):
    """Return one Request."""
    hashed = [element(OCTET_STRING, part * 20) for part in (b"n", b"k")]
    return sequence(sequence(sequence(SHA1, parameters), *hashed, serial), *extended(0xA0, extensions))


def request(*singles, before=b"", extensions=(), after=b""):
    """Return an OCSPRequest."""
    return sequence(sequence(before, sequence(*(singles or (single(),))), *extended(0xA2, extensions)), after)


def extended(tag, extensions):
    return [element(tag, sequence(*extensions))] if extensions else []


def extension(oid, value, critical=b""):
    return sequence(oid, critical, element(OCTET_STRING, value))


def nonce(octets):
    return extension(NONCE, element(OCTET_STRING, octets))


def test_what_cryptography_builds_is_read():
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(b"n" * 32, b"k" * 32, 1 << 150, hashes.SHA256())
    der = builder.add_extension(x509.OCSPNonce(b"nonce"), critical=True).build().public_bytes(Encoding.DER)
    asked = read_request(der)
    (about,) = asked.about
    assert (about.issuer_name_hash, about.issuer_key_hash, about.serial_number) == (b"n" * 32, b"k" * 32, 1 << 150)
    assert about.hash_algorithm == object_identifier("2.16.840.1.101.3.4.2.1")
    assert about.der in der
    assert asked.nonce == element(OCTET_STRING, b"nonce")


@pytest.mark.parametrize(
    "der",
    [
        request(),
        request(before=element(0xA0, integer(0))),
        request(before=element(0xA1, element(0x82, b"asker.example.test"))),
        request(after=element(0xA0, sequence(b""))),
        request(single(parameters=b"")),
        request(single(integer(5), extension(UNKNOWN_EXTENSION, b"value"))),
        request(extensions=[extension(UNKNOWN_EXTENSION, b"value")]),
        request(extensions=[extension(object_identifier("1.3.6.1.5.5.7.48.1.4"), b"basic", TRUE)]),
        request(extensions=[extension(NONCE, b"\x04")]),
    ],
    ids=[
        "plain",
        "version 1 written out",
        "with the asker's name",
        "signed",
        "a hash without parameters",
        "an extension about a certificate",
        "an extension that nobody knows",
        "acceptable responses, critical",
        "a nonce of old, without an OCTET STRING around it",
    ],
)
def test_what_has_the_form_of_a_request_is_one(der):
    assert [about.serial_number for about in read_request(der).about] == [5]


@pytest.mark.parametrize(
    "der",
    [
        b"",
        sequence(b""),
        request() + b"\0",
        request()[:-1],
        sequence(sequence(sequence(b""))),
        request(before=element(0xA0, integer(1))),
        request(after=sequence(b"")),
        request(single(b"\x02\x00")),
        request(single(b"\x02\x02\x00\x05")),
        request(single(b"\x02\x02\xff\xfb")),
        request(single(integer(5) + integer(6))),
        request(single(parameters=integer(0))),
        request(single(integer(5), extension(UNKNOWN_EXTENSION, b"value", TRUE))),
        request(extensions=[extension(UNKNOWN_EXTENSION, b"value", TRUE)]),
        request(extensions=[nonce(b"one"), nonce(b"two")]),
        request(extensions=[nonce(b"")]),
        request(extensions=[extension(NONCE, b"")]),
        request(extensions=[nonce(bytes(129))]),
        b"\x30\x80" + request()[2:] + b"\0\0",
        b"\x30\x81\x05" + request()[2:],
        b"\x30\x85\x00\x00\x00\x00\x05" + request()[2:],
        b"\x30\x84\xff\xff\xff\xff",
        b"\x1f" + request()[1:],
    ],
)
def test_what_has_not_is_malformed(der):
    with pytest.raises(MalformedRequest):
        read_request(der)


@given(st.binary(max_size=60))
def test_elements_are_within_the_bytes_whatever_they_are(data):
    try:
        found, end = element_at(data, 0)
    except NotDER:
        return
    assert data[:end] == found.der
    assert found.der.endswith(found.content)
