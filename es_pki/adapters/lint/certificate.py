"""A certificate taken apart for the rules, to be signed or signed (RFC 5280 section 4.1); nothing is judged here.

An extension that can't be read stands in `broken` and counts as present without content. Names stay DER: they are
compared as bytes.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.lint import contents, oids
from es_pki.adapters.lint.elements import (
    EXPLICIT,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    Element,
    NotDER,
    boolean,
    content,
    elements,
    inside,
    integer,
    octets_of_bits,
    only,
)

T = TypeVar("T")


class Algorithm(NamedTuple):
    """An AlgorithmIdentifier: which, and its parameters, None if there are none."""

    oid: bytes
    parameters: Element | None


class Key(NamedTuple):
    """A SubjectPublicKeyInfo: its algorithm, and the octets of the key."""

    algorithm: Algorithm
    octets: bytes


class Attribute(NamedTuple):
    """An attribute of a name: what it is, the tag of its value, and the value."""

    type: bytes
    tag: int
    value: bytes


class Extension(NamedTuple):
    """An extension as it stands there; `value` is DER."""

    oid: bytes
    critical: bool
    value: bytes


class Certificate(Struct, frozen=True):
    """What the rules read. `issuer_certificate` is None where it isn't known, or where the subject signs for itself.

    `outer_signature` is None before there is a signature. `subject` and `issuer` are the contents of the DER names,
    `attributes` those of the subject by RDN.
    """

    version: int
    serial_number: int
    signature: Algorithm
    issuer: bytes
    not_before: Element
    not_after: Element
    subject: bytes
    attributes: tuple[tuple[Attribute, ...], ...]
    key: Key
    has_unique_identifiers: bool
    extensions: tuple[Extension, ...]
    criticality: dict[bytes, bool]
    broken: tuple[tuple[bytes, str], ...]
    subject_key_identifier: bytes | None
    authority_key_identifier: contents.AuthorityKeyIdentifier | None
    key_usages: frozenset[int] | None
    basic_constraints: contents.BasicConstraints | None
    extended_key_usages: tuple[bytes, ...] | None
    subject_alt_names: tuple[Element, ...] | None
    issuer_alt_names: tuple[Element, ...] | None
    name_constraints: contents.NameConstraints | None
    distribution_points: tuple[contents.DistributionPoint, ...] | None
    access_descriptions: tuple[contents.AccessDescription, ...] | None
    policies: tuple[contents.Policy, ...] | None
    policy_mappings: tuple[tuple[bytes, bytes], ...] | None
    policy_constraints: tuple[Element, ...] | None
    outer_signature: Algorithm | None = None
    issuer_certificate: "Certificate | None" = None
    is_self_signed: bool = False

    @property
    def is_authority(self) -> bool:
        """Tell whether it says CA:TRUE."""
        return self.basic_constraints is not None and self.basic_constraints.is_authority

    @property
    def signer(self) -> "Certificate | None":
        """Return whose key signs it, None where that isn't known."""
        return self if self.is_self_signed else self.issuer_certificate


def read_certificate(der: bytes, issuer_certificate: bytes | None = None) -> Certificate:
    """Take a signed certificate apart. Raises `NotDER`.

    Without its issuer's, it is taken to be self-signed when it names itself as issuer, and no other key.
    """
    parts = elements(only(der, SEQUENCE))
    if len(parts) != 3:
        raise NotDER("a certificate has three parts")
    octets_of_bits(parts[2])
    body, outer = _read(content(parts[0], SEQUENCE)), _algorithm(parts[1])
    if issuer_certificate is not None:
        return replace(body, outer_signature=outer, issuer_certificate=issuer_of(issuer_certificate))
    return replace(body, outer_signature=outer, is_self_signed=_names_itself(body))


def _names_itself(certificate: Certificate) -> bool:
    identifier = certificate.authority_key_identifier
    key = identifier.key_identifier if identifier else None
    return certificate.issuer == certificate.subject and key in {None, certificate.subject_key_identifier}


def read_to_be_signed(der: bytes, issuer_certificate: bytes | None) -> Certificate:
    """Take a to-be-signed certificate apart; without an issuer the subject signs for itself. Raises `NotDER`."""
    body = _read(only(der, SEQUENCE))
    if issuer_certificate is None:
        return replace(body, is_self_signed=True)
    return replace(body, issuer_certificate=issuer_of(issuer_certificate))


@lru_cache(maxsize=256)
def issuer_of(certificate: bytes) -> Certificate:
    """Take the certificate of an issuer apart, once. Raises `NotDER`."""
    return read_certificate(certificate)


