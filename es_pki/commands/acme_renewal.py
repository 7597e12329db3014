"""When certificates of ACME directories are renewed: planned once for each window, and later again after failures."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from es_pki.decider import Decider, Kind, Refused
from es_pki.events.acme_renewal import (
    ACMERenewalEvent,
    ACMERenewalFailed,
    ACMERenewalMissed,
    ACMERenewalPlanned,
)
from es_pki.values.acme import ACMEProblem

CATEGORY = "acme_renewal"

SHORT_LIFE = timedelta(days=10)
"""Certificates of less are renewed after half their lives, others after two thirds."""

LAST_RESORT = 20
"""When this part of the life is left, nobody's suggestion counts any more."""

FIRST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(days=1)
SHORTEST_PAUSE = timedelta(minutes=5)
"""How long it is waited after failures: twice as long each time, and never past a tenth of what is left of the life."""

AFTERLIFE = timedelta(days=30)
"""How long after its end a version is still attempted to be replaced, once a day: the machine may have been away."""


# Commands


class Window(Struct, frozen=True):
    """From when until when a certificate should be renewed."""

    start: datetime
    end: datetime


class PlanACMERenewal(Struct, frozen=True):
    """Say when a version is replaced.

    `suggested` is the directory's window, None without one. `fraction` (0 to 1) is drawn, and says where in the window
    the moment is. `is_revoked`: the version was revoked, or is to be, and is replaced now, whatever was planned.
    """

    name: str
    version: int
    not_before: datetime
    not_after: datetime
    suggested: Window | None
    explanation: str
    fraction: float
    now: datetime
    is_revoked: bool = False


class RecordACMERenewalFailure(Struct, frozen=True):
    """An attempt came to nothing. `is_lasting`: nothing changes by itself; `fraction` (0 to 1) is drawn."""

    version: int
    attempt: int
    problem: ACMEProblem
    is_lasting: bool
    not_after: datetime
    fraction: float
    now: datetime


class RecordACMERenewalMissed(Struct, frozen=True):
    """The version ends now, not replaced."""

    version: int
    not_after: datetime


ACMERenewalCommand = PlanACMERenewal | RecordACMERenewalFailure | RecordACMERenewalMissed


# Refusals


class NotObtainedByACME(Refused):
    """The certificate didn't come from an ACME directory. Renew it with RenewCertificate, or order another one."""

    kind = Kind.CLASHING


class RehearsalImpossible(Refused):
    """The account names no test account, so nothing can be rehearsed. NameACMETestAccount names one."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a renewal read: the plan for the current version, the failures since it came, its end."""

    plan: ACMERenewalPlanned | None = None
    failure: ACMERenewalFailed | None = None
    missed: ACMERenewalMissed | None = None


def evolve(state: State, event: ACMERenewalEvent) -> State:
    """Fold one event."""
    match event:
        case ACMERenewalPlanned(version=version):
            failure = state.failure if state.failure and state.failure.version == version else None
            if failure is not None and event.revoked:
                failure = replace(failure, next_attempt=event.at)
            missed = state.missed if state.missed and state.missed.version == version else None
            return State(plan=event, failure=failure, missed=missed)
        case ACMERenewalFailed():
            return replace(state, failure=event)
        case ACMERenewalMissed():
            return replace(state, missed=event)


def own_window(not_before: datetime, not_after: datetime) -> Window:
    """Return when a certificate is renewed about which nobody suggests anything: a twenty-fourth of its life."""
    life = not_after - not_before
    start = not_before + (life / 2 if life < SHORT_LIFE else life * 2 / 3)
    return Window(start.replace(microsecond=0), (start + life / 24).replace(microsecond=0))


def last_moment(not_before: datetime, not_after: datetime) -> datetime:
    """Return when a version is given up: early enough for something else to be in its place when it ends."""
    return not_after - min(SHORTEST_PAUSE, (not_after - not_before) / 100)


def last_resort(not_before: datetime, not_after: datetime) -> datetime:
    """Return when only a twentieth of the life is left."""
    return not_after - (not_after - not_before) / LAST_RESORT


# Decide


def decide(command: ACMERenewalCommand, state: State) -> list[ACMERenewalEvent]:
    """Turn a command into events."""
    match command:
        case PlanACMERenewal():
            return _plan(command, state)
        case RecordACMERenewalFailure():
            return _fail(command, state)
        case RecordACMERenewalMissed():
            return _miss(command, state)


def _plan(command: PlanACMERenewal, state: State) -> list[ACMERenewalEvent]:
    """Draw a moment for a window that is new; for one that was drawn from already, nothing."""
    window = command.suggested or own_window(command.not_before, command.not_after)
    if command.is_revoked:
        now = command.now.replace(microsecond=0)
        window = Window(now, now)
    if state.plan is not None and state.plan.version == command.version and _stays(state.plan, command, window):
        return []
    drawn = window.start + (window.end - window.start) * command.fraction
    at = min(max(drawn, command.now), max(last_resort(command.not_before, command.not_after), command.now))
    return [
        ACMERenewalPlanned(
            name=command.name,
            version=command.version,
            not_after=command.not_after,
            at=at.replace(microsecond=0),
            window_start=window.start,
            window_end=window.end,
            suggested=command.suggested is not None and not command.is_revoked,
            explanation="" if command.is_revoked else command.explanation,
            revoked=command.is_revoked,
        )
    ]


def _stays(plan: ACMERenewalPlanned, command: PlanACMERenewal, window: Window) -> bool:
    """Tell whether nothing is new about a version."""
    if plan.revoked or command.is_revoked:
        return plan.revoked
    # A directory that says nothing for once takes back nothing that it said.
    is_silent = plan.suggested and command.suggested is None
    return is_silent or Window(plan.window_start, plan.window_end) == window


def _fail(command: RecordACMERenewalFailure, state: State) -> list[ACMERenewalEvent]:
    before = state.failure
    if before is not None and (before.version, before.attempt) >= (command.version, command.attempt):
        return []
    doubled = FIRST_PAUSE * 2.0 ** min(command.attempt - 1, 10)
    pause = LONGEST_PAUSE if command.is_lasting else min(doubled, LONGEST_PAUSE)
    if command.now < command.not_after:
        pause = min(pause, max((command.not_after - command.now) / 10, SHORTEST_PAUSE))
    again = (command.now + pause * (0.75 + command.fraction / 2)).replace(microsecond=0)
    next_attempt = again if again < command.not_after + AFTERLIFE else None
    return [ACMERenewalFailed(command.version, command.attempt, command.problem, next_attempt)]


def _miss(command: RecordACMERenewalMissed, state: State) -> list[ACMERenewalEvent]:
    if state.missed is not None and state.missed.version == command.version:
        return []
    failure = state.failure if state.failure and state.failure.version == command.version else None
    return [ACMERenewalMissed(command.version, command.not_after, failure.problem if failure else None)]


# The aggregate


ACMERenewalDecider = Decider[ACMERenewalCommand, State, ACMERenewalEvent]

decider: ACMERenewalDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
