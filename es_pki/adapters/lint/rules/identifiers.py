"""The identifiers by which a path is built (RFC 5280 sections 4.2.1.1 and 4.2.1.2)."""

from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate


def authority_key_identifier_is_there(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.1: everything but a self-signed authority names its issuer's key."""
    is_root = certificate.is_authority and certificate.is_self_signed
    if oids.AUTHORITY_KEY_IDENTIFIER not in certificate.criticality and not is_root:
        yield "add an authority key identifier"


def authority_key_identifier_has_the_key(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.1: an authority key identifier has its field keyIdentifier."""
    identifier = certificate.authority_key_identifier
    if identifier is not None and not identifier.key_identifier:
        yield "an authority key identifier has a keyIdentifier"


def authority_key_identifier_is_the_issuers(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.1: it is the subject key identifier of the issuer's certificate."""
    identifier, signer = certificate.authority_key_identifier, certificate.signer
    if identifier is None or signer is None or signer.subject_key_identifier is None:
        return
    if identifier.key_identifier not in {None, signer.subject_key_identifier}:
        yield "the authority key identifier isn't the issuer's subject key identifier: no path is found"


def authority_key_identifier_names_both_or_none(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.1: issuer and serial number of the issuer's certificate stand together."""
    identifier = certificate.authority_key_identifier
    if identifier is not None and identifier.has_issuer != identifier.has_serial_number:
        yield "authorityCertIssuer and authorityCertSerialNumber stand together"


def authority_has_a_subject_key_identifier(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.2: an authority has a subject key identifier."""
    if certificate.is_authority and oids.SUBJECT_KEY_IDENTIFIER not in certificate.criticality:
        yield "an authority has a subject key identifier"


def subject_key_identifier_is_not_empty(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.2: an identifier tells keys apart."""
    if certificate.subject_key_identifier == b"":
        yield "the subject key identifier is empty: derive it from the key"


def subject_key_identifier_is_there(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.2: others best have one too."""
    if not certificate.is_authority and oids.SUBJECT_KEY_IDENTIFIER not in certificate.criticality:
        yield "add a subject key identifier"


ERRORS = (
    authority_key_identifier_is_there,
    authority_key_identifier_has_the_key,
    authority_key_identifier_is_the_issuers,
    authority_key_identifier_names_both_or_none,
    authority_has_a_subject_key_identifier,
    subject_key_identifier_is_not_empty,
)
WARNINGS = (subject_key_identifier_is_there,)
