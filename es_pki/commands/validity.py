"""From when to when a certificate holds (RFC 5280 section 4.1.2.5)."""

from datetime import datetime, timedelta

from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Violation
from es_pki.values import Issuer

BACKDATING = timedelta(minutes=5)
"""How long before now a certificate begins to hold, for verifiers whose clocks are behind."""

LONGEST_DAYS = 36_525
"""A hundred years: nothing outlives its cryptography by more."""


def period(
    *, now: datetime, asked_days: int | None, default_days: int, issuer: Issuer | None
) -> tuple[datetime, datetime]:
    """Return not_before and not_after, both inclusive.

    Days that were asked for are kept (the rules refuse what can't be had); the default is cut to what the issuer
    allows. Raises `RulesBroken` for days that no certificate may have.
    """
    if asked_days is not None and not 1 <= asked_days <= LONGEST_DAYS:
        RulesBroken.if_any(
            [Violation("validity_days", "RFC 5280 section 4.1.2.5", f"1 to {LONGEST_DAYS} days, not {asked_days}")]
        )
    not_before = now.replace(microsecond=0) - BACKDATING
    if issuer is not None:
        not_before = max(not_before, issuer.not_before)
    not_after = not_before + timedelta(days=asked_days or default_days, seconds=-1)
    if asked_days is None and issuer is not None:
        not_after = min(not_after, issuer.not_after)
    return not_before, not_after
