"""The answer of a validation."""

from msgspec import Struct

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import Finding


class Verdict(Struct, frozen=True):
    """Whether a path is valid, which was chosen, and what was found.

    `path` begins with the certificate that was asked about and ends with the trust anchor, if one was reached.
    `policies` are the object identifiers of the certificate policies that hold (RFC 5280 section 6.1.6).
    """

    path: tuple[Parsed, ...]
    findings: tuple[Finding, ...]
    policies: frozenset[str] = frozenset()

    @property
    def is_valid(self) -> bool:
        """Tell whether the path is valid."""
        return not any(finding.is_error for finding in self.findings)

    @property
    def rules(self) -> frozenset[str]:
        """Return the names of the rules that make it invalid."""
        return frozenset(finding.rule for finding in self.findings if finding.is_error)
