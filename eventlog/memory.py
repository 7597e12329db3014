"""The log in memory: for tests and trials. It keeps every promise but to survive its process."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from eventlog import batch, clock, paging
from eventlog.commit import CommitQueue
from eventlog.log import PAGE_SIZE, Closed, Head, Page, Record, Write


class MemoryLog:
    """A log of one process and one event loop."""

    def __init__(self, now: Callable[[], int] = clock.now) -> None:
        self._now = now
        self._head = batch.EMPTY_HEAD
        self._records: list[Record] = []
        self._streams: dict[str, list[Record]] = {}
        self._queue = CommitQueue(self._commit)
        self._signal = paging.Signal()
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
        return paging.follow(self, self._signal, None, after, types)

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

    async def close(self) -> None:
        """See `Log.close`."""
        await self._queue.close()
        self._closed = True
        self._signal.set()

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
        for record in outcome.records:
            self._records.append(record)
            self._streams.setdefault(record.stream, []).append(record)
        self._head = outcome.head
        batch.answer(outcome)
        self._signal.set()

    def _version(self, stream: str) -> int:
        return len(self._streams.get(stream, ()))

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the log is closed")
