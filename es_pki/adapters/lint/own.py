"""The linter of es-pki: every rule, on every certificate that is about to be signed, before any key signs it."""

from collections.abc import Callable, Iterator, Sequence

from es_pki.adapters.lint.certificate import Certificate, read_certificate, read_to_be_signed
from es_pki.adapters.lint.elements import NotDER
from es_pki.adapters.lint.finding import Finding, Linter, Severity
from es_pki.adapters.lint.rules import ERRORS, WARNINGS, Rule, section_of
from es_pki.decider import Refused, Violation
from es_pki.values import Template


class LintFailed(Refused):
    """The certificate that would be signed breaks an RFC, so that programs might refuse it. Each rule is named.

    Change what the detail says. Where nothing in the request leads to it, es-pki itself is at fault: please report it.
    """


def findings(certificate: Certificate) -> Iterator[Finding]:
    """Yield what is wrong with a certificate, errors first."""
    yield from _found(certificate, ERRORS, Severity.ERROR)
    yield from _found(certificate, WARNINGS, Severity.WARNING)


def lint(der: bytes, issuer_certificate: bytes | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with a signed certificate, whoever made it."""
    try:
        return tuple(findings(read_certificate(der, issuer_certificate)))
    except NotDER as problem:
        return (unreadable(problem),)


def unreadable(problem: NotDER) -> Finding:
    """Return the finding of what is no certificate in DER."""
    return Finding(Severity.ERROR, Linter.OWN, "certificate_is_der", "X.690 section 10", str(problem))


def linted(encode: Callable[[Template], bytes]) -> Callable[[Template], bytes]:
    """Return the encoder of to-be-signed certificates, whose outcome is judged: it raises `LintFailed` for an error."""

    def encode_linted(template: Template) -> bytes:
        to_be_signed = encode(template)
        refuse_errors(to_be_signed, template.issuer_certificate)
        return to_be_signed

    return encode_linted


def refuse_errors(to_be_signed: bytes, issuer_certificate: bytes | None) -> None:
    """Raise `LintFailed` for a DER TBSCertificate that breaks a rule of level error."""
    try:
        certificate = read_to_be_signed(to_be_signed, issuer_certificate)
        errors = list(_found(certificate, ERRORS, Severity.ERROR))
    except NotDER as problem:
        errors = [unreadable(problem)]
    if errors:
        refuse(errors)


def refuse(errors: Sequence[Finding]) -> None:
    """Raise `LintFailed`, naming each finding's rule as field and its section."""
    detail = errors[0].detail if len(errors) == 1 else f"{len(errors)} rules are broken"
    raise LintFailed(detail, *(Violation(f"lint.{each.rule}", each.section, each.detail) for each in errors))


def _found(certificate: Certificate, rules: tuple[Rule, ...], severity: Severity) -> Iterator[Finding]:
    for rule in rules:
        for detail in rule(certificate):
            yield Finding(severity, Linter.OWN, rule.__name__, section_of(rule), detail)
