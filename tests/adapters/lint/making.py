"""Certificates made octet by octet, sound ones and others: no library that refuses to make what is wrong."""

import hashlib
from typing import Any

from es_pki.adapters.lint import oids
from es_pki.adapters.x509 import keys
from es_pki.adapters.x509.der import BIT_STRING, INTEGER, OCTET_STRING, element, integer, object_identifier, sequence
from es_pki.values import KeyType

UTF8, PRINTABLE, IA5, UTC, GENERALIZED, SET, BOOLEAN = 0x0C, 0x13, 0x16, 0x17, 0x18, 0x31, 0x01
SPKI = keys.stand_in(KeyType.EC_P256).spki
ISSUER_SPKI = keys.generate(KeyType.EC_P256).public_key.spki
ECDSA = sequence(object_identifier("1.2.840.10045.4.3.2"))
SOME_SIGNATURE = element(BIT_STRING, b"\0", sequence(integer(1), integer(1)))
CERT_SIGN = element(BIT_STRING, bytes((1, 0b10000110)))
SIGNS = element(BIT_STRING, bytes((7, 0b10000000)))

Extensions = dict[bytes, tuple[bool, bytes] | None]


def oid(octets: bytes) -> bytes:
    return element(0x06, octets)


def attribute(kind: bytes, value: bytes, tag: int = UTF8) -> bytes:
    return sequence(oid(kind), element(tag, value))


def name(*attributes: bytes) -> bytes:
    """A distinguished name with an RDN for each attribute."""
    return sequence(*(element(SET, each) for each in attributes))


def validity(beginning: tuple[int, bytes] = (UTC, b"260503120000Z"), end: tuple[int, bytes] = (UTC, b"270503120000Z")):
    return sequence(element(*beginning), element(*end))


def identifier(spki: bytes) -> bytes:
    return hashlib.sha256(spki).digest()[:20]


ISSUER_NAME = name(attribute(oids.COMMON_NAME, b"Example CA"))
SUBJECT = name(attribute(oids.COMMON_NAME, b"www.example.test"))


def names(*general: tuple[int, bytes]) -> bytes:
    return sequence(*(element(tag, value) for tag, value in general))


LEAF_EXTENSIONS: Extensions = {
    oids.BASIC_CONSTRAINTS: (True, sequence()),
    oids.KEY_USAGE: (True, SIGNS),
    oids.EXTENDED_KEY_USAGE: (False, sequence(oid(oids.SERVER_AUTH))),
    oids.SUBJECT_ALT_NAME: (False, names((0x82, b"www.example.test"))),
    oids.SUBJECT_KEY_IDENTIFIER: (False, element(OCTET_STRING, identifier(SPKI))),
    oids.AUTHORITY_KEY_IDENTIFIER: (False, sequence(element(0x80, identifier(ISSUER_SPKI)))),
}
AUTHORITY_EXTENSIONS: Extensions = {
    oids.BASIC_CONSTRAINTS: (True, sequence(element(BOOLEAN, b"\xff"))),
    oids.KEY_USAGE: (True, CERT_SIGN),
    oids.SUBJECT_KEY_IDENTIFIER: (False, element(OCTET_STRING, identifier(SPKI))),
    oids.AUTHORITY_KEY_IDENTIFIER: (False, sequence(element(0x80, identifier(ISSUER_SPKI)))),
}


def extension(kind: bytes, critical: bool, value: bytes) -> bytes:
    return sequence(oid(kind), *([element(BOOLEAN, b"\xff")] if critical else []), element(OCTET_STRING, value))


def to_be_signed(extensions: Extensions, /, **changes: Any) -> bytes:
    parts: dict[str, bytes] = {
        "version": element(0xA0, element(INTEGER, b"\x02")),
        "serial_number": element(INTEGER, bytes(range(1, 17))),
        "signature": ECDSA,
        "issuer": ISSUER_NAME,
        "validity": validity(),
        "subject": SUBJECT,
        "key": SPKI,
        "unique": b"",
        "extensions": element(0xA3, sequence(*(extension(k, *v) for k, v in extensions.items() if v is not None))),
        **changes,
    }
    return sequence(*parts.values())


def signed(tbs: bytes, algorithm: bytes = ECDSA) -> bytes:
    return sequence(tbs, algorithm, SOME_SIGNATURE)


def leaf(extensions: Extensions | None = None, /, **changes: Any) -> bytes:
    """A server's certificate, sound but for the changes."""
    return signed(to_be_signed({**LEAF_EXTENSIONS, **(extensions or {})}, **changes), changes.get("signature", ECDSA))


def authority(extensions: Extensions | None = None, /, **changes: Any) -> bytes:
    """An intermediate authority's certificate, sound but for the changes."""
    return signed(to_be_signed({**AUTHORITY_EXTENSIONS, **(extensions or {})}, **changes))


def issuer(extensions: Extensions | None = None, /, **changes: Any) -> bytes:
    """The certificate of the authority that issued the others."""
    own: Extensions = {oids.SUBJECT_KEY_IDENTIFIER: (False, element(OCTET_STRING, identifier(ISSUER_SPKI)))}
    return authority({**own, **(extensions or {})}, **{"subject": ISSUER_NAME, "key": ISSUER_SPKI, **changes})


ISSUER = issuer()
