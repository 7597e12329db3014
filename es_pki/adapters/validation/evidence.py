"""Evidence about revocation as it was given, what is known from it, and how the checks of it ask."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl import ParsedCRL
from es_pki.adapters.validation.names import Name
from es_pki.adapters.validation.ocsp import ParsedResponse
from es_pki.adapters.validation.question import Certificates, Question


class Evidence:
    """CRLs and OCSP responses, by nobody's word but their signatures'."""

    def __init__(self, crls: Iterable[ParsedCRL] = (), responses: Iterable[ParsedResponse] = ()) -> None:
        self.responses = tuple(responses)
        self._crls: dict[Name, list[ParsedCRL]] = {}
        for crl in sorted(crls, key=lambda each: each.this_update, reverse=True):
            self._crls.setdefault(crl.issuer, []).append(crl)

    def crls_of(self, issuer: Name) -> list[ParsedCRL]:
        """Return the CRLs of an issuer, the newest first."""
        return self._crls.get(issuer, [])


class Inquiry(Struct, frozen=True):
    """What the checks work with. `distrusts` says why somebody's CRLs are not to be believed, None when they are.

    `anchor` is the trust anchor of the path: whoever signs CRLs must be below the same (RFC 5280 section 6.3.3 (f)).
    `vouching` are the CRLs whose signers are being looked at: what they say of these comes after what others say.
    """

    question: Question
    budget: Budget
    evidence: Evidence
    pool: Certificates
    anchor: Parsed
    distrusts: Callable[[Parsed, ParsedCRL], str | None]
    vouching: frozenset[bytes] = frozenset()
