"""What an aggregate is: two pure functions and a value. And what a decision can be besides events: a refusal.

`evolve` folds events into the minimal state; it never raises. `decide` turns a command and the state into new events,
none when the command changes nothing (it was decided before), or raises `Refused`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Generic, NamedTuple, TypeVar

from es_pki.events import codec
from es_pki.events.reservation import NameReleased, ReservationEvent

Command = TypeVar("Command")
State = TypeVar("State")
Event = TypeVar("Event", bound=codec.Event)


class Kind(StrEnum):
    """Why a command was refused, coarsely: the edge chooses its answer's form by it."""

    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    CLASHING = "clashing"


class Violation(NamedTuple):
    """One broken rule: the field of the request, the rule's name with its source, and what to do about it."""

    field: str
    rule: str
    detail: str


class Refused(Exception):
    """A command that may not happen. Subclasses are named after the reason; their docstrings are the manual."""

    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, detail: str, *violations: Violation) -> None:
        super().__init__(detail)
        self.detail = detail
        self.violations = violations


def code_of(refusal: type[Refused]) -> str:
    """Return the stable code of a refusal: `NameTaken` is `name-taken`, `CSRRejected` `csr-rejected`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", refusal.__name__).lower()


class RequestReused(Refused):
    """The same id or Idempotency-Key came before with another request. Send a new key for a new request."""

    kind = Kind.CLASHING


class Reservation(NamedTuple):
    """A stream that stands for what exists only once, the event that claims it, and the refusal when another owns it.

    What the aggregate itself owns already is not claimed again.
    """

    stream: str
    event: ReservationEvent
    taken: Refused


class Release(NamedTuple):
    """The stream of something that the aggregate owns, and the event that gives it up."""

    stream: str
    event: NameReleased


Claim = Reservation | Release


class Guard(NamedTuple):
    """A stream of another aggregate that must still be at the version on which the command was put together.

    `broken` is the refusal when it isn't, where that is an answer for good; None: the command is put together anew.
    `events` are what the other aggregate decided at that version, to be recorded there in the same append, and `claims`
    what they claim or give up for it, whose id is `owner`.
    """

    stream: str
    version: int
    broken: Refused | None = None
    events: tuple[codec.Event, ...] = ()
    claims: tuple[Claim, ...] = ()
    owner: str = ""


def reserve_nothing(_event: object, _aggregate_id: str) -> Sequence[Claim]:
    """Serve aggregates whose events claim nothing."""
    return ()


def guard_nothing(_command: object) -> Sequence[Guard]:
    """Serve commands that rest on their own aggregate alone."""
    return ()


@dataclass(frozen=True)
class Decider(Generic[Command, State, Event]):
    """An aggregate. `category` begins its streams' names: `certificate-<id>`.

    `rehearse` decides alike, but its events may lack what is costly to write: it is for who only asks whether there
    would be any. None: `decide` is cheap enough.
    """

    category: str
    initial: State
    evolve: Callable[[State, Event], State]
    decide: Callable[[Command, State], list[Event]]
    reservations: Callable[[Event, str], Sequence[Claim]] = field(default=reserve_nothing)
    guards: Callable[[Command], Sequence[Guard]] = field(default=guard_nothing)
    rehearse: Callable[[Command, State], list[Event]] | None = None

    def stream(self, aggregate_id: str) -> str:
        """Return the name of an aggregate's stream."""
        return f"{self.category}-{aggregate_id}"
