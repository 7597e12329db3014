"""BER as some programs write it, brought into DER."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.x509.der import OCTET_STRING, element, sequence
from es_pki.adapters.x509.reading.ber import as_der
from es_pki.adapters.x509.reading.opening import Sent, open_one
from tests.adapters.x509.reading.made import PASSPHRASE, der_of


def indefinite(der):
    """Return DER with its outer constructed elements in lengths that end where they end."""
    return der[:1] + b"\x80" + content_of(der) + b"\0\0"


def content_of(der):
    first = der[1]
    return der[2:] if first < 0x80 else der[2 + (first & 0x7F) :]


def test_lengths_become_definite_and_pieces_whole():
    piece = element(OCTET_STRING, b"ab")
    pieces = b"\x24\x80" + piece + b"\x24\x80" + piece + b"\0\0" + b"\0\0"
    assert as_der(b"\x30\x80" + pieces + b"\0\0") == sequence(element(OCTET_STRING, b"abab"))
    assert as_der(sequence(piece) + b"what follows") == sequence(piece)


def test_a_file_in_indefinite_lengths_opens(made):
    for content in (made.pkcs12(), made.pkcs7("-outform", "DER")):
        opened = open_one(Sent(indefinite(content), None, PASSPHRASE))
        assert opened.facts.certificate == der_of(made.read("leaf.pem"))


@pytest.mark.parametrize(
    "bad", [b"", b"\x30", b"\x30\x80", b"\x04\x80\0\0", b"\x30\x05\0", b"\x1f\x01\0", b"\x30\x80" * 100]
)
def test_what_is_no_ber_is_told(bad):
    with pytest.raises(ValueError, match=r"."):
        as_der(bad)


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_told(data):
    with contextlib.suppress(ValueError):
        der = as_der(data)
        assert as_der(der) == der
