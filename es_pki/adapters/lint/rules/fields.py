"""The fields before the names: version, serial number, signature algorithm, validity (RFC 5280 section 4.1)."""

import re
from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Algorithm, Certificate
from es_pki.adapters.lint.elements import GENERALIZED_TIME, NULL, UTC_TIME, Element

_SHA_2_WITH_RSA = (oids.SHA256_WITH_RSA, oids.SHA384_WITH_RSA, oids.SHA512_WITH_RSA)
_ECDSA = (oids.ECDSA_WITH_SHA256, oids.ECDSA_WITH_SHA384, oids.ECDSA_WITH_SHA512)

KEY_OF_SIGNATURE: dict[bytes, bytes] = {
    **dict.fromkeys((*_SHA_2_WITH_RSA, oids.RSA_PSS), oids.RSA),
    **dict.fromkeys(_ECDSA, oids.EC),
    **{algorithm: algorithm for algorithm in (oids.ED25519, oids.ED448, *oids.ML_DSA)},
}
"""The signature algorithms that hold today, and whose key makes each."""

_UTC_TIME = re.compile(rb"\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\dZ")
_GENERALIZED_TIME = re.compile(rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\dZ")


def version_is_3(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.1: with extensions, which every certificate of today has, the version is 3."""
    if certificate.version != 3:
        yield f"the version is {certificate.version}: make it 3"


def serial_number_is_positive(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.2: a serial number is a positive INTEGER."""
    if certificate.serial_number <= 0:
        yield "the serial number is zero or negative: draw a positive one"


def serial_number_fits_20_octets(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.2: conforming authorities use no serial number longer than 20 octets."""
    if certificate.serial_number >= 1 << 159:
        yield "the serial number is longer than 20 octets: draw one below 2^159"


def serial_number_is_unpredictable(certificate: Certificate) -> Iterator[str]:
    """CA/Browser Forum Baseline Requirements section 7.1: at least 64 bits from a random generator.

    A serial number of 128 random bits is this short once in 2^64.
    """
    if 0 < certificate.serial_number < 1 << 64:
        yield "the serial number is too short to hold 64 random bits: draw a longer one"


def signature_algorithm_holds(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.1.2: an algorithm of RFC 4055, 5758, 8410 or 9881; MD5 and SHA-1 protect nothing."""
    if certificate.signature.oid not in KEY_OF_SIGNATURE:
        yield f"{oids.dotted(certificate.signature.oid)} is no signature algorithm that holds: use SHA-256 or better"


def signature_parameters_are_right(certificate: Certificate) -> Iterator[str]:
    """RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3, RFC 9881 section 2: NULL for RSA, else none."""
    if not _has_right_parameters(certificate.signature):
        yield "the signature algorithm's parameters are NULL for RSA and absent for others"


def _has_right_parameters(algorithm: Algorithm) -> bool:
    if algorithm.oid in _SHA_2_WITH_RSA:
        return algorithm.parameters == (NULL, b"")
    return (algorithm.parameters is not None) == (algorithm.oid == oids.RSA_PSS)


def signature_algorithms_agree(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.1.2: the algorithm beside the signature is the one that was signed."""
    if certificate.outer_signature is not None and certificate.outer_signature != certificate.signature:
        yield "the signed algorithm and the one beside the signature differ: one of them lies"


def signature_algorithm_is_the_issuers(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 6.1.3: the issuer's key makes such signatures."""
    key = KEY_OF_SIGNATURE.get(certificate.signature.oid)
    if certificate.signer is not None and key not in {None, certificate.signer.key.algorithm.oid}:
        yield "the issuer's key can't make a signature of this algorithm"


def times_are_plain(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.5: Zulu time with seconds, without fractions."""
    for time in (certificate.not_before, certificate.not_after):
        if sortable(time) is None:
            yield "a time is YYMMDDHHMMSSZ as UTCTime or YYYYMMDDHHMMSSZ as GeneralizedTime"


def times_have_the_right_type(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050."""
    for tag, value in (certificate.not_before, certificate.not_after):
        if tag == GENERALIZED_TIME and value[:4] < b"2050":
            yield "a time before 2050 is a UTCTime"


def validity_is_in_order(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.5: the period begins before it ends."""
    beginning, end = sortable(certificate.not_before), sortable(certificate.not_after)
    if beginning is not None and end is not None and beginning >= end:
        yield "the certificate ends before it begins"


def sortable(time: Element) -> bytes | None:
    """Return a time as YYYYMMDDHHMMSSZ, None if it isn't in form (section 4.1.2.5.1: two digits are 1950 to 2049)."""
    tag, value = time
    if tag == UTC_TIME and _UTC_TIME.fullmatch(value):
        return (b"20" if value < b"50" else b"19") + value
    if tag == GENERALIZED_TIME and _GENERALIZED_TIME.fullmatch(value):
        return value
    return None


def unique_identifiers_are_absent(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.8: conforming authorities make no certificate with unique identifiers."""
    if certificate.has_unique_identifiers:
        yield "leave issuerUniqueID and subjectUniqueID away"


ERRORS = (
    version_is_3,
    serial_number_is_positive,
    serial_number_fits_20_octets,
    serial_number_is_unpredictable,
    signature_algorithm_holds,
    signature_parameters_are_right,
    signature_algorithms_agree,
    signature_algorithm_is_the_issuers,
    times_are_plain,
    times_have_the_right_type,
    validity_is_in_order,
    unique_identifiers_are_absent,
)
