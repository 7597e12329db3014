"""The contents of the standard extensions, as they lie (RFC 5280 section 4.2). Every function raises `NotDER`.

A general name is an element: its tag tells the form.
"""

from functools import lru_cache
from typing import NamedTuple

from es_pki.adapters.lint.elements import (
    EXPLICIT,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Element,
    NotDER,
    boolean,
    content,
    elements,
    inside,
    integer,
    named_bits,
    only,
)

OTHER_NAME, RFC822_NAME, DNS_NAME, DIRECTORY_NAME, URI, IP_ADDRESS, REGISTERED_ID = (
    *(0xA0, 0x81, 0x82),
    *(0xA4, 0x86, 0x87, 0x88),
)
GENERAL_NAMES = frozenset(
    {OTHER_NAME, RFC822_NAME, DNS_NAME, 0xA3, DIRECTORY_NAME, 0xA5, URI, IP_ADDRESS, REGISTERED_ID}
)


class BasicConstraints(NamedTuple):
    """Section 4.2.1.9."""

    is_authority: bool
    path_length: int | None


class AuthorityKeyIdentifier(NamedTuple):
    """Section 4.2.1.1; None for what isn't there."""

    key_identifier: bytes | None
    has_issuer: bool
    has_serial_number: bool


class Subtree(NamedTuple):
    """Section 4.2.1.10: a part of a name space; `has_distance` if minimum or maximum is written."""

    base: Element
    has_distance: bool


class NameConstraints(NamedTuple):
    """Section 4.2.1.10; None for what isn't there."""

    permitted: tuple[Subtree, ...] | None
    excluded: tuple[Subtree, ...] | None


class DistributionPoint(NamedTuple):
    """Section 4.2.1.13: where a CRL lies, who signs it, and for which reasons it is."""

    names: tuple[Element, ...]
    has_relative_name: bool
    has_issuer: bool


class AccessDescription(NamedTuple):
    """Section 4.2.2.1."""

    method: bytes
    location: Element


class Policy(NamedTuple):
    """Section 4.2.1.4: a policy, with the kinds and the contents of its qualifiers."""

    oid: bytes
    qualifiers: tuple[tuple[bytes, Element], ...]


def subject_key_identifier(value: bytes) -> bytes:
    """Read section 4.2.1.2."""
    return only(value, OCTET_STRING)


@lru_cache(maxsize=1024)
def authority_key_identifier(value: bytes) -> AuthorityKeyIdentifier:
    """Read section 4.2.1.1."""
    parts = elements(only(value, SEQUENCE))
    tags = [tag for tag, _ in parts]
    if tags != [tag for tag in (0x80, 0xA1, 0x82) if tag in tags]:
        raise NotDER("an authority key identifier has other parts")
    return AuthorityKeyIdentifier(parts[0][1] if 0x80 in tags else None, 0xA1 in tags, 0x82 in tags)


@lru_cache(maxsize=1024)
def key_usages(value: bytes) -> frozenset[int]:
    """Read section 4.2.1.3: the numbers of the bits that are set."""
    parts = elements(value)
    if len(parts) != 1:
        raise NotDER("a key usage is one BIT STRING")
    return named_bits(parts[0])


@lru_cache(maxsize=1024)
def basic_constraints(value: bytes) -> BasicConstraints:
    """Read section 4.2.1.9."""
    parts = elements(only(value, SEQUENCE))
    path_length = integer(parts.pop()[1]) if parts and parts[-1][0] == INTEGER else None
    if len(parts) > 1 or (parts and not boolean(parts[0])):
        raise NotDER("basic constraints have other parts, or write out CA:FALSE, which is the default")
    return BasicConstraints(bool(parts), path_length)


@lru_cache(maxsize=1024)
def identifiers(value: bytes) -> tuple[bytes, ...]:
    """Read section 4.2.1.12."""
    return tuple(content(each, OBJECT_IDENTIFIER) for each in elements(only(value, SEQUENCE)))


def general_names(value: bytes) -> tuple[Element, ...]:
    """Read section 4.2.1.6."""
    return _general_names(only(value, SEQUENCE))


