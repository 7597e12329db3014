"""How an earlier version ends once another one came: revoked as superseded, at a moment that somebody planned.

What comes then is the ordinary RevokeCertificate; it comes later while a service still has the version.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from es_pki.commands.lineage import State, plan_ended
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.revocation import (
    Which,
    check_is_not_current,
    check_is_not_over,
    check_is_not_revoked,
    chosen,
    issuer_id_of,
)
from es_pki.commands.versions import Version
from es_pki.decider import Violation
from es_pki.events.certificate import (
    CertificateEvent,
    CertificatePrepared,
    SupersessionHeldUp,
    SupersessionPlanned,
)

LONGEST_GRACE_DAYS = 1000

SAME_MOMENT = timedelta(minutes=5)
"""Days are counted from the request: one that is sent again a little later means the moment of the first."""


class PlanSupersession(Struct, frozen=True):
    """Have an earlier version revoked as superseded in so many days; what was planned before is forgotten."""

    which: Which
    after_days: int
    now: datetime


class WithdrawSupersession(Struct, frozen=True):
    """Let an earlier version be."""

    which: Which


class RecordSupersessionHeldUp(Struct, frozen=True):
    """The version is due, but these services still have it: it is due again in a day, and free when they haven't."""

    version: int
    services: tuple[str, ...]
    now: datetime


SupersessionCommand = PlanSupersession | WithdrawSupersession | RecordSupersessionHeldUp


def decide(command: SupersessionCommand, state: State) -> list[CertificateEvent]:
    """Turn a command into events; also about a certificate that was deleted, whose versions hold as before."""
    match command:
        case PlanSupersession():
            return _plan(command, state)
        case WithdrawSupersession(which=which):
            return plan_ended(chosen(state, which))
        case RecordSupersessionHeldUp():
            return _hold_up(command, state)


def due_at(before: Version, days: int, now: datetime, field: str) -> datetime | None:
    """Return when the version that is current at `now` is revoked so many days after the next one; None: never.

    Raises `RulesBroken`, naming the field, and `IssuedElsewhere`.
    """
    _check_days(days, field)
    issuer_id_of(before)
    due = _after(now, days)
    return due if before.revoked is None and due <= before.prepared.not_after else None


def after_issuing(prepared: CertificatePrepared, before: Version | None) -> list[CertificateEvent]:
    """Return what becomes of the version before once the prepared one is issued."""
    if prepared.supersede_at is None or before is None or before.revoked is not None:
        return []
    return [_planned(before, prepared.name, prepared.supersede_at)]


def _plan(command: PlanSupersession, state: State) -> list[CertificateEvent]:
    version = chosen(state, command.which)
    _check_days(command.after_days, "after_days")
    check_is_not_current(version, state)
    check_is_not_revoked(version)
    check_is_not_over(version, command.now)
    issuer_id_of(version)
    due = _after(command.now, command.after_days)
    if due > version.prepared.not_after:
        detail = f"it ends by itself at {version.prepared.not_after:%F %T}Z"
        RulesBroken.if_any([Violation("after_days", "what is over is not revoked", detail)])
    plan = version.superseding
    is_same = plan is not None and abs(plan.due_at - due) < SAME_MOMENT
    return [] if is_same else [_planned(version, state.name, due)]


def _hold_up(command: RecordSupersessionHeldUp, state: State) -> list[CertificateEvent]:
    """Record for whom it waits when that changes, and once a day; nothing about what is planned no more."""
    version = state.versions.get(command.version)
    if version is None or version.superseding is None:
        return []
    if version.held_up_by == command.services and version.superseding.due_at > command.now:
        return []
    return [SupersessionHeldUp(command.version, command.services, _after(command.now, 1))]


def _planned(version: Version, name: str, due: datetime) -> SupersessionPlanned:
    prepared = version.prepared
    validity = prepared.not_before, prepared.not_after
    return SupersessionPlanned(prepared.version, name, prepared.serial_number, *validity, due)


def _after(now: datetime, days: int) -> datetime:
    return now.replace(microsecond=0) + timedelta(days=days)


def _check_days(days: int, field: str) -> None:
    if not 0 <= days <= LONGEST_GRACE_DAYS:
        RulesBroken.if_any([Violation(field, "a time of grace is bounded", f"0 to {LONGEST_GRACE_DAYS} days")])
