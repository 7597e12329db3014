"""What a text or file consists of: PEM blocks in any order with anything around them, or a single DER object.

A DER object is told by its first elements; PEM says what it holds in its label (RFC 7468).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from msgspec import Struct

from es_pki.adapters.x509.der import SEQUENCE
from es_pki.adapters.x509.reading.ber import as_der, head
from es_pki.adapters.x509.reading.strays import LABELS as LABELS_OF_STRAYS
from es_pki.adapters.x509.reading.strays import stray, stray_der
from es_pki.commands.refusals import Malformed

MOST_BLOCKS = 4_000

_BLOCK = re.compile(
    rb"-----BEGIN (?P<label>[A-Z0-9 #]{1,40})-----[ \t]*\r?\n?"
    rb"(?P<headers>(?:[A-Za-z-]{1,40}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)*)"
    rb"(?P<body>[A-Za-z0-9+/=\s]*)-----END (?P=label)-----"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]+")


_TRUSTED = b"TRUSTED CERTIFICATE"


class Kind(Enum):
    """What an object is."""

    CERTIFICATE = auto()
    PKCS7 = auto()
    PKCS12 = auto()
    PRIVATE_KEY = auto()
    ENCRYPTED_KEY = auto()
    FOREIGN_KEY = auto()


LABELS: Mapping[bytes, Kind] = {
    b"CERTIFICATE": Kind.CERTIFICATE,
    b"X509 CERTIFICATE": Kind.CERTIFICATE,
    _TRUSTED: Kind.CERTIFICATE,
    b"PKCS7": Kind.PKCS7,
    b"PKCS #7 SIGNED DATA": Kind.PKCS7,
    b"CMS": Kind.PKCS7,
    b"PKCS12": Kind.PKCS12,
    b"PRIVATE KEY": Kind.PRIVATE_KEY,
    b"RSA PRIVATE KEY": Kind.PRIVATE_KEY,
    b"EC PRIVATE KEY": Kind.PRIVATE_KEY,
    b"DSA PRIVATE KEY": Kind.PRIVATE_KEY,
    b"ENCRYPTED PRIVATE KEY": Kind.ENCRYPTED_KEY,
    b"OPENSSH PRIVATE KEY": Kind.FOREIGN_KEY,
}
"""Blocks of other labels say nothing that is wanted here; `strays.py` knows what some of them are."""


class Part(Struct, frozen=True):
    """One object: its DER, and for a key that OpenSSL's old way encrypted its whole PEM block."""

    kind: Kind
    der: bytes
    armoured: bytes = b""

    def __repr__(self) -> str:
        """Show nothing of what may be a key."""
        return f"Part({self.kind.name})"


def parts_of(content: bytes, field: str) -> list[Part]:
    """Return the objects in PEM, base64 or DER. Raises `Malformed`, naming the field, for what is none of them."""
    if b"-----BEGIN " in content:
        found = list(_blocks(content, field))
    elif _BASE64.fullmatch(content):
        decoded = _decoded(content, field)
        return parts_of(decoded, field) if not _BASE64.fullmatch(decoded) else _unknown(content, field)
    else:
        found = [_part(content, field)]
    return found or _unknown(content, field)


def _unknown(content: bytes, field: str) -> list[Part]:
    labels = (block["label"] for block in _BLOCK.finditer(content))
    what = next((LABELS_OF_STRAYS[label] for label in labels if label in LABELS_OF_STRAYS), "") or stray(content)
    raise Malformed.at(field, "RFC 7468", what or "send PEM, or base64 of DER: certificates, keys, PKCS#7 or PKCS#12")


def _blocks(content: bytes, field: str) -> Iterator[Part]:
    for number, block in enumerate(_BLOCK.finditer(content)):
        if number >= MOST_BLOCKS:
            raise Malformed.at(field, "files are bounded", f"at most {MOST_BLOCKS} PEM blocks")
        kind = LABELS.get(block["label"])
        if kind is None:
            continue
        if b"ENCRYPTED" in block["headers"]:
            yield Part(Kind.ENCRYPTED_KEY, b"", block[0] + b"\n")
        elif kind is Kind.FOREIGN_KEY:
            yield Part(kind, b"")
        else:
            der = _decoded(block["body"], field)
            yield Part(kind, _without_trust(der, field) if block["label"] == _TRUSTED else der)


def _without_trust(der: bytes, field: str) -> bytes:
    """Return a certificate without what OpenSSL wrote behind it: for what it is trusted."""
    try:
        return der[: head(der, 0).end]
    except ValueError:
        raise Malformed.at(field, "X.690", "this is no well-formed certificate") from None


def _decoded(body: bytes, field: str) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed.at(field, "RFC 4648 section 4", "this is neither PEM nor base64 of DER") from None


def _part(content: bytes, field: str) -> Part:
    """Return a DER (or BER) object by its beginning."""
    found, what = None, ""
    try:
        der = as_der(content)
        kind, what = _kind(der), stray_der(der)
        found = None if kind is None or what else Part(kind, der)
    except ValueError:
        what = stray(content)
    if found is None:
        raise Malformed.at(field, "X.690", what or "this is no certificate, key, PKCS#7 or PKCS#12 file")
    return found


def _kind(der: bytes) -> Kind | None:
    """Return what DER is by its first two elements, and the first within the first. Raises `ValueError`."""
    outer = head(der, 0)
    if outer.tag != SEQUENCE:
        return None
    first = head(der, outer.begin)
    second = head(der, first.end or 0)
    match (first.tag, second.tag):
        case (0x06, _):
            return Kind.PKCS7
        case (0x02, 0x30):
            return Kind.PKCS12 if der[first.begin : first.end] == b"\x03" else Kind.PRIVATE_KEY
        case (0x02, 0x02 | 0x04):
            return Kind.PRIVATE_KEY
        case (0x30, 0x04):
            return Kind.ENCRYPTED_KEY
        case (0x30, 0x30):
            return Kind.CERTIFICATE
        case _:
            return None
