"""Group commit: appends that wait while a commit runs share the next one. No timer: the running commit is the wait."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from eventlog.batch import Request, prepare
from eventlog.log import Closed, LogError, Unavailable, Write

MAXIMUM_REQUESTS = 1_024
MAXIMUM_SIZE = 1 << 20
"""Requests and bytes of a batch, at most; a single larger append is a batch of its own."""

CROWD = 64
"""From twice so many appenders on, half of them are committed while the others make their next appends."""

Commit = Callable[[list[Request]], Awaitable[None] | None]
"""Commits a batch and answers its requests, at once (None) or when awaited. What it raises, all of them get."""


class CommitQueue:
    """The appends of one log that wait. One batch is committed at a time; nothing takes a request out of it."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: deque[Request] = deque()
        self._scheduled = False
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, writes: Sequence[Write], metadata: bytes) -> tuple[int, ...]:
        """Wait for the commit and return the positions. Raises what `prepare` raises, before anything waits."""
        if self._closed:
            raise Closed("the log is closed")
        request = prepare(writes, metadata, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if not self._scheduled and self._running is None:
            self._schedule()
        return await request.answer

    def defer(self, requests: Sequence[Request]) -> None:
        """Put requests of the running batch back at the front, to be judged in the next."""
        self._waiting.extendleft(reversed(requests))

    async def close(self) -> None:
        """Refuse new appends and return when those that wait are answered."""
        self._closed = True
        while self._scheduled or self._running is not None:
            if self._running is None:
                await asyncio.sleep(0)
            else:
                await asyncio.wait([self._running])

    def _flush(self) -> None:
        self._scheduled = False
        batch = self._take(answered=0)
        pending = self._begin(batch)
        if pending is not None:
            self._running = asyncio.ensure_future(self._run(batch, pending))
        elif self._waiting:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        # Behind the tasks that are ready now: all of them get into this batch.
        asyncio.get_running_loop().call_soon(self._flush)

    def _begin(self, batch: list[Request]) -> Awaitable[None] | None:
        try:
            return self._commit(batch)
        except Exception as error:  # noqa: BLE001 - it goes to whom it concerns: the waiting appends
            _fail(batch, error)
            return None

    async def _run(self, batch: list[Request], pending: Awaitable[None] | None) -> None:
        """Wait for a commit, and for those after it as long as a crowd waits that was not part of it."""
        try:
            while pending is not None:
                await self._finish(batch, pending)
                if len(self._waiting) < CROWD:
                    break
                # Before those that were just answered get their turn: they make their next appends meanwhile.
                batch = self._take(answered=len(batch))
                pending = self._begin(batch)
        finally:
            self._running = None
            if self._waiting:
                self._schedule()

    async def _finish(self, batch: list[Request], pending: Awaitable[None]) -> None:
        try:
            await pending
        except Exception as error:  # noqa: BLE001 - as in `_begin`
            _fail(batch, error)
        except BaseException as error:  # the event loop ends
            _fail([*batch, *self._waiting], error)
            self._waiting.clear()
            raise

    def _take(self, *, answered: int) -> list[Request]:
        """Return the next batch, of which so many appenders that were just answered may not be a part yet."""
        waiting = self._waiting
        crowd = len(waiting) + answered
        most = min(MAXIMUM_REQUESTS, crowd if crowd < 2 * CROWD else (crowd + 1) // 2)
        batch = [waiting.popleft()]
        size = batch[0].size
        while waiting and len(batch) < most and size + waiting[0].size <= MAXIMUM_SIZE:
            batch.append(waiting.popleft())
            size += batch[-1].size
        return batch


def _fail(batch: list[Request], error: BaseException) -> None:
    """Give each waiting append an exception of its own: tracebacks aren't shared between tasks."""
    for request in batch:
        if request.answer.done():
            continue
        if isinstance(error, LogError):
            own: Exception = type(error)(*error.args)
        else:
            own = Unavailable(f"the commit failed: {error!r}")
        own.__cause__ = error
        request.answer.set_exception(own)
