"""Whether a CRL may be used for a certificate (RFC 5280 section 6.3.3), one small function per condition."""

from datetime import timedelta

from cryptography import x509
from msgspec import Struct

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl import PROCESSED, ParsedCRL
from es_pki.adapters.validation.findings import Rule, Severity, advice, broken
from es_pki.adapters.validation.names import Name, normal
from es_pki.adapters.validation.question import Question

ALL_REASONS = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}

TOLERANCE = timedelta(minutes=5)
"""How far the clock of whoever signed may be ahead of ours."""

GeneralNames = frozenset[tuple[str, object]]


class Point(Struct, frozen=True):
    """A distribution point of a certificate (RFC 5280 section 4.2.1.13): names, reasons, and who issues the CRL.

    `issuers` is None where the certificate's issuer does. The one that every certificate has by itself has no names.
    """

    names: GeneralNames | None
    reasons: frozenset[x509.ReasonFlags]
    issuers: GeneralNames | None
    issuer: Name
    is_implied: bool = False


class Candidate(Struct, frozen=True):
    """A CRL for a certificate by one of its distribution points; `needed` are the reasons not yet covered."""

    crl: ParsedCRL
    certificate: Parsed
    point: Point
    needed: frozenset[x509.ReasonFlags]
    question: Question

    @property
    def reasons(self) -> frozenset[x509.ReasonFlags]:
        """Return the reasons that it covers: RFC 5280 section 6.3.3 (d)."""
        scope = self.crl.scope
        some = scope.only_some_reasons if scope is not None else None
        return self.point.reasons & (frozenset(some) if some is not None else ALL_REASONS)


def crl_is_readable(candidate: Candidate) -> str | None:
    """RFC 5280 section 5.2: every extension of the CRL can be read, and none occurs twice.

    Get the CRL again, or tell its issuer.
    """
    return candidate.crl.fault


def crl_extensions_are_known(candidate: Candidate) -> str | None:
    """RFC 5280 section 5.2: a CRL with a critical extension that is not processed is not used.

    Ask the issuer for a CRL without it, or use OCSP.
    """
    unknown = candidate.crl.critical - PROCESSED
    return f"the CRL has critical extensions that nobody here knows: {', '.join(sorted(unknown))}" if unknown else None


def crl_is_of_the_right_issuer(candidate: Candidate) -> str | None:
    """RFC 5280 section 6.3.3 (b)(1): the CRL is by the certificate's issuer, or by whom its distribution point names.

    Get the CRL that the certificate's distribution points name.
    """
    crl, point = candidate.crl, candidate.point
    if point.issuers is None:
        return None if crl.issuer == candidate.certificate.issuer else "the CRL is by another issuer"
    if ("DirectoryName", crl.issuer) not in point.issuers:
        return "the CRL is not by the issuer that the distribution point names"
    return None if crl.is_indirect else "the CRL is by another issuer and not marked as indirect"


def crl_is_of_the_distribution_point(candidate: Candidate) -> str | None:
    """RFC 5280 section 6.3.3 (b)(2)(i): a CRL for distribution points is used for these only.

    Get the CRL that the certificate's distribution points name.
    """
    scope, point = candidate.crl.scope, candidate.point
    named = names_of_point(scope, candidate.crl.issuer) if scope is not None else None
    if named is None:
        return None
    wanted = point.names if point.names is not None else point.issuers
    if point.is_implied or wanted is None:
        wanted = frozenset({("DirectoryName", candidate.certificate.issuer)})
    return None if named & wanted else "the CRL is for other distribution points"


def crl_is_for_such_certificates(candidate: Candidate) -> str | None:
    """RFC 5280 section 6.3.3 (b)(2)(ii) to (iv): a CRL for one kind of certificates says nothing of the others.

    Get the CRL for certificates of this kind.
    """
    scope = candidate.crl.scope
    if scope is None:
        return None
    is_authority = candidate.certificate.is_authority
    if scope.only_contains_user_certs and is_authority:
        return "the CRL is for end entities only"
    if scope.only_contains_ca_certs and not is_authority:
        return "the CRL is for CA certificates only"
    return "the CRL is for attribute certificates only" if scope.only_contains_attribute_certs else None


def crl_covers_a_further_reason(candidate: Candidate) -> str | None:
    """RFC 5280 section 6.3.3 (e): the CRL covers a reason that none covered before.

    Get the CRLs for the other reasons.
    """
    return None if candidate.reasons & candidate.needed else "the CRL covers no reason that is still open"


def crl_is_complete(candidate: Candidate) -> str | None:
    """RFC 5280 section 5.2.4: a delta CRL says nothing without its base.

    Get the complete CRL too.
    """
    return "the CRL is a delta CRL" if candidate.crl.base_number is not None else None


def crl_has_begun(candidate: Candidate) -> str | None:
    """RFC 5280 section 5.1.2.4: a CRL is not issued later than it is used.

    Set the clock, or ask about a later time.
    """
    issued = candidate.crl.this_update
    return f"the CRL is of {issued:%Y-%m-%d %H:%M} UTC" if issued > candidate.question.time + TOLERANCE else None


