"""The contract of the log: what every backend promises. This comment is the specification.

A log is a sequence of records, positions 1, 2, 3, …, each also the next version of one stream. Nothing is
ever changed or removed.

Atomicity    One `append` is all or nothing, over all its writes. A conflict leaves no trace.
Durability   When `append` returns, its records survive a killed process and a lost power supply.
Order        Positions have no gap. Whoever has seen position n can see every position before n, also while
             other processes append: a follower that remembers the last position it saw misses nothing.
Time         Set by the log at commit, in microseconds since 1970 UTC, never decreasing with the position.
Evidence     Each record carries its RFC 6962 leaf hash; the head carries the tree's size and frontier, and moves
             in the same transaction as the records.
Tasks        Any number of asyncio tasks of one event loop may share a log; several processes may open the same
             store. Concurrent appends share a commit. Cancelling a waiting `append` does not undo it.
Names        A stream's or a type's name has 1 to 1,000 bytes of UTF-8 and no NUL. A type carries its schema.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple, Protocol

MAXIMUM_ENTRY_SIZE = 65_535
"""Bytes of one record's canonical entry: C2SP tlog-tiles gives an entry's length two bytes."""

MAXIMUM_NAME_SIZE = 1_000
"""Bytes of a stream's or a type's name in UTF-8: what every database takes into an index."""

PAGE_SIZE = 2_000
"""Records in a page, at most: a reader holds no transaction for longer than it takes to fetch one page."""


class NewEvent(NamedTuple):
    """An event as its writer hands it over: a written-out type (`certificate.issued.v1`) and encoded data."""

    type: str
    data: bytes


class Write(NamedTuple):
    """Events for one stream, which must be at `expected_version` (0: it has no events yet).

    Without events it is a guard: the append happens only if the stream is still at that version.
    """

    stream: str
    expected_version: int
    events: tuple[NewEvent, ...] = ()


class Record(NamedTuple):
    """An event as the log keeps it. `time` in microseconds since 1970 UTC; `leaf_hash` 32 bytes."""

    position: int
    stream: str
    version: int
    type: str
    time: int
    metadata: bytes
    data: bytes
    leaf_hash: bytes


class Page(NamedTuple):
    """Some records in the order of their positions, and the position up to which nothing else was asked for.

    With a type filter `position` may lie behind the last record: it is what a follower remembers.
    """

    records: Sequence[Record]
    position: int


class Head(NamedTuple):
    """Where the log ends: tree size (also the last position), last time, and the RFC 6962 tree's frontier.

    `frontier` holds the roots of the complete subtrees from left to right, one per bit set in `size`.
    """

    size: int
    time: int
    frontier: tuple[bytes, ...]


class LogError(Exception):
    """Anything a log refuses or fails at."""


class Conflict(LogError):
    """A stream wasn't at the version that a write expected. Nothing of the append was stored."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream!r} is at version {actual}, not {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class TooLarge(LogError):
    """A record's canonical entry is over `MAXIMUM_ENTRY_SIZE` bytes. Nothing of the append was stored."""


class Damaged(LogError):
    """The stored log contradicts itself (a gap in the positions, a head that doesn't match): an alarm."""


class Unavailable(LogError):
    """The store can't be reached, or doesn't take the records (a full disk); the log tries anew at the next call.

    An append that fails so may or may not be stored: read the stream before trying again.
    """


class Closed(LogError):
    """The log was closed before this call. An append that was waiting before `close` is still answered."""


class Log(Protocol):
    """See the module's comment for what holds of every method."""

    async def append(self, writes: Sequence[Write], *, metadata: bytes = b"{}") -> tuple[int, ...]:
        """Store the events of all writes in their order, or none; return their positions.

        The same stream may not stand in two writes of one append. `metadata` (JSON) goes into every record.
        Raises `Conflict`, `TooLarge`, `Unavailable`, `Damaged` (the store's end isn't where its head says), and
        `ValueError` for an append that names a stream twice, has no event or a bad name.
        """
        ...

    async def read_stream(self, stream: str, *, after: int = 0) -> Sequence[Record]:
        """Return the stream's records with a version greater than `after`; none for an unknown stream."""
        ...

    def read_all(
        self, *, after: int = 0, until: int | None = None, types: Collection[str] | None = None
    ) -> AsyncIterator[Page]:
        """Yield pages of the records after a position, up to `until` or the head at the time of the call.

        `types` are the only types wanted; the store itself leaves out the others. The last page's position is
        that end, even when no record is left; an `until` beyond the head means the head. Yields at least one
        page unless `after` is at or beyond the end; a page may have no records. Raises `Damaged` when a
        position is missing, which shows only without `types`.
        """
        ...

    def follow(self, *, after: int = 0, types: Collection[str] | None = None) -> AsyncIterator[Page]:
        """Like `read_all`, but wait at the end for more until `Closed`; wakes soon after any process commits."""
        ...

    def scan(self) -> AsyncIterator[Sequence[Record]]:
        """Yield whatever is stored, in the order of the positions, believing nothing: for `eventlog.verify`.

        Neither the head nor the positions are judged; a missing name is empty. Raises `Damaged` where the
        store can't be read any further.
        """
        ...

    async def leaf_hashes(self, after: int, until: int) -> bytes:
        """Return the stored leaf hashes of the positions after `after` up to `until`, one behind the other.

        Cheap: the records themselves aren't read. Raises `Damaged` when one is missing, as those beyond the head are.
        """
        ...

    async def head(self) -> Head:
        """Return the durable head. Raises `Damaged` when the store has none."""
        ...

    async def position_at(self, time: int) -> int:
        """Return the last position whose record's time is at or before `time` (microseconds), 0 if none is."""
        ...

    async def close(self) -> None:
        """Finish the appends that are waiting, then release the store. Closing twice is allowed."""
        ...
