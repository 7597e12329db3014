"""CRLs to the byte (RFC 5280 section 5), for issuers of any kind of key.

An entry is encoded once, when its certificate is revoked; a CRL of a million is little more than a copy of them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509

from es_pki.adapters.x509.algorithms import signature_algorithm
from es_pki.adapters.x509.der import (
    BIT_STRING,
    BOOLEAN_TRUE,
    ENUMERATED,
    EXPLICIT_0,
    GENERALIZED_TIME,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    element,
    integer,
    object_identifier,
    sequence,
)
from es_pki.events.revocation_list import CRLPrepared
from es_pki.values import CRLReason, KeyType

CODES = {
    CRLReason.UNSPECIFIED: 0,
    CRLReason.KEY_COMPROMISE: 1,
    CRLReason.CA_COMPROMISE: 2,
    CRLReason.AFFILIATION_CHANGED: 3,
    CRLReason.SUPERSEDED: 4,
    CRLReason.CESSATION_OF_OPERATION: 5,
    CRLReason.CERTIFICATE_HOLD: 6,
    CRLReason.REMOVE_FROM_CRL: 8,
    CRLReason.PRIVILEGE_WITHDRAWN: 9,
    CRLReason.AA_COMPROMISE: 10,
}
"""RFC 5280 section 5.3.1."""

_VERSION_2 = integer(1)
_REASON_CODE = object_identifier("2.5.29.21")
_INVALIDITY_DATE = object_identifier("2.5.29.24")
_AUTHORITY_KEY_IDENTIFIER = object_identifier("2.5.29.35")
_CRL_NUMBER = object_identifier("2.5.29.20")
_DELTA_CRL_INDICATOR = object_identifier("2.5.29.27")
_ISSUING_DISTRIBUTION_POINT = object_identifier("2.5.29.28")
_FRESHEST_CRL = object_identifier("2.5.29.46")

_LAST_UTC_YEAR = 2049

_AT_A_TIME = 10_000
"""Entries that are put together before others get their turn of the interpreter."""


def entry(serial_number: str, revoked_at: datetime, reason: CRLReason, invalidity_date: datetime | None) -> bytes:
    """Return the DER of one revoked certificate (section 5.1.2.6); `serial_number` is hex.

    The reason unspecified isn't written, as section 5.3.1 wants.
    """
    return sequence(integer(int(serial_number, 16)), _told(revoked_at, reason, invalidity_date))


@lru_cache(maxsize=1_024)
def _told(revoked_at: datetime, reason: CRLReason, invalidity_date: datetime | None) -> bytes:
    """Return what an entry says besides its serial number: many are revoked at once, for one reason."""
    extensions = b"" if reason is CRLReason.UNSPECIFIED else _reason(reason)
    if invalidity_date is not None:
        moment = element(GENERALIZED_TIME, f"{invalidity_date:%Y%m%d%H%M%S}Z".encode())
        extensions += _extension(_INVALIDITY_DATE, moment)
    return _time(revoked_at) + (sequence(extensions) if extensions else b"")


@lru_cache(maxsize=32)
def _reason(reason: CRLReason) -> bytes:
    return _extension(_REASON_CODE, element(ENUMERATED, bytes((CODES[reason],))))


@lru_cache(maxsize=256)
def _time(moment: datetime) -> bytes:
    """Return a Time: two digits of the year until 2049, four afterwards (section 5.1.2.4)."""
    if moment.year <= _LAST_UTC_YEAR:
        return element(UTC_TIME, f"{moment:%y%m%d%H%M%S}Z".encode())
    return element(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%S}Z".encode())


def to_be_signed(
    issuer: bytes, key_type: KeyType, prepared: CRLPrepared, entries: Sequence[bytes], *, is_delta: bool = False
) -> bytes:
    """Return the DER TBSCertList of an issuer (its DER certificate): equal arguments give equal bytes."""
    certificate = x509.load_der_x509_certificate(issuer)
    listed = element(SEQUENCE, *_gathered(entries)) if entries else b""
    return sequence(
        _VERSION_2,
        signature_algorithm(key_type),
        certificate.subject.public_bytes(),
        _time(prepared.this_update),
        _time(prepared.next_update),
        listed,
        element(EXPLICIT_0, sequence(*_extensions(certificate, prepared, is_delta=is_delta))),
    )


def assembled(tbs: bytes, key_type: KeyType, signature: bytes) -> bytes:
    """Return the DER CertificateList of a TBSCertList and the signature over it."""
    return sequence(tbs, signature_algorithm(key_type), element(BIT_STRING, b"\0", signature))


def _gathered(entries: Sequence[bytes]) -> Iterable[bytes]:
    return (b"".join(entries[start : start + _AT_A_TIME]) for start in range(0, len(entries), _AT_A_TIME))


def _extensions(issuer: x509.Certificate, prepared: CRLPrepared, *, is_delta: bool) -> Iterable[bytes]:
    """Yield the CRL's extensions (section 5.2)."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    value = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    yield _extension(_AUTHORITY_KEY_IDENTIFIER, value.public_bytes())
    yield _extension(_CRL_NUMBER, integer(prepared.crl_number))
    if is_delta and prepared.base_crl_number is not None:
        yield _extension(_DELTA_CRL_INDICATOR, integer(prepared.base_crl_number), is_critical=True)
    if prepared.location:
        yield _extension(_ISSUING_DISTRIBUTION_POINT, _scope(prepared.location), is_critical=True)
    if prepared.freshest_crl and not is_delta:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(prepared.freshest_crl)], None, None, None)
        yield _extension(_FRESHEST_CRL, x509.FreshestCRL([point]).public_bytes())


def _scope(location: str) -> bytes:
    """Return the distribution point that the list is for, as the certificates name it (section 5.2.5)."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(location)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    ).public_bytes()


def _extension(oid: bytes, value: bytes, *, is_critical: bool = False) -> bytes:
    return sequence(oid, BOOLEAN_TRUE if is_critical else b"", element(OCTET_STRING, value))
