"""Why and since when something is revoked: the rules that certificates and authorities share.

What was revoked stays revoked as it was first: others have acted on since when, and why.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from es_pki.commands.refusals import AlreadyRevoked
from es_pki.decider import Violation
from es_pki.values import CRLReason

RULE = "RFC 5280 section 5.3.1"

COMPROMISES = frozenset({CRLReason.KEY_COMPROMISE, CRLReason.CA_COMPROMISE})
"""The reasons that say that others have the key."""


class Revoked(Protocol):
    """What was recorded of a revocation."""

    @property
    def revoked_at(self) -> datetime: ...
    @property
    def reason(self) -> CRLReason: ...
    @property
    def invalidity_date(self) -> datetime | None: ...


def check_is_the_same(revoked: Revoked, reason: CRLReason, invalidity_date: datetime | None) -> None:
    """Raise `AlreadyRevoked` when something was revoked for another reason than now, or since another date."""
    if reason is not revoked.reason or invalidity_date not in {None, revoked.invalidity_date}:
        raise already_revoked(revoked, "reason")


def already_revoked(revoked: Revoked, field: str) -> AlreadyRevoked:
    """Return the refusal of what can't be decided again."""
    detail = f"it was revoked at {revoked.revoked_at:%F %T}Z: {revoked.reason}"
    return AlreadyRevoked(detail, Violation(field, "a revocation is never rewritten", detail))


def violations(
    reason: CRLReason, invalidity_date: datetime | None, not_before: datetime, now: datetime
) -> Iterator[Violation]:
    """Yield what is wrong with a reason and a date (RFC 5280 sections 5.3.1 and 5.3.2)."""
    match reason:
        case CRLReason.CERTIFICATE_HOLD | CRLReason.REMOVE_FROM_CRL:
            yield Violation("reason", RULE, f"{reason} is not for good: use HoldCertificate and ReleaseCertificate")
        case CRLReason.AA_COMPROMISE:
            yield Violation("reason", RULE, "aACompromise is for attribute authorities, and there are none here")
        case _:
            pass
    if invalidity_date is not None and not not_before <= invalidity_date <= now:
        detail = "a time from when the certificate began to hold until now"
        yield Violation("invalidity_date", "RFC 5280 section 5.3.2", detail)
