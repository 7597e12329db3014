"""Pieces of certificates, right and wrong, from which `breaking.py` puts its certificates together."""

from es_pki.adapters.lint import oids
from es_pki.adapters.x509.der import (
    BIT_STRING,
    NULL,
    element,
    integer,
    object_identifier,
    sequence,
)
from tests.adapters.lint.making import (
    IA5,
    LEAF_EXTENSIONS,
    SIGNS,
    SPKI,
    attribute,
    authority,
    extension,
    leaf,
    name,
    names,
    oid,
)


def key(algorithm: bytes, parameters: bytes, octets: bytes) -> bytes:
    return sequence(sequence(oid(algorithm), parameters), element(BIT_STRING, b"\0", octets))


def with_subject(*attributes: bytes) -> bytes:
    return leaf(subject=name(*attributes))


def with_names(*general: tuple[int, bytes]) -> bytes:
    return leaf({oids.SUBJECT_ALT_NAME: (False, names(*general))})


def usages(bits: int, unused: int) -> tuple[bool, bytes]:
    return True, element(BIT_STRING, bytes((unused, bits)))


def constrained(*parts: bytes) -> bytes:
    return authority({oids.NAME_CONSTRAINTS: (True, sequence(*parts))})


def permitted(tag: int, base: bytes, *more: bytes) -> bytes:
    return constrained(element(0xA0, sequence(element(tag, base), *more)))


def with_points(*points: bytes) -> bytes:
    return leaf({oids.CRL_DISTRIBUTION_POINTS: (False, sequence(*points))})


def point(uri: bytes) -> bytes:
    return sequence(element(0xA0, element(0xA0, element(0x86, uri))))


def with_access(*places: bytes) -> bytes:
    return leaf({oids.AUTHORITY_INFO_ACCESS: (False, sequence(*places))})


def with_policies(*policies: bytes) -> bytes:
    return leaf({oids.CERTIFICATE_POLICIES: (False, sequence(*policies))})


def policy(kind: bytes, *qualifiers: bytes) -> bytes:
    return sequence(oid(kind), *([sequence(*qualifiers)] if qualifiers else []))


def notice(tag: int, text: bytes) -> bytes:
    return policy(SOME_POLICY, sequence(oid(oids.USER_NOTICE), sequence(element(tag, text))))


EMPTY = sequence()
LONG_HOST = b".".join([b"a" * 49] * 5 + [b"test"])
RSA_NULL = (oids.RSA, NULL)
SOME_POLICY = oids.oid("1.3.6.1.4.1.99999.1")
UNKNOWN = oids.oid("1.3.6.1.4.1.99999.2")
ED25519 = key(oids.ED25519, b"", bytes(32))
SHA1_RSA = sequence(object_identifier("1.2.840.113549.1.1.5"), NULL)
ECDSA_NULL = sequence(object_identifier("1.2.840.10045.4.3.2"), NULL)
SHA256_RSA = sequence(object_identifier("1.2.840.113549.1.1.11"), NULL)
POINT = SPKI[-65:]
ANY_EMAIL = attribute(oids.EMAIL_ADDRESS, b"a@example.test", IA5)
TWICE = leaf(
    extensions=element(
        0xA3,
        sequence(*(extension(k, *v) for k, v in [*LEAF_EXTENSIONS.items(), (oids.KEY_USAGE, (True, SIGNS))] if v)),
    )
)


def only_in_authorities(kind: bytes, value: bytes) -> bytes:
    return leaf({kind: (True, value)})


def rsa(modulus: int, exponent: int) -> bytes:
    return key(*RSA_NULL, sequence(integer(modulus), integer(exponent)))


ONE_PERMITTED = sequence(element(0xA0, sequence(element(0x82, b"example.test"))))
REQUIRE_POLICY = sequence(element(0x80, b"\x00"))
MAPPING = sequence(sequence(oid(SOME_POLICY), oid(UNKNOWN)))
