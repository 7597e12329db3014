"""Reading a log page by page, whatever the store."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from eventlog.log import PAGE_SIZE, Damaged, Page, Record
from eventlog.merkle import HASH_SIZE

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


async def read(
    source: Source, after: int, until: int | None, types: Collection[str] | None, *, ahead: bool = False
) -> AsyncIterator[Page]:
    """Yield pages as `Log.read_all` promises; `ahead`: fetch the next while the reader works on one."""
    size = await source.size()
    end = size if until is None else min(until, size)
    wanted = None if types is None else frozenset(types)
    after = max(after, 0)
    pending: asyncio.Task[Page] | None = None
    while after < end:
        page = await (pending or fetch_page(source, after, end, wanted))
        after = page.position
        if ahead and after < end:
            pending = asyncio.create_task(fetch_page(source, after, end, wanted))
            pending.add_done_callback(_look_at_result)
        yield page


def _look_at_result(task: asyncio.Task[Page]) -> None:
    """Keep asyncio from complaining about a page that its reader no longer wanted."""
    if not task.cancelled():
        task.exception()


async def fetch_page(source: Source, after: int, end: int, types: frozenset[str] | None) -> Page:
    """Return the first page of the records of `types` (None: all) with `after` < position <= `end`."""
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


def checked_leaf_hashes(joined: bytes, after: int, until: int) -> bytes:
    """Return joined leaf hashes. Raises `Damaged` unless they are as many as there are positions."""
    if len(joined) != max(until - after, 0) * HASH_SIZE:
        raise Damaged(f"of positions {after + 1} to {until} a record or its leaf hash is missing")
    return joined
