"""Distinguished names in the form in which equal names are equal (RFC 5280 section 7.1, RFC 4518 section 2)."""

import unicodedata
from functools import lru_cache

from cryptography import x509

Attribute = tuple[str, str | bytes]
Name = tuple[tuple[Attribute, ...], ...]
"""Relative distinguished names, each its attributes in one order: (object identifier, value)."""

LONGEST_REMEMBERED = 256
"""Characters of a value whose prepared form is kept: most names come again and again."""

EMAIL_ADDRESS = "1.2.840.113549.1.9.1"


def normal(name: x509.Name) -> Name:
    """Return a distinguished name so that two that RFC 5280 calls the same are equal, whatever their string types."""
    return tuple(
        tuple(sorted((attribute.oid.dotted_string, _value(attribute.value)) for attribute in rdn))
        if len(rdn) > 1
        else tuple((attribute.oid.dotted_string, _value(attribute.value)) for attribute in rdn)
        for rdn in name.rdns
    )


def mailboxes(name: Name) -> list[str]:
    """Return the mailboxes that stand in a distinguished name (RFC 5280 section 4.1.2.6)."""
    return [value for rdn in name for oid, value in rdn if oid == EMAIL_ADDRESS and isinstance(value, str)]


def _value(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return value
    return _remembered(value) if len(value) <= LONGEST_REMEMBERED else prepared(value)


def prepared(value: str) -> str:
    """Return a string as it is compared: NFKC, in one case, spaces trimmed and single, nothing invisible."""
    if value.isascii() and value.isprintable():
        return " ".join(value.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join("".join(map(_mapped, folded)).split())


_remembered = lru_cache(maxsize=4096)(prepared)


def _mapped(character: str) -> str:
    """Return a character as RFC 4518 section 2.2 maps it: any space to a space, what shows nothing to nothing."""
    if character.isspace():
        return " "
    is_invisible = unicodedata.category(character) in {"Cc", "Cf"} or "\ufe00" <= character <= "\ufe0f"
    return "" if is_invisible or character in "\u034f\u180b\u180c\u180d\ufffc" else character
