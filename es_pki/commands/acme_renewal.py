"""When certificates of ACME directories are renewed: planned once for each window, and later again after failures."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from es_pki.decider import Decider, Kind, Refused
from es_pki.events.acme_renewal import ACMERenewalEvent, ACMERenewalFailed, ACMERenewalPlanned
from es_pki.values.acme import ACMEProblem

CATEGORY = "acme_renewal"

SHORT_LIFE = timedelta(days=10)
"""Certificates of less are renewed after half their lives, others after two thirds."""

LAST_RESORT = 20
"""When this part of the life is left, nobody's suggestion counts any more."""

FIRST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(days=1)


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


ACMERenewalCommand = PlanACMERenewal | RecordACMERenewalFailure


# Refusals


class NotObtainedByACME(Refused):
    """The certificate didn't come from an ACME directory. Renew it with RenewCertificate, or order another one."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a renewal read: the plan for the newest version, and the failures since it came."""

    plan: ACMERenewalPlanned | None = None
    failure: ACMERenewalFailed | None = None


def evolve(state: State, event: ACMERenewalEvent) -> State:
    """Fold one event."""
    match event:
        case ACMERenewalPlanned(version=version):
            failure = state.failure if state.failure and state.failure.version == version else None
            if failure is not None and event.revoked:
                failure = replace(failure, next_attempt=event.at)
            return State(plan=event, failure=failure)
        case ACMERenewalFailed():
            return replace(state, failure=event)


def own_window(not_before: datetime, not_after: datetime) -> Window:
    """Return when a certificate is renewed about which nobody suggests anything: a twenty-fourth of its life."""
    life = not_after - not_before
    start = not_before + (life / 2 if life < SHORT_LIFE else life * 2 / 3)
    return Window(start.replace(microsecond=0), (start + life / 24).replace(microsecond=0))


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


def _plan(command: PlanACMERenewal, state: State) -> list[ACMERenewalEvent]:
    """Draw a moment for a window that is new; for one that was drawn from already, nothing."""
    window = command.suggested or own_window(command.not_before, command.not_after)
    now = command.now.replace(microsecond=0)
    if command.is_revoked:
        window = Window(now, now)
    plan = state.plan
    if plan is not None and plan.version > command.version:
        return []
    if plan is not None and plan.version == command.version:
        same = not command.is_revoked and Window(plan.window_start, plan.window_end) == window
        # A directory that says nothing for once takes back nothing that it said.
        if same or plan.revoked or (plan.suggested and command.suggested is None and not command.is_revoked):
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


def _fail(command: RecordACMERenewalFailure, state: State) -> list[ACMERenewalEvent]:
    before = state.failure
    if before is not None and (before.version, before.attempt) >= (command.version, command.attempt):
        return []
    pause = LONGEST_PAUSE if command.is_lasting else min(FIRST_PAUSE * 2.0 ** (command.attempt - 1), LONGEST_PAUSE)
    pause = min(pause, max((command.not_after - command.now) / 10, FIRST_PAUSE / 12))
    again = (command.now + pause * (0.75 + command.fraction / 2)).replace(microsecond=0)
    next_attempt = again if again < command.not_after else None
    return [ACMERenewalFailed(command.version, command.attempt, command.problem, next_attempt)]


# The aggregate


ACMERenewalDecider = Decider[ACMERenewalCommand, State, ACMERenewalEvent]

decider: ACMERenewalDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
