"""What pkilint says of a certificate; for workers, since it holds the interpreter lock for milliseconds.

It logs what goes wrong in its own checks and goes on; such a check has judged nothing, so it counts as an error.
Its checks of host names, mailboxes and URIs want names of the public Internet: `localhost` and `nas` are none, although
RFC 5280 allows them. The own rules judge those by the RFC, so here they are notices.
"""

import logging
from functools import cache

from pkilint import loader
from pkilint.pkix import certificate as pkix
from pkilint.pkix import extension, name
from pkilint.validation import ValidationFindingDescription, ValidationFindingSeverity, ValidationResult, Validator

from es_pki.adapters.lint.finding import Finding, Linter, Severity
from es_pki.adapters.lint.own import lint
from es_pki.adapters.lint.second_opinion import Judged

PUBLIC_NAMES_ONLY = frozenset(
    {
        "pkix.invalid_domain_name_syntax",
        "pkix.invalid_email_address_syntax",
        "pkix.invalid_uri_syntax",
        "pkix.name_domain_components_invalid_domain_name",
    }
)

_SEVERITIES = {
    ValidationFindingSeverity.FATAL: Severity.ERROR,
    ValidationFindingSeverity.ERROR: Severity.ERROR,
    ValidationFindingSeverity.WARNING: Severity.WARNING,
    ValidationFindingSeverity.NOTICE: Severity.NOTICE,
}
"""pkilint's levels below tell what a certificate has, not what is wrong with it."""


def judge_by_all(asked: Judged) -> tuple[Finding, ...]:
    """Return what all linters find in a certificate, whoever made it."""
    return (*lint(asked.certificate, asked.issuer_certificate), *judge(asked.certificate))


def judge(der: bytes) -> tuple[Finding, ...]:
    """Return pkilint's findings about a DER certificate."""
    logging.getLogger("pkilint").disabled = True  # its findings carry the same, and nobody reads a worker's log
    try:
        document = loader.RFC5280CertificateDocumentLoader().load_der_document(der)
    except ValueError as problem:
        return (Finding(Severity.ERROR, Linter.PKILINT, "document", "", str(problem)),)
    return tuple(
        _finding(result, description)
        for result in _linter().validate(document.root)
        for description in result.finding_descriptions
        if description.finding.severity in _SEVERITIES
    )


def error_codes() -> frozenset[str]:
    """Return the codes of all errors that pkilint may find."""
    errors = {each.code for each in _linter().validations if _SEVERITIES.get(each.severity) is Severity.ERROR}
    return frozenset(errors)


def _finding(result: ValidationResult, description: ValidationFindingDescription) -> Finding:
    code = description.finding.code
    severity = Severity.NOTICE if code in PUBLIC_NAMES_ONLY else _SEVERITIES[description.finding.severity]
    return Finding(severity, Linter.PKILINT, code, result.node.path, description.message or "")


@cache
def _linter() -> Validator:
    return pkix.create_pkix_certificate_validator_container(
        pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            pkix.create_issuer_validator_container([]),
            pkix.create_validity_validator_container(),
            pkix.create_subject_validator_container([]),
            pkix.create_extensions_validator_container([]),
            pkix.create_spki_validator_container([]),
        ],
    )
