"""What CRLs say of a certificate: RFC 5280 section 6.3.3."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from msgspec.structs import replace

from es_pki.adapters.validation.certificate import Parsed, Unreadable
from es_pki.adapters.validation.crl import Entry, ParsedCRL
from es_pki.adapters.validation.crl_rules import (
    AGE,
    ALL_REASONS,
    DELTA,
    SCOPE,
    Candidate,
    Delta,
    Point,
    points_of,
)
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import broken
from es_pki.adapters.validation.known import Known, Status
from es_pki.adapters.validation.link import is_signed
from es_pki.adapters.validation.names import Name
from es_pki.adapters.validation.signatures import cost
from es_pki.adapters.validation.walk import State

Signer = tuple[Parsed, PublicKeyTypes]
"""Whose certificate a CRL is signed by, and the key in it."""


def known_from_crls(certificate: Parsed, state: State, inquiry: Inquiry) -> Known:
    """Return what CRLs say of a certificate that `state` is above. Several count until all reasons are covered."""
    needed, why = ALL_REASONS, []
    for point in points_of(certificate):
        for crl in _crls_of(point, certificate.issuer, inquiry):
            candidate = Candidate(crl, certificate, point, needed, inquiry.question)
            try:
                entry = _entry(candidate, state, inquiry)
            except Unreadable as unusable:
                if str(unusable):
                    why.append(str(unusable))
                continue
            if entry is not None:
                return Known(Status.REVOKED, (_told(entry),))
            needed -= candidate.reasons
            if not needed:
                return Known(Status.GOOD)
    if why or needed == ALL_REASONS:
        return Known(Status.UNKNOWN, tuple(why))
    return Known(Status.UNKNOWN, ("the CRLs cover some reasons only",))


def _crls_of(point: Point, issuer: Name, inquiry: Inquiry) -> Iterator[ParsedCRL]:
    """Yield the CRLs that a distribution point may mean, by whom it names or the certificate's issuer."""
    if point.issuers is None:
        yield from inquiry.evidence.crls_of(issuer)
        return
    for form, name in sorted(point.issuers, key=str):
        if form == "DirectoryName" and isinstance(name, tuple):
            yield from inquiry.evidence.crls_of(name)


def _entry(candidate: Candidate, state: State, inquiry: Inquiry) -> Entry | None:
    """Return the entry of a certificate in a CRL with its delta, None when it is not revoked.

    Raises `Unreadable` for a CRL that may not be used, with why: without a word for one that is about others.
    """
    crl, certificate = candidate.crl, candidate.certificate
    _refuse(candidate)
    key = _signer_of(crl, state, inquiry)
    delta = _delta_of(candidate, key, inquiry)
    if delta is None:
        _refuse_old(candidate)
    for each in (delta, crl):
        entry = each.entry(certificate.issuer, certificate.serial_number, inquiry.budget) if each is not None else None
        if entry is not None:
            return None if entry.is_removed else entry
    return None


def _refuse(candidate: Candidate) -> None:
    for rule, message in broken(SCOPE, candidate):
        raise Unreadable("" if rule.name in ABOUT_OTHERS else message)


def _refuse_old(candidate: Candidate) -> None:
    for _, message in broken(AGE, candidate):
        raise Unreadable(message)


def _signer_of(crl: ParsedCRL, state: State, inquiry: Inquiry) -> Signer:
    """Return who signed a CRL and may: RFC 5280 section 6.3.3 (f) and (g). Raises `Unreadable`."""
    reason = "the CRL is signed by nobody whose certificate is here"
    for signer, key in _possible_signers(crl, state, inquiry):
        if cost(key) == 0 or not is_signed(crl.signature, key, signer, inquiry.budget):
            continue
        usage = signer.key_usage
        if usage is not None and not usage.crl_sign:
            reason = "the CRL is signed by a key that may not sign CRLs (RFC 5280 section 4.2.1.3)"
            continue
        distrust = None if signer is state.issuer else inquiry.distrusts(signer, crl)
        if distrust is None:
            return signer, key
        reason = distrust
    raise Unreadable(reason)


def _possible_signers(crl: ParsedCRL, state: State, inquiry: Inquiry) -> Iterator[Signer]:
    """Yield who has the CRL issuer's name: the certificate's issuer, then others, those with a fitting key first."""
    if state.issuer.subject == crl.issuer and state.key is not None:
        yield state.issuer, state.key
    others = list(inquiry.pool.of(crl.issuer))
    if inquiry.anchor.subject == crl.issuer and inquiry.anchor not in inquiry.pool:
        others.append(inquiry.anchor)
    others.sort(key=lambda each: each.subject_key_identifier != crl.authority_key_identifier)
    for other in others:
        if other.der != state.issuer.der and other.public_key is not None:
            yield other, other.public_key


def _delta_of(candidate: Candidate, signer: Signer, inquiry: Inquiry) -> ParsedCRL | None:
    """Return the newest delta CRL that goes with a complete one, None without: RFC 5280 section 6.3.3 (c) and (h)."""
    for crl in inquiry.evidence.crls_of(candidate.crl.issuer):
        if crl.base_number is None or any(broken(DELTA, Delta(replace(candidate, crl=crl), candidate.crl))):
            continue
        if is_signed(crl.signature, signer[1], signer[0], inquiry.budget):
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
