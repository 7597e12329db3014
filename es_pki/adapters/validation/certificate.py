"""A certificate read once, to the last field that a validation needs (RFC 5280 section 4).

What can't be read is kept as a fault, so that a path with such a certificate is found, and refused for it.
"""

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import TypeVar, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from es_pki.adapters.validation.findings import LONGEST_NAME
from es_pki.adapters.validation.inherited import InheritingKey, with_parameters
from es_pki.adapters.validation.name_constraints import Constraints
from es_pki.adapters.validation.names import Name, normal
from es_pki.adapters.validation.signatures import Signature, signature_of
from es_pki.adapters.x509.der import (
    BIT_STRING,
    EXPLICIT_0,
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    content,
    dotted,
)
from es_pki.adapters.x509.weak_keys import Purpose, weaknesses

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    IndexError,
)
"""What the parser raises for malformed bytes, lazily, field by field."""


def quietly() -> AbstractContextManager[object]:
    """Return a context in which the parser complains of nothing: what it only warns of is for the rules to judge."""
    return warnings.catch_warnings(action="ignore")


Extension = TypeVar("Extension", bound=x509.ExtensionType)

_TEXTUAL = x509.DNSName | x509.IPAddress | x509.RFC822Name | x509.UniformResourceIdentifier
"""The alternative names that people can read."""


class Unreadable(ValueError):
    """Bytes that are no certificate, CRL or OCSP response at all."""