@lru_cache(maxsize=128)
def _read(body: bytes) -> Certificate:
    """Read the content of a TBSCertificate. What is decided on is looked at several times before it is signed."""
    parts = elements(body)
    version = _version(parts)
    if len(parts) < 6:
        raise NotDER("a certificate lacks fields")
    serial_number, signature, issuer, validity, subject, key, *rest = parts
    times = inside(validity, SEQUENCE)
    if len(times) != 2:
        raise NotDER("a validity is two times")
    found = _extensions(rest)
    parsed = _Parsed(found)
    return Certificate(
        version=version,
        serial_number=integer(content(serial_number, INTEGER)),
        signature=_algorithm(signature),
        issuer=content(issuer, SEQUENCE),
        not_before=times[0],
        not_after=times[1],
        subject=content(subject, SEQUENCE),
        attributes=name(subject[1]),
        key=_key(key),
        has_unique_identifiers=any(tag in {0x81, 0x82} for tag, _ in rest),
        extensions=found,
        criticality={extension.oid: extension.critical for extension in found},
        subject_key_identifier=parsed(oids.SUBJECT_KEY_IDENTIFIER, contents.subject_key_identifier),
        authority_key_identifier=parsed(oids.AUTHORITY_KEY_IDENTIFIER, contents.authority_key_identifier),
        key_usages=parsed(oids.KEY_USAGE, contents.key_usages),
        basic_constraints=parsed(oids.BASIC_CONSTRAINTS, contents.basic_constraints),
        extended_key_usages=parsed(oids.EXTENDED_KEY_USAGE, contents.identifiers),
        subject_alt_names=parsed(oids.SUBJECT_ALT_NAME, contents.general_names),
        issuer_alt_names=parsed(oids.ISSUER_ALT_NAME, contents.general_names),
        name_constraints=parsed(oids.NAME_CONSTRAINTS, contents.name_constraints),
        distribution_points=parsed(oids.CRL_DISTRIBUTION_POINTS, contents.distribution_points),
        access_descriptions=parsed(oids.AUTHORITY_INFO_ACCESS, contents.access_descriptions),
        policies=parsed(oids.CERTIFICATE_POLICIES, contents.policies),
        policy_mappings=parsed(oids.POLICY_MAPPINGS, contents.policy_mappings),
        policy_constraints=parsed(oids.POLICY_CONSTRAINTS, contents.policy_constraints),
        broken=tuple(parsed.broken),
    )


def _version(parts: list[Element]) -> int:
    """Return the version, 1 to 3, and remove its element if there is one: version 1 is written by absence."""
    if not parts or parts[0][0] != EXPLICIT:
        return 1
    number = integer(only(parts.pop(0)[1], INTEGER))
    if number == 0:
        raise NotDER("version 1 is written out, although it is the default")
    return number + 1


def _algorithm(element: Element) -> Algorithm:
    parts = inside(element, SEQUENCE)
    if not 1 <= len(parts) <= 2:
        raise NotDER("an AlgorithmIdentifier has one or two parts")
    return Algorithm(content(parts[0], OBJECT_IDENTIFIER), parts[1] if len(parts) == 2 else None)


def _key(element: Element) -> Key:
    parts = inside(element, SEQUENCE)
    if len(parts) != 2:
        raise NotDER("a SubjectPublicKeyInfo has two parts")
    return Key(_algorithm(parts[0]), octets_of_bits(parts[1]))


def name(body: bytes) -> tuple[tuple[Attribute, ...], ...]:
    """Return the attributes of a name by RDN. Raises `NotDER`."""
    return tuple(tuple(_attribute(each) for each in inside(rdn, SET)) for rdn in elements(body))


def _attribute(element: Element) -> Attribute:
    parts = inside(element, SEQUENCE)
    if len(parts) != 2:
        raise NotDER("a naming attribute has two parts")
    return Attribute(content(parts[0], OBJECT_IDENTIFIER), *parts[1])


def _extensions(rest: list[Element]) -> tuple[Extension, ...]:
    if [tag for tag, _ in rest] not in (
        [],
        [0x81],
        [0x82],
        [0x81, 0x82],
        [0xA3],
        [0x81, 0xA3],
        [0x82, 0xA3],
        [0x81, 0x82, 0xA3],
    ):
        raise NotDER("a certificate has fields of other standards, or in another order")
    if not rest or rest[-1][0] != EXPLICIT + 3:
        return ()
    return tuple(_extension(each) for each in elements(only(rest[-1][1], SEQUENCE)))


def _extension(element: Element) -> Extension:
    parts = inside(element, SEQUENCE)
    critical = len(parts) == 3 and boolean(parts[1])
    if not 2 <= len(parts) <= 3 or (len(parts) == 3 and not critical):
        raise NotDER("an extension has two parts, or three of which the second is TRUE")
    return Extension(content(parts[0], OBJECT_IDENTIFIER), critical, content(parts[-1], OCTET_STRING))


class _Parsed:
    """Reads the extensions' contents, and keeps what is wrong with those that can't be read."""

    def __init__(self, found: tuple[Extension, ...]) -> None:
        self._values = {extension.oid: extension.value for extension in found}
        self.broken: list[tuple[bytes, str]] = []

    def __call__(self, oid: bytes, read: Callable[[bytes], T]) -> T | None:
        value = self._values.get(oid)
        if value is None:
            return None
        try:
            return read(value)
        except NotDER as problem:
            self.broken.append((oid, str(problem)))
            return None
