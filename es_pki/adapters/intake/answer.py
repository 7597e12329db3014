"""Who asks, and what is answered."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from es_pki.adapters.entropy import derived_uuid, uuid7
from es_pki.events import codec
from es_pki.values import Role


class Caller(Struct, frozen=True):
    """A principal at the door: its name, which is recorded with every event, and its roles."""

    name: str
    roles: frozenset[Role]


class Asked(Struct, frozen=True):
    """The circumstances of a request: whose it is, when it came, and its Idempotency-Key ("" without one)."""

    caller: Caller
    now: datetime
    idempotency_key: str = ""

    def new_id(self) -> str:
        """Return the id of what the request creates: the same for the same key of the same caller."""
        if self.idempotency_key:
            return derived_uuid(self.idempotency_key, self.caller.name)
        return uuid7(self.now)


class AnsweredEvent(Struct, frozen=True):
    """An event as the log keeps it."""

    type: str
    data: msgspec.Raw


class Answer(Struct, frozen=True):
    """What a command did: the log position to wait for, the stream, the new events, and what was made."""

    position: int
    stream: str
    events: tuple[AnsweredEvent, ...]
    result: dict[str, object]


def answered(events: Iterable[codec.Event]) -> tuple[AnsweredEvent, ...]:
    """Return events in the form of an answer."""
    return tuple(AnsweredEvent(name, msgspec.Raw(data)) for name, data in map(codec.encode, events))