class Parsed:
    """A certificate whose fields were read. `fault` says what of it couldn't be, None when all could.

    `present` and `critical` are the object identifiers of its extensions and of the critical ones, known or not.
    """

    def __init__(self, der: bytes) -> None:
        """Read a DER certificate. Raises `Unreadable` when not even its names and dates can be read."""
        self.der = der
        self.fault: str | None = None
        with quietly():
            self._read(der)

    def _read(self, der: bytes) -> None:
        try:
            self.certificate, self.inheriting_key = _loaded(der)
            self.subject: Name = normal(self.certificate.subject)
            self.issuer: Name = normal(self.certificate.issuer)
            self.not_before: datetime = self.certificate.not_valid_before_utc
            self.not_after: datetime = self.certificate.not_valid_after_utc
            self.serial_number: int = _serial_number(der)
            self.signature: Signature = signature_of(self.certificate, _to_be_signed(der))
        except UNREADABLE as error:
            raise Unreadable("this is no well-formed certificate (RFC 5280 section 4.1)") from error
        self.extensions: dict[type[x509.ExtensionType], x509.ExtensionType] = {}
        self.policy_mappings: Mapping[str, frozenset[str]] = {}
        self.present: frozenset[str] = frozenset()
        self.critical: frozenset[str] = frozenset()
        self._read_extensions()

    def _read_extensions(self) -> None:
        try:
            found = list(self.certificate.extensions)
            self.policy_mappings = policy_mappings(found)
        except x509.DuplicateExtension as error:
            self.fault = f"the extension {error.oid.dotted_string} occurs twice (section 4.2)"
        except UNREADABLE:
            self.fault = "an extension is malformed, or has a name of a form that nobody uses"
        else:
            self.extensions = {type(each.value): each.value for each in found}
            self.present = frozenset(each.oid.dotted_string for each in found)
            self.critical = frozenset(each.oid.dotted_string for each in found if each.critical)

    def __repr__(self) -> str:
        """Show the fingerprint: names may be long."""
        return f"Parsed({self.fingerprint})"

    def extension(self, kind: type[Extension]) -> Extension | None:
        """Return an extension, None without it."""
        return cast("Extension | None", self.extensions.get(kind))

    @property
    def text(self) -> str:
        """Return the subject (RFC 4514), or the first name of what has none, cut to a bearable length."""
        return (self.certificate.subject.rfc4514_string() or self._first_name())[:LONGEST_NAME]

    def _first_name(self) -> str:
        names = (str(name.value) for name in self.alt_names if isinstance(name, _TEXTUAL))
        return next(names, "")

    @cached_property
    def fingerprint(self) -> str:
        """Return the certificate's SHA-256 in hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def is_version_3(self) -> bool:
        """Tell whether the certificate is of the version that has extensions (RFC 5280 section 4.1.2.1)."""
        return self.certificate.version is x509.Version.v3

    @cached_property
    def algorithms_agree(self) -> bool:
        """Tell whether the signature's algorithm is the one that was signed (RFC 5280 section 4.1.1.2)."""
        outer, end = content(self.der, _end_of_signed(self.der), SEQUENCE)
        start, _ = content(self.der, 0, SEQUENCE)
        inner, _ = content(self.der, start, SEQUENCE)
        if self.der[inner] == EXPLICIT_0:
            _, inner = content(self.der, inner, EXPLICIT_0)
        _, inner = content(self.der, inner, INTEGER)
        first, last = content(self.der, inner, SEQUENCE)
        return self.der[first:last] == self.der[outer:end]

    @cached_property
    def known_weakness(self) -> str | None:
        """Return why anybody can compute the private key, None as far as is known."""
        key = self.public_key
        return next((each.detail for each in weaknesses(key, Purpose.KEEP)), None) if key is not None else None

    @property
    def is_self_issued(self) -> bool:
        """Tell whether subject and issuer are the same (RFC 5280 section 3.2)."""
        return self.subject == self.issuer

    @cached_property
    def public_key(self) -> PublicKeyTypes | None:
        """Return the public key, None for one that can't be read."""
        try:
            return self.certificate.public_key()
        except UNREADABLE:
            return None

    @cached_property
    def key_algorithm(self) -> str:
        """Return the object identifier of the key's algorithm."""
        return self.certificate.public_key_algorithm_oid.dotted_string

    @cached_property
    def public_key_info(self) -> bytes:
        """Return the DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""
        return _public_key_info(self.der)

    @cached_property
    def public_key_octets(self) -> bytes:
        """Return the public key without its algorithm: what key identifiers and OCSP hash (RFC 6960 section 4.1.1)."""
        start, _ = content(self.public_key_info, 0, SEQUENCE)
        _, start = content(self.public_key_info, start, SEQUENCE)
        start, end = content(self.public_key_info, start, BIT_STRING)
        return self.public_key_info[start + 1 : end]

    @cached_property
    def is_authority(self) -> bool:
        """Tell whether the basic constraints say that it is a CA's (RFC 5280 section 4.2.1.9)."""
        constraints = self.extension(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @cached_property
    def path_length(self) -> int | None:
        """Return how many CA certificates may follow, None for any number (RFC 5280 section 4.2.1.9)."""
        constraints = self.extension(x509.BasicConstraints)
        return constraints.path_length if constraints is not None and constraints.ca else None

    @cached_property
    def key_usage(self) -> x509.KeyUsage | None:
        """Return what the key may be used for, None for everything (RFC 5280 section 4.2.1.3)."""
        return self.extension(x509.KeyUsage)

    @cached_property
    def subject_key_identifier(self) -> bytes | None:
        """Return the subject key identifier (RFC 5280 section 4.2.1.2)."""
        found = self.extension(x509.SubjectKeyIdentifier)
        return found.digest if found is not None else None

    @cached_property
    def authority_key_identifier(self) -> bytes | None:
        """Return the authority key identifier's key identifier (RFC 5280 section 4.2.1.1)."""
        found = self.extension(x509.AuthorityKeyIdentifier)
        return found.key_identifier if found is not None else None

    @cached_property
    def alt_names(self) -> tuple[x509.GeneralName, ...]:
        """Return the subject alternative names (RFC 5280 section 4.2.1.6)."""
        found = self.extension(x509.SubjectAlternativeName)
        return tuple(found) if found is not None else ()

    @cached_property
    def constraints(self) -> Constraints | None:
        """Return what the certificate demands of names below it (RFC 5280 section 4.2.1.10)."""
        found = self.extension(x509.NameConstraints)
        return Constraints(found) if found is not None else None


def policy_mappings(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> Mapping[str, frozenset[str]]:
    """Return the policy mappings, issuer's policy to subject's. Raises `ValueError` (RFC 5280 section 4.2.1.5)."""
    found: dict[str, set[str]] = {}
    for extension in extensions:
        if extension.oid == x509.OID_POLICY_MAPPINGS and isinstance(extension.value, x509.UnrecognizedExtension):
            for issuers, subjects in _pairs(extension.value.value):
                found.setdefault(issuers, set()).add(subjects)
    return {issuers: frozenset(subjects) for issuers, subjects in found.items()}


def _pairs(der: bytes) -> Iterator[tuple[str, str]]:
    """Yield the pairs of object identifiers in a SEQUENCE OF SEQUENCE of two."""
    start, end = content(der, 0, SEQUENCE)
    if start == end or end != len(der):
        raise ValueError("policy mappings are some, and nothing else")
    while start < end:
        first, start = content(der, start, SEQUENCE)
        begin, behind = content(der, first, OBJECT_IDENTIFIER)
        second, stop = content(der, behind, OBJECT_IDENTIFIER)
        if stop != start or stop > end:
            raise ValueError("a policy mapping is two policies")
        yield dotted(der[begin:behind]), dotted(der[second:stop])


def _loaded(der: bytes) -> tuple[x509.Certificate, InheritingKey | None]:
    """Return a certificate as `cryptography` reads it, and its key if that lacks the parameters it inherits."""
    found = with_parameters(der)
    readable, key = found if found is not None else (der, None)
    return x509.load_der_x509_certificate(readable), key


def _serial_number(der: bytes) -> int:
    start, _ = content(der, 0, SEQUENCE)
    start, _ = content(der, start, SEQUENCE)
    if der[start] == EXPLICIT_0:
        _, start = content(der, start, EXPLICIT_0)
    start, end = content(der, start, INTEGER)
    return int.from_bytes(der[start:end], "big", signed=True)


def _to_be_signed(der: bytes) -> bytes:
    """Return the exact bytes that were signed."""
    start, _ = content(der, 0, SEQUENCE)
    return der[start : _end_of_signed(der)]


def _end_of_signed(der: bytes) -> int:
    start, _ = content(der, 0, SEQUENCE)
    return content(der, start, SEQUENCE)[1]


def _public_key_info(der: bytes) -> bytes:
    start, _ = content(der, 0, SEQUENCE)
    start, _ = content(der, start, SEQUENCE)
    if der[start] == EXPLICIT_0:
        _, start = content(der, start, EXPLICIT_0)
    for tag in (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE):  # serial number, algorithm, issuer, validity, subject
        _, start = content(der, start, tag)
    _, end = content(der, start, SEQUENCE)
    return der[start:end]
