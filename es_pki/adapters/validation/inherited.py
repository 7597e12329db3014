"""DSA keys that inherit their parameters from the issuer's key (RFC 3279 section 2.3.2, RFC 5280 section 6.1.4 (f)).

`cryptography` reads no certificate whose DSA key comes without parameters. So such a one is read with parameters put
in, and its real key is made when the issuer's parameters are known. Nothing but old test suites has such keys, but a
path that RFC 5280 accepts should not fail for want of forty lines.
"""

from functools import cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from es_pki.adapters.x509.der import (
    BIT_STRING,
    EXPLICIT_0,
    INTEGER,
    SEQUENCE,
    content,
    element,
    integer,
    object_identifier,
    sequence,
)

ID_DSA = object_identifier("1.2.840.10040.4.1")
_BARE = sequence(ID_DSA)


class InheritingKey(NamedTuple):
    """A DSA public key without parameters."""

    y: int

    def under(self, issuer: PublicKeyTypes | None) -> PublicKeyTypes | None:
        """Return the whole key, with the parameters of the issuer's; None: the issuer has none to inherit."""
        if not isinstance(issuer, dsa.DSAPublicKey):
            return None
        return dsa.DSAPublicNumbers(self.y, issuer.public_numbers().parameter_numbers).public_key()


def with_parameters(der: bytes) -> tuple[bytes, InheritingKey] | None:
    """Return the certificate in a form that can be read, and its key; None for any other certificate."""
    if _BARE not in der:
        return None
    try:
        parts = _parts(der)
    except ValueError:
        return None
    before, key, after, outer = parts
    start, _ = content(key, 0, SEQUENCE)
    algorithm, end = content(key, start, SEQUENCE)
    if key[algorithm:end] != ID_DSA:
        return None
    number, stop = content(key, content(key, end, BIT_STRING)[0] + 1, INTEGER)
    y = int.from_bytes(key[number:stop], "big")
    whole = sequence(sequence(ID_DSA, _placeholder()), element(BIT_STRING, b"\0", integer(4)))
    return sequence(sequence(before, whole, after), outer), InheritingKey(y)


def _parts(der: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what stands before the key, the key, what stands behind it, and what follows the signed part."""
    whole, end = content(der, 0, SEQUENCE)
    first, last = content(der, whole, SEQUENCE)
    start = first
    for tag in (EXPLICIT_0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE):
        _, start = content(der, start, tag)
    _, behind = content(der, start, SEQUENCE)
    return der[first:start], der[start:behind], der[behind:last], der[last:end]


@cache
def _placeholder() -> bytes:
    """Return parameters of the right form and no worth: the key that they make is never used."""
    return sequence(integer((1 << 1023) | 1), integer((1 << 159) | 1), integer(2))
