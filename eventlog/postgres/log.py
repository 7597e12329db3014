"""The log in a PostgreSQL database, for any number of processes of any machines."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any

import asyncpg

from eventlog import batch, clock, merkle, paging
from eventlog.commit import CommitQueue
from eventlog.following import Following
from eventlog.log import PAGE_SIZE, Closed, Damaged, Head, Page, Record, Unavailable, Write
from eventlog.postgres import schema
from eventlog.postgres.connection import LOST, OPTIONS, attempts, connect, connect_to_any, translated
from eventlog.postgres.listener import Listener
from eventlog.postgres.restorer import restore
from eventlog.postgres.writer import Writer

READERS = 4
"""Reading connections, at most."""

LOWEST_POSITION = -(1 << 63)
HIGHEST_POSITION = (1 << 63) - 1
"""What a bigint holds."""

_COLUMNS = "position, stream, version, type, time, metadata, data, leaf_hash"
_HEAD = "SELECT size, time, frontier FROM eventlog.head"
_PAGE = f"""
SELECT {_COLUMNS} FROM eventlog.event WHERE position > $1 AND position <= $2 ORDER BY position LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_FILTERED_PAGE = f"""
SELECT {_COLUMNS} FROM eventlog.event WHERE position > $1 AND position <= $2 AND type = ANY($3::text[])
ORDER BY position LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_STREAM = f"""
SELECT {_COLUMNS} FROM eventlog.event WHERE stream = $1 AND version > $2 ORDER BY version LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_SCAN = f"""
SELECT {_COLUMNS} FROM eventlog.event WHERE position >= $1 ORDER BY position LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_LEAF_HASHES = """
SELECT string_agg(leaf_hash, ''::bytea ORDER BY position) FROM eventlog.event WHERE position > $1 AND position <= $2
"""


async def _keep(_: object) -> None:
    """Take a connection back as it is: reads leave nothing to reset, and a reset is a round trip."""


class PostgresLog:
    """A log in a database. Open it with `open`; see `eventlog.log.Log` for what the methods promise."""

    def __init__(self, url: str, pool: Any, now: Callable[[], int]) -> None:  # noqa: ANN401 - asyncpg isn't annotated
        self._url = url
        self._pool = pool
        self._writer = Writer(url, now)
        self._queue = CommitQueue(self._commit)
        self._following = Following(self)
        self._listener = Listener(url, self._following.wake)
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, now: Callable[[], int] = clock.now) -> "PostgresLog":
        """Open the log in the schema `eventlog`, which is made if it is absent and brought to the newest format.

        Raises `LogError` for a schema of a newer format, and `Unavailable`.
        """
        try:
            connection = await connect(url)
            try:
                await schema.prepare(connection)
            finally:
                connection.terminate()
            pool = await asyncpg.create_pool(
                url, connect=connect_to_any, min_size=0, max_size=READERS, reset=_keep, **OPTIONS
            )
        except (*LOST, asyncpg.PostgresError) as error:
            raise translated(error) from error
        return cls(url, pool, now)

    async def append(self, writes: Sequence[Write], *, metadata: bytes = b"{}") -> tuple[int, ...]:
        """See `Log.append`."""
        return await self._queue.append(writes, metadata)

    async def read_stream(self, stream: str, *, after: int = 0) -> Sequence[Record]:
        """See `Log.read_stream`."""
        records = await self._records(_STREAM, stream, after)
        length = len(records)
        while length == PAGE_SIZE:
            more = await self._records(_STREAM, stream, records[-1].version)
            records += more
            length = len(more)
        return records

    def read_all(
        self, *, after: int = 0, until: int | None = None, types: Collection[str] | None = None
    ) -> AsyncIterator[Page]:
        """See `Log.read_all`."""
        return paging.read(self, after, until, types, ahead=True)

    def follow(self, *, after: int = 0, types: Collection[str] | None = None) -> AsyncIterator[Page]:
        """See `Log.follow`."""
        if not self._closed:
            self._listener.start()
        return self._following.follow(after, types)

    async def scan(self) -> AsyncIterator[Sequence[Record]]:
        """See `Log.scan`."""
        first = LOWEST_POSITION
        while records := await self._records(_SCAN, first):
            yield records
            if records[-1].position == HIGHEST_POSITION:
                return
            first = records[-1].position + 1

    async def leaf_hashes(self, after: int, until: int) -> bytes:
        """See `Log.leaf_hashes`."""
        rows = await self._fetch(_LEAF_HASHES, after, until)
        return paging.checked_leaf_hashes(rows[0][0] or b"", after, until)

    async def head(self) -> Head:
        """See `Log.head`."""
        rows = await self._fetch(_HEAD)
        if not rows:
            raise Damaged("the head is missing")
        return Head(rows[0]["size"], rows[0]["time"], merkle.unpack(rows[0]["frontier"]))

    async def position_at(self, time: int) -> int:
        """See `Log.position_at`."""
        rows = await self._fetch("SELECT eventlog.position_at($1)", time)
        return int(rows[0][0])

    async def restore(self, pages: AsyncIterator[Sequence[Record]]) -> Head:
        """See `Log.restore`."""
        self._check_open()
        head = await restore(self._url, pages)
        self._following.wake()
        return head

    async def close(self) -> None:
        """See `Log.close`."""
        await self._queue.close()
        if self._closed:
            return
        self._closed = True
        self._following.wake()
        await self._listener.close()
        await self._writer.close()
        self._pool.terminate()

    async def size(self) -> int:
        """See `paging.Source`."""
        return (await self.head()).size

    async def fetch(self, after: int, until: int, types: frozenset[str] | None) -> list[Record]:
        """See `paging.Source`."""
        if types is None:
            return await self._records(_PAGE, after, until)
        return await self._records(_FILTERED_PAGE, after, until, list(types))

    async def _commit(self, requests: list[batch.Request]) -> None:
        outcome = await self._writer.commit(requests)
        batch.answer(outcome)
        self._queue.defer(outcome.deferred)
        if outcome.records:
            self._following.wake()

    async def _records(self, query: str, *arguments: object) -> list[Record]:
        return list(map(Record._make, await self._fetch(query, *arguments)))

    async def _fetch(self, query: str, *arguments: object) -> Sequence[Any]:
        """Run a query, again if its connection was lost."""
        lost: BaseException | None = None
        async for _ in attempts():
            self._check_open()
            try:
                rows: Sequence[Any] = await self._pool.fetch(query, *arguments)
            except LOST as error:
                lost = error
            except asyncpg.PostgresError as error:
                raise translated(error) from error
            except Exception:
                self._check_open()  # a pool that ends under its queries gives them errors of any kind
                raise
            else:
                return rows
        raise Unavailable(f"the connection was lost: {lost!r}") from lost

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the log is closed")
