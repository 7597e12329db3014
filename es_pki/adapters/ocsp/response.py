"""What is answered: an OCSPResponse in DER (RFC 6960 section 4.2).

`cryptography` builds only responses about one certificate, and signs them itself; here the to-be-signed bytes come
first, and whoever has the key signs them.
"""

from datetime import datetime
from enum import IntEnum
from hashlib import sha1

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from es_pki.adapters.ocsp.identity import key_bits
from es_pki.adapters.ocsp.request import EXPLICIT_1, EXPLICIT_2, NONCE
from es_pki.adapters.x509.algorithms import signature_algorithm
from es_pki.adapters.x509.crl import CODES
from es_pki.adapters.x509.der import (
    BIT_STRING,
    ENUMERATED,
    EXPLICIT_0,
    GENERALIZED_TIME,
    OCTET_STRING,
    element,
    object_identifier,
    sequence,
)
from es_pki.values import CRLReason, KeyType

GOOD, UNKNOWN = b"\x80\x00", b"\x82\x00"

BASIC = object_identifier("1.3.6.1.5.5.7.48.1.1")
ARCHIVE_CUTOFF = object_identifier("1.3.6.1.5.5.7.48.1.6")


class Failure(IntEnum):
    """Why there is no answer (RFC 6960 section 4.2.1)."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    UNAUTHORIZED = 6


class Good(Struct, frozen=True):
    """The certificate was issued and isn't revoked."""


class Revoked(Struct, frozen=True):
    """The certificate doesn't hold since a time, for a reason; on hold it may hold again."""

    time: datetime
    reason: CRLReason


class Unknown(Struct, frozen=True):
    """The authority never issued a certificate with this serial number."""


Status = Good | Revoked | Unknown


class Single(Struct, frozen=True):
    """The answer about one certificate; `about` is the DER CertID as it was asked.

    `archive_cutoff`: the answer is about a certificate that has expired; those that ended since then are answered for.
    """

    about: bytes
    status: Status
    archive_cutoff: datetime | None = None


class Signing(Struct, frozen=True):
    """A responder as its answers name it: its key's type, its DER certificate, and the SHA-1 of its key."""

    key_type: KeyType
    certificate: bytes
    key_hash: bytes

    @classmethod
    def of(cls, key_type: KeyType, certificate: bytes) -> "Signing":
        """Return the responder of a certificate."""
        spki = x509.load_der_x509_certificate(certificate).public_key()
        bits = key_bits(spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        return cls(key_type, certificate, sha1(bits, usedforsecurity=False).digest())


def response_data(
    key_hash: bytes,
    singles: tuple[Single, ...],
    *,
    this_update: datetime,
    next_update: datetime,
    nonce: bytes | None = None,
) -> bytes:
    """Return the to-be-signed ResponseData of a responder that is known by its key's hash; made at `this_update`."""
    made, answers = _time(this_update), b"".join(_single(each, this_update, next_update) for each in singles)
    extensions = b""
    if nonce is not None:
        extensions = element(EXPLICIT_1, sequence(sequence(NONCE, element(OCTET_STRING, nonce))))
    return sequence(element(EXPLICIT_2, element(OCTET_STRING, key_hash)), made, sequence(answers), extensions)


def successful(data: bytes, signature: bytes, signing: Signing) -> bytes:
    """Return the response around signed ResponseData, with the responder's certificate."""
    basic = sequence(
        data,
        signature_algorithm(signing.key_type),
        element(BIT_STRING, b"\0", signature),
        element(EXPLICIT_0, sequence(signing.certificate)),
    )
    return sequence(element(ENUMERATED, b"\0"), element(EXPLICIT_0, sequence(BASIC, element(OCTET_STRING, basic))))


def failed(failure: Failure) -> bytes:
    """Return the unsigned response that says why there is no answer."""
    return sequence(element(ENUMERATED, bytes((failure,))))


def _single(single: Single, this_update: datetime, next_update: datetime) -> bytes:
    extensions = b""
    if single.archive_cutoff is not None:
        cutoff = sequence(ARCHIVE_CUTOFF, element(OCTET_STRING, _time(single.archive_cutoff)))
        extensions = element(EXPLICIT_1, sequence(cutoff))
    return sequence(
        single.about,
        _status(single.status),
        _time(this_update),
        element(EXPLICIT_0, _time(next_update)),
        extensions,
    )


def _status(status: Status) -> bytes:
    match status:
        case Good():
            return GOOD
        case Unknown():
            return UNKNOWN
        case Revoked(time=time, reason=CRLReason.UNSPECIFIED):
            return element(EXPLICIT_1, _time(time))  # RFC 5280 section 5.3.1: then none is given
        case Revoked(time=time, reason=reason):
            code = element(ENUMERATED, bytes((CODES[reason],)))
            return element(EXPLICIT_1, _time(time), element(EXPLICIT_0, code))


def _time(time: datetime) -> bytes:
    """Return a time in UTC as RFC 5280 section 4.1.2.5.2 has it, without fractions of a second."""
    return element(GENERALIZED_TIME, f"{time:%Y%m%d%H%M%S}Z".encode())
