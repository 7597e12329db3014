"""The write side: read, fold, decide, append."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar, assert_never, cast
from weakref import WeakValueDictionary

from es_pki.adapters.intake.aggregates import Examine, Handled, Loaded
from es_pki.adapters.recorded import encode_metadata, happened, owner_of
from es_pki.commands.refusals import Malformed
from es_pki.decider import Claim, Decider, Refused, Release, Reservation
from es_pki.events import codec
from es_pki.events.happened import Happened
from eventlog import Conflict, Log, NewEvent, TooLarge, Write

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)

ATTEMPTS = 6
"""How often a command is decided anew when others were faster, before the conflict is its answer."""

REMEMBERED_STATES = 4096

_rests_on: ContextVar[set[str]] = ContextVar("rests_on")
"""The streams that the command at hand was put together and decided from."""


class Aggregates:
    """Read, fold, decide, append: the only way in which events come to be.

    Folded states are remembered, and only ever speed up what the log then confirms: the append says on which versions
    it rests. Before a command is refused or found already done, the states it rests on are forgotten, and it is
    decided once more on what the log says. What is decided is shown to `examine`, with its command, before it is
    appended; it may refuse.
    """

    def __init__(self, log: Log, examine: Examine | None = None) -> None:
        self._log = log
        self._examine = examine
        self._remembered: OrderedDict[str, Loaded[Any]] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def load(self, decider: Decider[C, S, E], aggregate_id: str, *, afresh: bool = False) -> Loaded[S]:
        """Return the aggregate's state, unless `afresh` perhaps as it was a moment ago."""
        stream = decider.stream(aggregate_id)
        _rests_on.get(set()).add(stream)
        known = self._remembered.get(stream)
        if known is not None and not afresh:
            self._remembered.move_to_end(stream)
            return known
        state, version, position = decider.initial, 0, 0
        for record in await self._log.read_stream(stream):
            state = decider.evolve(state, cast("E", codec.decode(record.type, record.data)))
            version, position = record.version, record.position
        return self._remember(stream, Loaded(state, version, position))

    async def handle(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        ask: Callable[[], Awaitable[C]],
        *,
        actor: str,
        is_new: bool = False,
    ) -> Handled[S, E]:
        """Decide the command that `ask` puts together and append the outcome; return it with the state after it.

        `is_new`: the id was drawn for this command, so there is nothing to read; the append proves it.
        Raises `Refused`, and `Conflict` when others were faster `ATTEMPTS` times in a row.
        """
        # Commands of this process take turns on a stream, rather than conflict with each other.
        turn = self._turns.setdefault(decider.stream(aggregate_id), asyncio.Lock())
        async with turn:
            return await self._handle(decider, aggregate_id, ask, actor=actor, is_new=is_new)

    async def _handle(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        ask: Callable[[], Awaitable[C]],
        *,
        actor: str,
        is_new: bool,
    ) -> Handled[S, E]:
        rests_on: set[str] = set()
        _rests_on.set(rests_on)
        if is_new:
            self._remember(decider.stream(aggregate_id), Loaded(decider.initial, 0, 0))
        for attempt in range(ATTEMPTS):
            try:
                command, loaded, events = await self._decide(decider, aggregate_id, ask)
                if events:
                    return await self._append(
                        decider,
                        aggregate_id,
                        command,
                        loaded=loaded,
                        events=events,
                        actor=actor,
                        carefully=attempt > 0,
                    )
                if attempt:
                    return Handled(loaded.state, loaded.position, ())
            except Refused:
                if attempt:
                    raise
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
            self._forget(rests_on)
        raise AssertionError("every attempt returns, raises or goes on to the next")

    async def preview(
        self, decider: Decider[C, S, E], aggregate_id: str, ask: Callable[[], Awaitable[C]]
    ) -> Sequence[E]:
        """Rehearse the decision, without examining or appending it; return what would happen. Raises `Refused`."""
        rests_on: set[str] = set()
        _rests_on.set(rests_on)
        rehearse = decider.rehearse or decider.decide
        try:
            events = rehearse(await ask(), (await self.load(decider, aggregate_id)).state)
        except Refused:
            events = []
        if not events:
            self._forget(rests_on)
            events = rehearse(await ask(), (await self.load(decider, aggregate_id)).state)
        return events

    async def every(self, *kinds: type[codec.Event]) -> AsyncIterator[Happened]:
        """Yield every event of these kinds, first to last."""
        async for page in self._log.read_all(types=codec.stored_types_of(*kinds)):
            for record in page.records:
                yield happened(record)

    async def owner(self, stream: str, *, for_ever: bool = False) -> str | None:
        """Return the id of the aggregate that owns what a reservation stream stands for, None if nobody does.

        `for_ever`: such things never change hands, so an owner may be remembered.
        """
        if for_ever and stream in self._owners:
            return self._owners[stream]
        owner = owner_of(await self._log.read_stream(stream))
        if for_ever and owner is not None:
            self._owners[stream] = owner
        return owner

    async def _decide(
        self, decider: Decider[C, S, E], aggregate_id: str, ask: Callable[[], Awaitable[C]]
    ) -> tuple[C, Loaded[S], list[E]]:
        command = await ask()
        loaded = await self.load(decider, aggregate_id)
        events = decider.decide(command, loaded.state)
        if self._examine is not None:
            await self._examine(command, events)
        return command, loaded, events

    async def _append(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        command: C,
        *,
        loaded: Loaded[S],
        events: Sequence[E],
        actor: str,
        carefully: bool,
    ) -> Handled[S, E]:
        stream = decider.stream(aggregate_id)
        writes = [Write(stream, loaded.version, tuple(_new(e) for e in events))]
        for claim in (claim for event in events for claim in decider.reservations(event, aggregate_id)):
            writes += await self._claimed(claim, aggregate_id, carefully=carefully)
        guards = decider.guards(command)
        for guard in guards:
            writes.append(Write(guard.stream, guard.version, tuple(map(_new, guard.events))))
            for claim in guard.claims:
                writes += await self._claimed(claim, guard.owner, carefully=carefully)
        try:
            positions = await self._log.append(writes, metadata=encode_metadata(actor, type(command).__name__))
        except TooLarge:
            raise Malformed.at("body", "records are bounded", f"{type(command).__name__} asks for too much") from None
        except Conflict as conflict:
            for guard in guards:
                if guard.stream == conflict.stream and guard.broken is not None:
                    raise guard.broken from conflict
            raise
        state = loaded.state
        for event in events:
            state = decider.evolve(state, event)
        after = Loaded(state, loaded.version + len(events), positions[len(events) - 1])
        self._remember(stream, after)
        self._forget(guard.stream for guard in guards if guard.events)
        return Handled(state, positions[-1], tuple(events))

    async def _claimed(self, claim: Claim, aggregate_id: str, *, carefully: bool) -> Sequence[Write]:
        """Return what a claim writes: nothing when it is so already. Raises its refusal when another is the owner.

        What is claimed is new, nearly always: its stream is read only after a conflict (`carefully`).
        """
        if isinstance(claim, Reservation) and not carefully:
            return (Write(claim.stream, 0, (_new(claim.event),)),)
        records = await self._log.read_stream(claim.stream)
        owner = owner_of(records)
        match claim:
            case Reservation(taken=taken) if owner not in {None, aggregate_id}:
                raise taken
            case Reservation():
                is_due = owner is None
            case Release():
                is_due = owner == aggregate_id
            case _:
                assert_never(claim)
        return (Write(claim.stream, len(records), (_new(claim.event),)),) if is_due else ()

    def _forget(self, streams: Iterable[str]) -> None:
        for stream in streams:
            self._remembered.pop(stream, None)

    def _remember(self, stream: str, loaded: Loaded[S]) -> Loaded[S]:
        self._remembered[stream] = loaded
        if len(self._remembered) > REMEMBERED_STATES:
            self._remembered.popitem(last=False)
        return loaded


def _new(event: codec.Event) -> NewEvent:
    return NewEvent(*codec.encode(event))
