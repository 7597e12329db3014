"""How an authority ends before its time: its issuer revokes it. A root has none."""

from datetime import datetime

from msgspec import Struct

from es_pki.commands.reasons import check_is_the_same, violations
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Guard, Kind, Refused, Violation
from es_pki.events.authority import AuthorityEvent, AuthorityImported, AuthorityPrepared, AuthorityRevoked
from es_pki.values import CRLReason


class RevokeAuthority(Struct, frozen=True):
    """Let the authority's certificate hold no more. `report` records with it that its key is compromised, if it is."""

    reason: CRLReason
    invalidity_date: datetime | None
    now: datetime
    report: Guard | None = None


class RootUnrevocable(Refused):
    """A root signs for itself: nobody stands above it whose CRL could list it (RFC 5280 section 6.1 begins below it).

    Have everybody stop trusting it: take it out of their trust stores. Report its key if it is compromised: then
    nothing is signed under it any more, and everything that is below it can be revoked one by one.
    """

    kind = Kind.CLASHING


class AuthorityExpired(Refused):
    """The authority's certificate doesn't hold any more at this time: nobody accepts it, and no CRL lists it."""

    kind = Kind.CLASHING


def revoke(
    command: RevokeAuthority, prepared: AuthorityPrepared | AuthorityImported, revoked: AuthorityRevoked | None
) -> list[AuthorityEvent]:
    """Decide on the end of an authority that was created, and perhaps revoked before."""
    if prepared.issuer_id is None:
        detail = f"{prepared.name} is a root: nobody stands above it who could revoke it"
        raise RootUnrevocable(detail, Violation("authority", "an issuer revokes what it issued", detail))
    if revoked is not None:
        check_is_the_same(revoked, command.reason, command.invalidity_date)
        return []
    revoked_at = command.now.replace(microsecond=0)
    RulesBroken.if_any(violations(command.reason, command.invalidity_date, prepared.not_before, revoked_at))
    if prepared.not_after < command.now:
        detail = f"{prepared.name} held until {prepared.not_after:%F %T}Z"
        raise AuthorityExpired(detail, Violation("authority", "RFC 5280 section 4.1.2.5", detail))
    return [
        AuthorityRevoked(
            name=prepared.name,
            issuer_id=prepared.issuer_id,
            serial_number=prepared.serial_number,
            not_after=prepared.not_after,
            revoked_at=revoked_at,
            reason=command.reason,
            invalidity_date=command.invalidity_date,
        )
    ]
