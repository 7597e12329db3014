"""Reading a log page by page and following it, whatever the store."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from typing import Protocol

from eventlog.log import PAGE_SIZE, Damaged, Page, Record

FILTERED_SPAN = 20 * PAGE_SIZE
"""Positions that one filtered fetch looks at, at most: a rare type mustn't make it long."""


class Source(Protocol):
    """What a backend does to be read."""

    async def size(self) -> int:
        """Return the durable head's size."""
        ...

    async def fetch(self, after: int, until: int, types: frozenset[str] | None) -> list[Record]:
        """Return the first `PAGE_SIZE` records of `types` (None: all) with `after` < position <= `until`."""
        ...


class Signal:
    """Wakes those that wait for the log to move. Nothing is lost between looking and waiting."""

    def __init__(self) -> None:
        self.count = 0
        self._moved = asyncio.Event()

    def set(self) -> None:
        """Wake everyone who waits."""
        self.count += 1
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, seen: int, seconds: float | None) -> None:
        """Return when the count is no longer `seen`, or after so many seconds (None: never)."""
        if self.count == seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._moved.wait()


async def read(
    source: Source, after: int, until: int | None, types: Collection[str] | None
) -> AsyncIterator[Page]:
    """Yield pages as `Log.read_all` promises."""
    size = await source.size()
    end = size if until is None else min(until, size)
    wanted = None if types is None else frozenset(types)
    after = max(after, 0)
    while after < end:
        page = await _page(source, after, end, wanted)
        after = page.position
        yield page


async def follow(
    source: Source, signal: Signal, seconds: float | None, after: int, types: Collection[str] | None
) -> AsyncIterator[Page]:
    """Yield pages as `Log.follow` promises; look at least every `seconds` for what other processes commit."""
    while True:
        seen = signal.count
        async for page in read(source, after, None, types):
            yield page
            after = page.position
        await signal.wait(seen, seconds)


async def _page(source: Source, after: int, end: int, types: frozenset[str] | None) -> Page:
    if types is None:
        records = await source.fetch(after, end, None)
        check_gapless(records, after, min(end, after + PAGE_SIZE))
        return Page(records, records[-1].position)
    until = min(end, after + FILTERED_SPAN)
    records = await source.fetch(after, until, types) if types else []
    return Page(records, records[-1].position if len(records) == PAGE_SIZE else until)


def check_gapless(records: list[Record], after: int, until: int) -> None:
    """Raise `Damaged` unless the records are those from `after` + 1 to `until`."""
    if len(records) == until - after and records[0].position == after + 1 and records[-1].position == until:
        return
    present = {record.position for record in records}
    missing = next(position for position in range(after + 1, until + 1) if position not in present)
    raise Damaged(f"position {missing} is missing")
