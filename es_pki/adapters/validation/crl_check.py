"""What CRLs say of a certificate: RFC 5280 section 6.3.3."""

from cryptography import x509
from msgspec.structs import replace

from es_pki.adapters.validation.certificate import Parsed, Unreadable
from es_pki.adapters.validation.crl import Entry, ParsedCRL
from es_pki.adapters.validation.crl_rules import (
    AGE,
    ALL_REASONS,
    DELTA,
    ENTRIES,
    SCOPE,
    Candidate,
    Delta,
    Point,
    points_of,
)
from es_pki.adapters.validation.crl_signer import Signer, signer_of
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import broken
from es_pki.adapters.validation.known import Known, Reason, Status, Unusable
from es_pki.adapters.validation.link import is_signed
from es_pki.adapters.validation.names import Name
from es_pki.adapters.validation.walk import State

LOOK = 64
"""What it costs to look at a CRL or an OCSP response, in comparisons."""


def known_from_crls(certificate: Parsed, state: State, inquiry: Inquiry) -> Known:
    """Return what CRLs say of a certificate that `state` is above. Several count until all reasons are covered."""
    needed = ALL_REASONS
    unused: list[Reason] = []
    for point in points_of(certificate):
        for crl in _crls_of(point, certificate.issuer, inquiry):
            inquiry.budget.spend_comparisons(LOOK)
            candidate = Candidate(crl, certificate, point, needed, inquiry.question)
            try:
                entry = _entry(candidate, state, inquiry)
            except Unusable as unusable:
                unused += [unusable.reason] if unusable.reason is not None else []
                continue
            if entry is not None:
                return Known(Status.REVOKED, _told(entry))
            needed -= candidate.reasons
            if not needed:
                return Known(Status.GOOD)
    some = needed != ALL_REASONS
    return Known(Status.UNKNOWN, "CRLs for some reasons only" if some else "", tuple(dict.fromkeys(unused)))


def _crls_of(point: Point, issuer: Name, inquiry: Inquiry) -> list[ParsedCRL]:
    """Return the CRLs that a distribution point may mean, by whom it names or the certificate's issuer."""
    if point.issuers is None:
        found = inquiry.evidence.crls_of(issuer)
    else:
        found = [crl for form, name in point.issuers if form == "DirectoryName" for crl in _by(name, inquiry)]
    return sorted(found, key=lambda crl: crl.der in inquiry.vouching) if inquiry.vouching else found


def _by(name: object, inquiry: Inquiry) -> list[ParsedCRL]:
    return inquiry.evidence.crls_of(name) if isinstance(name, tuple) else []


def _entry(candidate: Candidate, state: State, inquiry: Inquiry) -> Entry | None:
    """Return the entry of a certificate in a CRL with its delta, None when it is not revoked. Raises `Unusable`."""
    crl, certificate = candidate.crl, candidate.certificate
    _refuse(candidate)
    signer = signer_of(crl, state, inquiry)
    delta = _delta_of(candidate, signer, inquiry)
    if delta is None:
        for reason in broken(AGE, candidate):
            raise Unusable(reason)
    for each in (delta, crl):
        if each is None:
            continue
        entry = _listed(each, certificate, inquiry)
        if entry is not None:
            return None if entry.is_removed else entry
    return None


def _listed(crl: ParsedCRL, certificate: Parsed, inquiry: Inquiry) -> Entry | None:
    try:
        return crl.entry(certificate.issuer, certificate.serial_number, inquiry.budget)
    except Unreadable as unreadable:
        raise Unusable((ENTRIES, str(unreadable))) from unreadable


def _refuse(candidate: Candidate) -> None:
    for rule, message in broken(SCOPE, candidate):
        raise Unusable(None if rule.name in ABOUT_OTHERS else (rule, message))


def _delta_of(candidate: Candidate, signer: Signer, inquiry: Inquiry) -> ParsedCRL | None:
    """Return the newest delta CRL that goes with a complete one, None without: RFC 5280 section 6.3.3 (c) and (h)."""
    for crl in inquiry.evidence.crls_of(candidate.crl.issuer):
        if crl.base_number is None or any(broken(DELTA, Delta(replace(candidate, crl=crl), candidate.crl))):
            continue
        if is_signed(crl.signature, signer.key, signer.certificate, inquiry.budget):
            return crl
    return None


def _told(entry: Entry) -> str:
    when = f"{entry.revoked_at:%Y-%m-%d %H:%M} UTC"
    if entry.reason is x509.ReasonFlags.certificate_hold:
        return f"on hold since {when}"
    return f"since {when}, for {entry.reason.value if entry.reason is not None else 'a reason that is not told'}"


ABOUT_OTHERS = frozenset(
    {
        "crl-is-complete",
        "crl-is-of-the-right-issuer",
        "crl-is-of-the-distribution-point",
        "crl-is-for-such-certificates",
        "crl-covers-a-further-reason",
    }
)
"""The rules that a CRL breaks by being about something else: no reason to complain."""
