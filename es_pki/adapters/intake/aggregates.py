"""The write side as those see it who hand commands in; `app.Aggregates` is it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from es_pki.decider import Decider
from es_pki.events import codec
from es_pki.events.happened import Happened

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)


Examine = Callable[[object, Sequence[codec.Event]], Awaitable[None]]
"""Looks at a command and what it leads to, before that is appended. Raises `Refused`."""


class Loaded(NamedTuple, Generic[S]):
    """An aggregate's state, its stream's version, and the position of its last event (0 and 0: it isn't there)."""

    state: S
    version: int
    position: int


class Handled(NamedTuple, Generic[S, E]):
    """What became of a command: the state after it, its log position, its new events (none: it was done before)."""

    state: S
    position: int
    events: tuple[E, ...]


class Aggregates(Protocol):
    """Read, fold, decide, append."""

    async def load(self, decider: Decider[C, S, E], aggregate_id: str, *, afresh: bool = False) -> Loaded[S]:
        """Return the aggregate's state, unless `afresh` perhaps as it was a moment ago."""
        ...

    async def handle(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        ask: Callable[[], Awaitable[C]],
        *,
        actor: str,
        is_new: bool = False,
    ) -> Handled[S, E]:
        """Decide the command that `ask` puts together and append the outcome. Raises `Refused` and `Conflict`.

        `is_new`: the id was drawn for this command, so there is nothing to read; the append proves it.
        """
        ...

    async def preview(
        self, decider: Decider[C, S, E], aggregate_id: str, ask: Callable[[], Awaitable[C]]
    ) -> Sequence[E]:
        """Rehearse the decision, without examining or appending it; return what would happen. Raises `Refused`."""
        ...

    def every(self, *kinds: type[codec.Event]) -> AsyncIterator[Happened]:
        """Yield every event of these kinds, first to last: it reads as much of the log as has them."""
        ...

    async def owner(self, stream: str, *, for_ever: bool = False) -> str | None:
        """Return who owns what a reservation stream stands for, None if nobody does.

        `for_ever`: such things never change hands, so an owner may be remembered.
        """
        ...