def crl_is_current(candidate: Candidate) -> str | None:
    """RFC 5280 section 6.3.3 (a): the next CRL is not due yet; one that names no time for it is young.

    Get the issuer's newest CRL.
    """
    ends = candidate.crl.next_update
    if ends is None:
        ends = candidate.crl.this_update + timedelta(seconds=candidate.question.oldest_seconds)
    return f"the next CRL was due at {ends:%Y-%m-%d %H:%M} UTC" if candidate.question.time > ends else None


def crl_signature_is_strong(candidate: Candidate) -> str | None:
    """RFC 6194 and RFC 6151: the hash under the CRL's signature is none that the trust store refuses.

    Ask the issuer for a CRL that is signed with SHA-256 or better.
    """
    name = candidate.crl.signature.hash_name
    return f"the CRL is signed with {name}" if name in candidate.question.algorithms.refused_hashes else None


def crl_entries_are_readable(_crl: ParsedCRL) -> str | None:
    """RFC 5280 section 5.3: a CRL with an entry, of whichever certificate, that can't be processed is not used.

    Ask the issuer for a CRL without the unknown critical extension, or use OCSP.
    """
    return None


class Delta(Struct, frozen=True):
    """A delta CRL, as a candidate, and the complete CRL that it may go with."""

    candidate: Candidate
    complete: ParsedCRL


def delta_is_usable(delta: Delta) -> str | None:
    """RFC 5280 section 5.2: what a CRL must be like, a delta CRL must be like too.

    Get the newest delta CRL.
    """
    return next((message for _, message in broken((*ANY_CRL, *AGE), delta.candidate)), None)


def delta_has_the_same_scope(delta: Delta) -> str | None:
    """RFC 5280 section 6.3.3 (c)(2): the scope of a delta CRL is that of the complete one.

    Get the delta CRL that belongs to this CRL.
    """
    return None if delta.candidate.crl.scope == delta.complete.scope else "the delta CRL has another scope"


def delta_is_of_the_same_key(delta: Delta) -> str | None:
    """RFC 5280 section 6.3.3 (c)(3): the key identifier of a delta CRL is that of the complete one.

    Get the delta CRL that belongs to this CRL.
    """
    same = delta.candidate.crl.authority_key_identifier == delta.complete.authority_key_identifier
    return None if same else "the delta CRL is signed by another key"


def delta_continues_the_base(delta: Delta) -> str | None:
    """RFC 5280 section 5.2.4: the complete CRL is not older than the delta's base, and the delta is newer.

    Get a newer complete CRL.
    """
    base, of_delta, of_complete = delta.candidate.crl.base_number, delta.candidate.crl.number, delta.complete.number
    if base is None or of_delta is None or of_complete is None:
        return "a CRL has no number"
    return None if base <= of_complete < of_delta else "the delta CRL changes another CRL"


def points_of(certificate: Parsed) -> list[Point]:
    """Return the distribution points of a certificate; the last one is implied: whatever its issuer signs.

    RFC 5280 section 6.3.3, its last paragraph.
    """
    found = certificate.extension(x509.CRLDistributionPoints)
    implied = Point(None, ALL_REASONS, None, certificate.issuer, is_implied=True)
    return [*(_point(each, certificate.issuer) for each in found or ()), implied]


def _point(point: x509.DistributionPoint, issuer: Name) -> Point:
    issuers = comparable(point.crl_issuer) if point.crl_issuer else None
    by = next((normal(each.value) for each in point.crl_issuer or () if isinstance(each, x509.DirectoryName)), issuer)
    reasons = frozenset(point.reasons) if point.reasons is not None else ALL_REASONS
    return Point(names_of_point(point, by), reasons, issuers, by)


def names_of_point(point: x509.DistributionPoint | x509.IssuingDistributionPoint, issuer: Name) -> GeneralNames | None:
    """Return a distribution point's names, one that is relative under its issuer's; None: it has no name."""
    if point.full_name is not None:
        return comparable(point.full_name)
    if point.relative_name is not None:
        relative = normal(x509.Name([point.relative_name]))
        return frozenset({("DirectoryName", (*issuer, *relative))})
    return None


def comparable(names: list[x509.GeneralName]) -> GeneralNames:
    """Return general names so that equal ones are equal."""
    return frozenset(
        (type(name).__name__, normal(name.value) if isinstance(name, x509.DirectoryName) else name.value)
        for name in names
    )


ANY_CRL = advice(crl_is_readable, crl_extensions_are_known, crl_has_begun, crl_signature_is_strong)
SCOPE = (
    *advice(
        crl_is_complete,
        crl_is_of_the_right_issuer,
        crl_is_of_the_distribution_point,
        crl_is_for_such_certificates,
        crl_covers_a_further_reason,
    ),
    *ANY_CRL,
)
ENTRIES = Rule(crl_entries_are_readable, Severity.WARNING)
AGE = advice(crl_is_current)
DELTA = advice(delta_is_usable, delta_has_the_same_scope, delta_is_of_the_same_key, delta_continues_the_base)
