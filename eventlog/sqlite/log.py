"""The log in one SQLite file (WAL, `synchronous=FULL`), for any number of processes of one machine.

Quick commits run on the event loop: a thread would cost more than they take. When the disk is slow, the batch
is large or another process holds the lock, they run in a thread.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TypeVar

from eventlog import batch, clock, paging
from eventlog.commit import CommitQueue
from eventlog.following import Following
from eventlog.log import PAGE_SIZE, Closed, Head, Page, Record, Write
from eventlog.sqlite import schema
from eventlog.sqlite.checkpointer import Checkpointer
from eventlog.sqlite.place import check_is_local
from eventlog.sqlite.reader import LOWEST_POSITION, Reader
from eventlog.sqlite.restorer import Restorer
from eventlog.sqlite.watcher import Watcher
from eventlog.sqlite.writer import Writer

R = TypeVar("R")

QUICK_SECONDS = 0.003
"""A commit up to this long is quicker than what a thread costs."""

QUICK_REQUESTS = 64
"""A batch up to this large doesn't hold the event loop up."""

QUICK_PAGE = 200
"""Records read on the event loop; more are read in a thread."""

QUICK_LEAVES = 256
"""Leaf hashes read on the event loop: a tile of them is quicker than what a thread costs."""


class SQLiteLog:
    """A log in a file. Open it with `open`; see `eventlog.log.Log` for what the methods promise."""

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._path = path
        self._writer = Writer(path, now)
        self._reader = Reader(path)
        self._page_reader = Reader(path)
        self._checkpointer = Checkpointer(path)
        self._write_thread = ThreadPoolExecutor(1, "eventlog-write")
        self._read_thread = ThreadPoolExecutor(1, "eventlog-read")
        self._queue = CommitQueue(self._commit)
        self._following = Following(self)
        self._watcher = Watcher(path, self._following.wake)
        self._closed = False

    @classmethod
    async def open(cls, path: str | PathLike[str], *, now: Callable[[], int] = clock.now) -> "SQLiteLog":
        """Open the log in this file, which is made if it is absent and brought to the newest format if it is older.

        Raises `LogError` for a file that is no log, of a newer format or on a network, `Damaged` and `Unavailable`.
        """
        return await asyncio.to_thread(cls._open, Path(path), now)

    @classmethod
    def _open(cls, path: Path, now: Callable[[], int]) -> "SQLiteLog":
        check_is_local(path)
        try:
            schema.prepare(path)
            return cls(path, now)
        except sqlite3.Error as error:
            raise schema.translated(error, path) from error

    async def append(self, writes: Sequence[Write], *, metadata: bytes = b"{}") -> tuple[int, ...]:
        """See `Log.append`."""
        return await self._queue.append(writes, metadata)

    async def read_stream(self, stream: str, *, after: int = 0) -> Sequence[Record]:
        """See `Log.read_stream`."""
        self._check_open()
        records = self._reader.stream(stream, after)
        length = len(records)
        while length == PAGE_SIZE:
            more = await self._in_read_thread(self._page_reader.stream, stream, records[-1].version)
            records += more
            length = len(more)
        return records

    def read_all(
        self, *, after: int = 0, until: int | None = None, types: Collection[str] | None = None
    ) -> AsyncIterator[Page]:
        """See `Log.read_all`."""
        return paging.read(self, after, until, types)

    def follow(self, *, after: int = 0, types: Collection[str] | None = None) -> AsyncIterator[Page]:
        """See `Log.follow`."""
        if not self._closed:
            self._watcher.start()
        return self._following.follow(after, types)

    async def scan(self) -> AsyncIterator[Sequence[Record]]:
        """See `Log.scan`."""
        first = LOWEST_POSITION
        while records := await self._in_read_thread(self._page_reader.scan, first):
            yield records
            first = records[-1].position + 1

    async def leaf_hashes(self, after: int, until: int) -> bytes:
        """See `Log.leaf_hashes`."""
        self._check_open()
        if until - after <= QUICK_LEAVES:
            return self._reader.leaf_hashes(after, until)
        return await self._in_read_thread(self._page_reader.leaf_hashes, after, until)

    async def head(self) -> Head:
        """See `Log.head`."""
        self._check_open()
        return self._reader.head()

    async def position_at(self, time: int) -> int:
        """See `Log.position_at`."""
        self._check_open()
        return self._reader.position_at(time)

    async def restore(self, pages: AsyncIterator[Sequence[Record]]) -> Head:
        """See `Log.restore`."""
        self._check_open()
        restorer = await asyncio.to_thread(Restorer, self._path)
        try:
            await asyncio.to_thread(restorer.begin)
            async for records in pages:
                await asyncio.to_thread(restorer.add, records)
            head = await asyncio.to_thread(restorer.commit)
        finally:
            await asyncio.to_thread(restorer.close)
        self._following.wake()
        return head

    async def close(self) -> None:
        """See `Log.close`."""
        await self._queue.close()
        if self._closed:
            return
        self._closed = True
        self._following.wake()
        await self._watcher.close()
        await self._checkpointer.close()
        self._write_thread.shutdown()
        await asyncio.to_thread(self._read_thread.shutdown)
        self._writer.close()
        self._reader.close()
        self._page_reader.close()

    async def size(self) -> int:
        """See `paging.Source`."""
        self._check_open()
        return self._reader.size()

    async def fetch(self, after: int, until: int, types: frozenset[str] | None) -> list[Record]:
        """See `paging.Source`."""
        self._check_open()
        if until - after <= QUICK_PAGE:
            return self._reader.page(after, until, types)
        return await self._in_read_thread(self._page_reader.page, after, until, types)

    def _commit(self, requests: list[batch.Request]) -> Awaitable[None] | None:
        if self._writer.commit_seconds < QUICK_SECONDS and len(requests) <= QUICK_REQUESTS:
            outcome = self._writer.commit(requests, patient=False)
            if outcome is not None:
                self._committed(outcome)
                return None
        return self._commit_in_thread(requests)

    async def _commit_in_thread(self, requests: list[batch.Request]) -> None:
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._write_thread, self._commit_patiently, requests)
        self._committed(outcome)

    def _commit_patiently(self, requests: list[batch.Request]) -> batch.Plan:
        outcome = self._writer.commit(requests, patient=True)
        assert outcome is not None  # noqa: S101 - patience ends in an exception
        return outcome

    def _committed(self, outcome: batch.Plan) -> None:
        batch.answer(outcome)
        if outcome.records:
            self._following.wake()
            self._checkpointer.wrote(outcome.records)

    async def _in_read_thread(self, read: Callable[..., R], *arguments: object) -> R:
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, read, *arguments)

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the log is closed")
