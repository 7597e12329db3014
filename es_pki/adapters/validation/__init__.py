"""Whether a certificate holds: our own validator of paths (RFC 5280 section 6, RFC 9618, RFC 6960, RFC 9525).

Pure functions over parsed certificates; `cryptography` reads and checks signatures, and decides nothing. Nothing is
fetched: certificates, CRLs and OCSP responses are given.
"""

from es_pki.adapters.validation.certificate import Parsed, Unreadable
from es_pki.adapters.validation.crl import ParsedCRL
from es_pki.adapters.validation.evidence import Evidence
from es_pki.adapters.validation.findings import Finding, Severity
from es_pki.adapters.validation.ocsp import ParsedResponse
from es_pki.adapters.validation.question import (
    LEGACY,
    AlgorithmPolicy,
    Certificates,
    Policies,
    Purpose,
    Question,
    RevocationMode,
)
from es_pki.adapters.validation.search import Trust
from es_pki.adapters.validation.validator import validate
from es_pki.adapters.validation.verdict import Verdict

__all__ = [
    "LEGACY",
    "AlgorithmPolicy",
    "Certificates",
    "Evidence",
    "Finding",
    "Parsed",
    "ParsedCRL",
    "ParsedResponse",
    "Policies",
    "Purpose",
    "Question",
    "RevocationMode",
    "Severity",
    "Trust",
    "Unreadable",
    "Verdict",
    "validate",
]
