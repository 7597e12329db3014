"""Following a log's end, whatever the store: one look for all followers of a process.

At the end all followers need the same few records. The log's size is asked for once each time that it may have moved,
and the newest records are fetched once and kept for a while; a follower that is further behind fetches by itself, and
only its types. So the store, and who writes to it, hardly notice how many follow.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from itertools import islice

from eventlog.log import Page, Record
from eventlog.paging import Source, check_gapless, fetch_page

TAIL_LENGTH = 500
"""How many of the newest records are kept, at most."""


class Following:
    """The followers of one log. Nothing is lost between looking and waiting.

    Those that wait don't look by themselves: whoever calls `wake` also does so for what it may have missed.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._wakes = 0
        self._woken: asyncio.Event | None = None
        self._looked = -1
        self._size = 0
        self._turn = asyncio.Lock()
        self._tail = _Tail(source)

    def wake(self) -> None:
        """Let everyone who waits look: the log may have moved."""
        self._wakes += 1
        if self._woken is not None:
            self._woken.set()
            self._woken = None

    async def follow(self, after: int, types: Collection[str] | None) -> AsyncIterator[Page]:
        """Yield pages as `Log.follow` promises."""
        wanted = None if types is None else frozenset(types)
        after = max(after, 0)
        while True:
            seen = self._wakes
            end = await self._end()
            while after < end:
                page = await self._page(after, end, wanted)
                after = page.position
                yield page
            await self._wait(seen)

    async def _wait(self, seen: int) -> None:
        if self._wakes != seen:
            return
        if self._woken is None:
            self._woken = asyncio.Event()
        await self._woken.wait()

    async def _end(self) -> int:
        """Return the log's size as of the last wake or later."""
        async with self._turn:
            if self._looked != self._wakes:
                wakes = self._wakes
                self._size = await self._source.size()
                self._looked = wakes
            return self._size

    async def _page(self, after: int, end: int, types: frozenset[str] | None) -> Page:
        if end - after > TAIL_LENGTH:
            return await fetch_page(self._source, after, end, types)
        records = await self._tail.between(after, end)
        return Page(records if types is None else [record for record in records if record.type in types], end)


class _Tail:
    """The newest records that anybody asked for, without a gap."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._records: list[Record] = []
        self._first = self._last = 0
        self._turn = asyncio.Lock()

    async def between(self, after: int, end: int) -> list[Record]:
        """Return the records with `after` < position <= `end`, at most `TAIL_LENGTH`."""
        async with self._turn:
            if not self._first <= after <= self._last:
                self._records, self._first, self._last = [], after, after
            if self._last < end:
                records = await self._source.fetch(self._last, end, None)
                check_gapless(records, self._last, end)
                self._records += records
                self._last = end
            found = list(islice(self._records, after - self._first, end - self._first))
            surplus = max(0, len(self._records) - TAIL_LENGTH)
            del self._records[:surplus]
            self._first += surplus
            return found
