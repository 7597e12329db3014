"""What the own lint says of the certificates of a path, as findings. It is advice: it makes no path invalid.

RFC 5280 section 6 takes much that other sections forbid, but other programs may not. A trust anchor is taken as it is.
"""

from collections.abc import Iterator

from es_pki.adapters.lint import finding as linting
from es_pki.adapters.lint import lint
from es_pki.adapters.lint.rules import ERRORS, WARNINGS, meaning_of
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import Finding, Severity
from es_pki.adapters.validation.paths import Path

LARGEST = 64 * 1024
"""Octets of the certificates that are looked at, together: real ones have a few thousand. More are left out."""

_MEANINGS = {rule.__name__: meaning_of(rule) for rule in (*ERRORS, *WARNINGS)}
_SEVERITIES = {
    linting.Severity.ERROR: Severity.WARNING,
    linting.Severity.WARNING: Severity.NOTICE,
    linting.Severity.NOTICE: Severity.NOTICE,
}
"""A path doesn't become invalid by lint, so what breaks a MUST is a warning here, and what breaks a SHOULD a notice."""


def linted(path: Path, *, is_anchored: bool) -> Iterator[Finding]:
    """Yield what is wrong with certificates of a path, the asked one first. `is_anchored`: the last one is trusted."""
    judged, left = path[:-1] if is_anchored and len(path) > 1 else path, LARGEST
    for position, certificate in enumerate(judged):
        left -= len(certificate.der)
        if left < 0:
            return
        issuer = path[position + 1].der if position + 1 < len(path) else None
        for found in lint(certificate.der, issuer):
            yield _finding(found, position, certificate)


def _finding(found: linting.Finding, position: int, certificate: Parsed) -> Finding:
    remedy = f"Have it issued anew, so that this holds: {_MEANINGS.get(found.rule, 'it is DER.')}"
    return Finding(
        _SEVERITIES[found.severity],
        f"lint.{found.rule}",
        found.section,
        found.detail,
        remedy,
        position,
        certificate.text,
    )
