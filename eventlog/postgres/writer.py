"""Writing: one batch, one function call.

A record's leaf hash has its time in it and the head holds the tree's frontier, so the writer computes both for
the head that it last saw. Where another process was quicker the function stores nothing, and the batch is done
again under the lock, where nobody can be quicker.
"""

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from eventlog import batch, merkle
from eventlog.log import Head, Unavailable
from eventlog.postgres.connection import LOST, attempts, connect, translated

MAXIMUM_REMEMBERED = 100_000
"""Streams whose version is remembered; when there are more, all are forgotten."""

LOCKED_BATCHES = 16
"""After losing a race, so many batches take the lock first: the others are probably still there."""

_APPEND = "SELECT * FROM eventlog.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_LOCK_HEAD = "SELECT * FROM eventlog.lock_head()"
_LEAF_HASH = "SELECT leaf_hash FROM eventlog.event WHERE position = $1"

_WRITE_NOTHING = "SELECT pg_logical_emit_message(true, 'eventlog', '')"
"""Makes a commit wait for the synchronous standby, as one without writes doesn't; nobody reads what it writes."""


class Writer:
    """The writing connection, which it replaces when it is lost. One call at a time."""

    def __init__(self, url: str, now: Callable[[], int]) -> None:
        self._url = url
        self._now = now
        self._connection: Any = None
        self._head: Head | None = None
        self._versions: dict[str, int] = {}
        self._locked_batches = 0
        self._unanswered: batch.Plan | None = None

    async def commit(self, requests: Sequence[batch.Request]) -> batch.Plan:
        """Store a batch durably and say what became of it. Raises `Unavailable` and `Damaged`."""
        self._unanswered = None
        lost: BaseException | None = None
        async for _ in attempts():
            try:
                if self._connection is None:
                    self._connection = await connect(self._url)
                return await self._commit(requests)
            except LOST as error:
                lost = error
                await self.close()
            except asyncpg.PostgresError as error:
                await self.close()
                raise translated(error) from error
        raise Unavailable(f"the connection was lost: {lost!r}") from lost

    async def close(self) -> None:
        """Release the connection, if there is one."""
        connection, self._connection, self._head = self._connection, None, None
        self._versions.clear()
        if connection is not None:
            connection.terminate()

    async def _commit(self, requests: Sequence[batch.Request]) -> batch.Plan:
        outcome = None
        if self._head is not None and self._locked_batches == 0:
            outcome, self._head = await self._store(requests, self._head, hopeful=True)
            if outcome is None:
                self._locked_batches = LOCKED_BATCHES
        if outcome is None:
            outcome = await self._commit_locked(requests)
            self._locked_batches = max(0, self._locked_batches - 1)
        return outcome

    async def _commit_locked(self, requests: Sequence[batch.Request]) -> batch.Plan:
        async with self._connection.transaction():
            row = await self._connection.fetchrow(_LOCK_HEAD)
            head = Head(row["size"], row["time"], merkle.unpack(row["frontier"]))
            if head != self._head:
                self._versions.clear()
            if self._unanswered is not None and await self._is_stored(self._unanswered):
                # Its own wait for a standby was cut off, which may lack it yet. Our commit comes after it.
                await self._connection.execute(_WRITE_NOTHING)
                return self._unanswered
            outcome, head = await self._store(requests, head, hopeful=False)
            if outcome is None:
                raise Unavailable("the head moved under the lock")
        self._head = head
        return outcome

    async def _is_stored(self, outcome: batch.Plan) -> bool:
        """Tell whether a batch whose answer was lost is in the log. The lock says that it has ended."""
        first = outcome.records[0]
        stored = await self._connection.fetchval(_LEAF_HASH, first.position)
        return bool(stored == first.leaf_hash)

    async def _store(
        self, requests: Sequence[batch.Request], head: Head, *, hopeful: bool
    ) -> tuple[batch.Plan | None, Head]:
        """Send what fits to this head until no stream contradicts; None and the true head if it has moved.

        As long as the head is the one that we wrote, the versions that we remember are true. `hopeful`: streams that
        get their first event aren't looked up, as the index refuses a second one; outside of a transaction only.
        """
        while True:
            outcome = batch.plan(requests, head, self._now(), self._versions.get)
            if hopeful and outcome.refused:
                # What we remember may be old, and nobody is refused on that: under the lock it is known to be true.
                return None, head
            if not outcome.records:
                return outcome, head
            self._unanswered = outcome
            try:
                row = await self._connection.fetchrow(_APPEND, *_arguments(outcome, head, hopeful=hopeful))
            except asyncpg.UniqueViolationError:
                if not hopeful:
                    raise
                hopeful = False
                continue
            if row["stored"]:
                self._remember(outcome.versions)
                return outcome, outcome.head
            self._unanswered = None
            if row["streams"] is None:
                self._versions.clear()
                return None, Head(row["size"], row["time"], merkle.unpack(row["frontier"]))
            self._remember(dict(zip(row["streams"], row["versions"], strict=True)))

    def _remember(self, versions: dict[str, int]) -> None:
        if len(self._versions) > MAXIMUM_REMEMBERED:
            self._versions.clear()
        self._versions.update(versions)


def _arguments(outcome: batch.Plan, head: Head, *, hopeful: bool) -> tuple[object, ...]:
    unsure = {s: v for s, v in outcome.assumed.items() if not hopeful or v > 0 or outcome.versions[s] == 0}
    _, streams, versions, types, _, metadata, data, leaf_hashes = zip(*outcome.records, strict=True)
    return (
        merkle.pack(head.frontier),
        merkle.pack(outcome.head.frontier),
        outcome.head.time,
        list(unsure),
        list(unsure.values()),
        streams,
        versions,
        types,
        metadata,
        data,
        leaf_hashes,
    )
