"""What is wrong with a certificate by what it says itself: known from its events alone, whatever time it is.

Rules that need a certificate read to its last field stand in `adapters/lint` and `adapters/validation`.
"""

from datetime import UTC, datetime
from enum import StrEnum

from es_pki.events.certificate import CertificateImported, CertificatePrepared
from es_pki.values import SubjectAltNames

LEAST_BITS = 112
"""Bits of strength that every key has (NIST SP 800-57 part 1 section 5.6.1)."""

LEAST_BITS_LATER = 128
STRONGER_FROM = datetime(2031, 1, 1, tzinfo=UTC)
"""What keys have that are still relied on then (NIST SP 800-57 part 1 table 4)."""

SERVES = frozenset({"server", "server-client", "machine", "domain-controller"})
"""The built-in profiles whose certificates name hosts."""

WEAK_HASHES = tuple(
    bytes.fromhex(oid)
    for oid in (
        "06092a864886f70d010102",  # md2WithRSAEncryption
        "06092a864886f70d010104",  # md5WithRSAEncryption
        "06092a864886f70d010105",  # sha1WithRSAEncryption
        "06072a8648ce380403",  # dsa-with-sha1
        "06072a8648ce3d0401",  # ecdsa-with-SHA1
    )
)
"""Object identifiers in DER of signatures that can be forged."""

SAYS_NO_HASH = bytes.fromhex("06092a864886f70d01010a3000")
"""RSASSA-PSS without parameters, which stand for SHA-1 (RFC 4055 section 3.1)."""


class Finding(StrEnum):
    """What is wrong with a certificate.

    `weak-key`: less than 112 bits of strength, or less than 128 and it holds beyond 2030. `weak-signature`: over a hash
    whose collisions can be found, MD5 or SHA-1. `no-alternative-names`: one that names hosts names none outside its
    subject, where nobody looks any more (RFC 9525 section 2). `chain-incomplete`: another signed it, and neither an
    authority here nor a certificate that came with it stands above.
    """

    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    NO_ALTERNATIVE_NAMES = "no-alternative-names"
    CHAIN_INCOMPLETE = "chain-incomplete"


def of_prepared(event: CertificatePrepared) -> tuple[Finding, ...]:
    """Return what is wrong with a certificate that was made here."""
    return (Finding.WEAK_KEY,) if _is_weak(event.key_type.security_bits, event.not_after) else ()


def of_imported(event: CertificateImported) -> tuple[Finding, ...]:
    """Return what is wrong with a certificate that was made elsewhere."""
    found = {
        Finding.WEAK_KEY: _is_weak(event.key.security_bits, event.not_after),
        Finding.WEAK_SIGNATURE: not event.is_self_signed and _is_weakly_signed(event.certificate),
        Finding.NO_ALTERNATIVE_NAMES: event.profile in SERVES and _names_no_host(event.subject_alt_names),
        Finding.CHAIN_INCOMPLETE: event.issuer_id is None and not event.is_self_signed and not event.chain,
    }
    return tuple(finding for finding, is_so in found.items() if is_so)


def _is_weak(security_bits: int, not_after: datetime) -> bool:
    return security_bits < (LEAST_BITS if not_after < STRONGER_FROM else LEAST_BITS_LATER)


def _names_no_host(names: SubjectAltNames) -> bool:
    return not (names.dns_names or names.ip_addresses or names.uris)


def _is_weakly_signed(certificate: bytes) -> bool:
    """Tell whether the signature of a DER certificate is over a weak hash: its algorithm follows what is signed."""
    _, signed = _content(certificate, _content(certificate, 0)[0])
    begin, end = _content(certificate, signed)
    algorithm = certificate[begin:end]
    return algorithm.startswith(WEAK_HASHES) or algorithm == SAYS_NO_HASH


def _content(der: bytes, start: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends (X.690 section 8.1)."""
    size, begin = int.from_bytes(der[start + 1 : start + 2]), start + 2
    if size < 0x80:
        return begin, begin + size
    begin += size & 0x7F
    return begin, begin + int.from_bytes(der[start + 2 : begin])
