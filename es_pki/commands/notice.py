"""Notices: each occasion is told to a channel once, whatever is killed meanwhile and however many servers there are."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from es_pki.decider import Decider, Kind, Refused, Violation
from es_pki.events.notice import NoticeBegun, NoticeEvent, NoticeFailed, NoticeSent
from es_pki.values.notices import Occasion

CATEGORY = "notice"

MOST_ATTEMPTS = 10
"""A channel that doesn't answer is tried for about a day."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)

LONGEST_REASON = 500


# Commands


class BeginNotice(Struct, frozen=True):
    """Be about to send a notice: only whoever this leads to an event for may do it."""

    channel_id: str
    channel: str
    occasion: Occasion
    now: datetime


class RecordNotice(Struct, frozen=True):
    """Record what became of an attempt.

    `problem` is why it was not taken, None: it was, and `detail` says what wasn't. `is_final`: it is not tried again.
    """

    attempt: int
    problem: str | None
    now: datetime
    detail: str = ""
    is_final: bool = False


NoticeCommand = BeginNotice | RecordNotice


# Refusals


class NoticeMissing(Refused):
    """Nobody ever began to send this notice. `GET /api/v1/notices` lists them."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about a notice read: its newest attempt, and how that ended, None while it is under way."""

    begun: NoticeBegun | None = None
    outcome: NoticeSent | NoticeFailed | None = None


def evolve(state: State, event: NoticeEvent) -> State:
    """Fold one event."""
    match event:
        case NoticeBegun():
            return State(event)
        case NoticeSent() | NoticeFailed():
            return replace(state, outcome=event)


def is_settled(state: State) -> bool:
    """Tell whether nothing will ever be sent again."""
    match state.outcome:
        case NoticeSent() | NoticeFailed(next_attempt=None):
            return True
        case _:
            return False


def may_begin(state: State, now: datetime) -> bool:
    """Tell whether a notice was never begun, or failed and is due again. One under way is somebody's, dead or alive."""
    if state.begun is None:
        return True
    failed = state.outcome
    return isinstance(failed, NoticeFailed) and failed.next_attempt is not None and failed.next_attempt <= now


# Decide


def decide(command: NoticeCommand, state: State) -> list[NoticeEvent]:
    """Turn a command into events."""
    match command:
        case BeginNotice():
            return _begin(command, state)
        case RecordNotice():
            return _record(command, state)


def _begin(command: BeginNotice, state: State) -> list[NoticeEvent]:
    if not may_begin(state, command.now):
        return []
    attempt = 1 if state.begun is None else state.begun.attempt + 1
    return [NoticeBegun(command.channel_id, command.channel, command.occasion, attempt)]


def _record(command: RecordNotice, state: State) -> list[NoticeEvent]:
    if state.begun is None:
        detail = "there is no such notice"
        raise NoticeMissing(detail, Violation("notice", "what ends was begun", detail))
    if state.begun.attempt != command.attempt or state.outcome is not None:
        return []
    if command.problem is None:
        return [NoticeSent(command.attempt, command.detail[:LONGEST_REASON])]
    again = None
    if not command.is_final and command.attempt < MOST_ATTEMPTS:
        again = command.now + min(FIRST_PAUSE * 4.0 ** (command.attempt - 1), LONGEST_PAUSE)
    return [NoticeFailed(command.attempt, command.problem[:LONGEST_REASON], again)]


# The aggregate


NoticeDecider = Decider[NoticeCommand, State, NoticeEvent]

decider: NoticeDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
