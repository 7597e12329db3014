"""The log in memory: for tests and trials. It keeps every promise but to survive its process."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from eventlog import batch, clock, paging
from eventlog.commit import CommitQueue
from eventlog.following import Following
from eventlog.log import PAGE_SIZE, Closed, Head, Page, Record, Write
from eventlog.restoring import Restoration, check_is_empty


class MemoryLog:
    """A log of one process and one event loop."""

    def __init__(self, now: Callable[[], int] = clock.now) -> None:
        self._now = now
        self._head = batch.EMPTY_HEAD
        self._records: list[Record] = []
        self._streams: dict[str, list[Record]] = {}
        self._queue = CommitQueue(self._commit)
        self._following = Following(self)
        self._closed = False

    @classmethod
    async def open(cls, *, now: Callable[[], int] = clock.now) -> "MemoryLog":
        """Return an empty log."""
        return cls(now)

    async def append(self, writes: Sequence[Write], *, metadata: bytes = b"{}") -> tuple[int, ...]:
        """See `Log.append`."""
        return await self._queue.append(writes, metadata)

    async def read_stream(self, stream: str, *, after: int = 0) -> Sequence[Record]:
        """See `Log.read_stream`."""
        self._check_open()
        return self._streams.get(stream, [])[max(after, 0) :]

    def read_all(
        self, *, after: int = 0, until: int | None = None, types: Collection[str] | None = None
    ) -> AsyncIterator[Page]:
        """See `Log.read_all`."""
        return paging.read(self, after, until, types)

    def follow(self, *, after: int = 0, types: Collection[str] | None = None) -> AsyncIterator[Page]:
        """See `Log.follow`."""
        return self._following.follow(after, types)

    async def scan(self) -> AsyncIterator[Sequence[Record]]:
        """See `Log.scan`."""
        self._check_open()
        if self._records:
            yield list(self._records)

    async def leaf_hashes(self, after: int, until: int) -> bytes:
        """See `Log.leaf_hashes`."""
        self._check_open()
        joined = b"".join(record.leaf_hash for record in self._records[after:until])
        return paging.checked_leaf_hashes(joined, after, until)

    async def head(self) -> Head:
        """See `Log.head`."""
        self._check_open()
        return self._head

    async def position_at(self, time: int) -> int:
        """See `Log.position_at`."""
        self._check_open()
        return bisect_right(self._records, time, key=lambda record: record.time)

    async def restore(self, pages: AsyncIterator[Sequence[Record]]) -> Head:
        """See `Log.restore`."""
        self._check_open()
        check_is_empty(self._head.size)
        restoration = Restoration()
        records = [record async for page in pages for record in restoration.accept(page)]
        check_is_empty(self._head.size)
        self._store(records, restoration.head)
        self._following.wake()
        return restoration.head

    async def close(self) -> None:
        """See `Log.close`."""
        await self._queue.close()
        self._closed = True
        self._following.wake()

    async def size(self) -> int:
        """See `paging.Source`."""
        return (await self.head()).size

    async def fetch(self, after: int, until: int, types: frozenset[str] | None) -> list[Record]:
        """See `paging.Source`."""
        self._check_open()
        if types is None:
            return self._records[after : min(until, after + PAGE_SIZE)]
        return [record for record in self._records[after:until] if record.type in types][:PAGE_SIZE]

    def _commit(self, requests: list[batch.Request]) -> None:
        outcome = batch.plan(requests, self._head, self._now(), self._version)
        self._store(outcome.records, outcome.head)
        batch.answer(outcome)
        self._following.wake()

    def _store(self, records: Sequence[Record], head: Head) -> None:
        for record in records:
            self._records.append(record)
            self._streams.setdefault(record.stream, []).append(record)
        self._head = head

    def _version(self, stream: str) -> int:
        return len(self._streams.get(stream, ()))

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the log is closed")