def _general_names(body: bytes) -> tuple[Element, ...]:
    found = tuple(elements(body))
    for tag, _ in found:
        if tag not in GENERAL_NAMES:
            raise NotDER(f"there is no form of name with the tag {tag:#04x}")
    return found


@lru_cache(maxsize=1024)
def name_constraints(value: bytes) -> NameConstraints:
    """Read section 4.2.1.10."""
    parts = elements(only(value, SEQUENCE))
    trees = {tag: tuple(_subtree(each) for each in elements(body)) for tag, body in parts}
    if list(trees) != [tag for tag in (0xA0, 0xA1) if tag in trees] or len(trees) != len(parts):
        raise NotDER("name constraints have other parts")
    return NameConstraints(trees.get(0xA0), trees.get(0xA1))


def _subtree(element: Element) -> Subtree:
    base, *distance = inside(element, SEQUENCE) or [(0, b"")]
    if base[0] not in GENERAL_NAMES or any(tag not in {0x80, 0x81} for tag, _ in distance):
        raise NotDER("a part of a name space has other parts")
    return Subtree(base, bool(distance))


@lru_cache(maxsize=1024)
def distribution_points(value: bytes) -> tuple[DistributionPoint, ...]:
    """Read section 4.2.1.13."""
    return tuple(_distribution_point(inside(each, SEQUENCE)) for each in elements(only(value, SEQUENCE)))


def _distribution_point(parts: list[Element]) -> DistributionPoint:
    fields = dict(parts)
    if list(fields) != [tag for tag in (0xA0, 0x81, 0xA2) if tag in fields] or len(fields) != len(parts):
        raise NotDER("a distribution point has other parts")
    names: tuple[Element, ...] = ()
    is_relative = False
    for tag, body in elements(fields.get(0xA0, b"")):
        is_relative = tag == EXPLICIT + 1
        if tag == EXPLICIT:
            names = _general_names(body)
        elif not is_relative:
            raise NotDER("a distribution point's name is neither full nor relative")
    return DistributionPoint(names, is_relative, 0xA2 in fields)


@lru_cache(maxsize=1024)
def access_descriptions(value: bytes) -> tuple[AccessDescription, ...]:
    """Read section 4.2.2.1."""
    return tuple(_access_description(inside(each, SEQUENCE)) for each in elements(only(value, SEQUENCE)))


def _access_description(parts: list[Element]) -> AccessDescription:
    if len(parts) != 2 or parts[1][0] not in GENERAL_NAMES:
        raise NotDER("an access description has a method and a location")
    return AccessDescription(content(parts[0], OBJECT_IDENTIFIER), parts[1])


@lru_cache(maxsize=1024)
def policies(value: bytes) -> tuple[Policy, ...]:
    """Read section 4.2.1.4."""
    return tuple(_policy(inside(each, SEQUENCE)) for each in elements(only(value, SEQUENCE)))


def _policy(parts: list[Element]) -> Policy:
    if not 1 <= len(parts) <= 2:
        raise NotDER("a policy has an identifier, and perhaps qualifiers")
    qualifiers = inside(parts[1], SEQUENCE) if len(parts) == 2 else []
    return Policy(
        content(parts[0], OBJECT_IDENTIFIER), tuple(_qualifier(inside(each, SEQUENCE)) for each in qualifiers)
    )


def _qualifier(parts: list[Element]) -> tuple[bytes, Element]:
    if len(parts) != 2:
        raise NotDER("a policy qualifier has a kind and a content")
    return content(parts[0], OBJECT_IDENTIFIER), parts[1]


@lru_cache(maxsize=1024)
def policy_mappings(value: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Read section 4.2.1.5."""
    return tuple(_mapping(inside(each, SEQUENCE)) for each in elements(only(value, SEQUENCE)))


def _mapping(parts: list[Element]) -> tuple[bytes, bytes]:
    if len(parts) != 2:
        raise NotDER("a policy mapping has two policies")
    return content(parts[0], OBJECT_IDENTIFIER), content(parts[1], OBJECT_IDENTIFIER)


def policy_constraints(value: bytes) -> tuple[Element, ...]:
    """Read section 4.2.1.11."""
    return tuple(elements(only(value, SEQUENCE)))
