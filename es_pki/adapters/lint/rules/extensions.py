"""The extensions as such: which there are, whether they can be read, which are critical (RFC 5280 section 4.2)."""

from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate


def extensions_are_distinct(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2: a certificate has no extension twice."""
    if len(certificate.criticality) != len(certificate.extensions):
        yield "an extension stands there twice"


def extensions_can_be_read(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2: the content of a standard extension is the DER of its type."""
    for oid, problem in certificate.broken:
        yield f"the extension {oids.dotted(oid)}: {problem}"


def critical_extensions_are_known(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2: a verifier rejects what has a critical extension that it doesn't know."""
    for oid, critical in certificate.criticality.items():
        if critical and oid not in oids.KNOWN_IF_CRITICAL:
            yield f"the extension {oids.dotted(oid)} is critical, but verifiers don't process it"


def authority_key_identifier_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.1: the authority key identifier is not critical."""
    yield from _not_critical(certificate, oids.AUTHORITY_KEY_IDENTIFIER, "authority key identifier")


def subject_key_identifier_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.2: the subject key identifier is not critical."""
    yield from _not_critical(certificate, oids.SUBJECT_KEY_IDENTIFIER, "subject key identifier")


def subject_directory_attributes_are_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.8: subject directory attributes are not critical."""
    yield from _not_critical(certificate, oids.SUBJECT_DIRECTORY_ATTRIBUTES, "subject directory attributes extension")


def freshest_crl_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.15: where delta CRLs lie is not critical."""
    yield from _not_critical(certificate, oids.FRESHEST_CRL, "freshest CRL extension")


def authority_info_access_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.2.1: authority information access is not critical."""
    yield from _not_critical(certificate, oids.AUTHORITY_INFO_ACCESS, "authority information access")


def subject_info_access_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.2.2: subject information access is not critical."""
    yield from _not_critical(certificate, oids.SUBJECT_INFO_ACCESS, "subject information access")


def issuer_alt_name_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.7: issuer alternative names are best not critical."""
    yield from _not_critical(certificate, oids.ISSUER_ALT_NAME, "issuer alternative name extension")


def distribution_points_are_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.13: CRL distribution points are best not critical."""
    yield from _not_critical(certificate, oids.CRL_DISTRIBUTION_POINTS, "CRL distribution points extension")


def _not_critical(certificate: Certificate, oid: bytes, what: str) -> Iterator[str]:
    if certificate.criticality.get(oid):
        yield f"mark the {what} as not critical"


def name_constraints_are_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.10: name constraints are critical."""
    yield from _critical(certificate, oids.NAME_CONSTRAINTS, "name constraints")


def policy_constraints_are_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.11: policy constraints are critical."""
    yield from _critical(certificate, oids.POLICY_CONSTRAINTS, "policy constraints")


def inhibit_any_policy_is_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.14: the extension inhibitAnyPolicy is critical."""
    yield from _critical(certificate, oids.INHIBIT_ANY_POLICY, "extension inhibitAnyPolicy")


def policy_mappings_are_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.5: policy mappings are best critical."""
    yield from _critical(certificate, oids.POLICY_MAPPINGS, "policy mappings")


def _critical(certificate: Certificate, oid: bytes, what: str) -> Iterator[str]:
    if certificate.criticality.get(oid) is False:
        yield f"mark the {what} as critical"


ERRORS = (
    extensions_are_distinct,
    extensions_can_be_read,
    critical_extensions_are_known,
    authority_key_identifier_is_not_critical,
    subject_key_identifier_is_not_critical,
    subject_directory_attributes_are_not_critical,
    freshest_crl_is_not_critical,
    authority_info_access_is_not_critical,
    subject_info_access_is_not_critical,
    name_constraints_are_critical,
    policy_constraints_are_critical,
    inhibit_any_policy_is_critical,
)
WARNINGS = (
    issuer_alt_name_is_not_critical,
    distribution_points_are_not_critical,
    policy_mappings_are_critical,
)
