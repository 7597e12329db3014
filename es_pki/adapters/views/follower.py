"""Follows the log and keeps the views up with it, in one process at a time; the others look at its checkpoints."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from es_pki.adapters.lease import Lease, Overtaken
from es_pki.adapters.recorded import happened
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.store import ViewStore
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from es_pki.projections.view import View
from eventlog import Closed, Log

LOG = logging.getLogger("es_pki.views")

POLL_SECONDS = 0.02
"""How often a process that doesn't follow looks at the checkpoints."""

GATHER_SECONDS = 0.01
"""Between pages, at least: under load a page gathers many events, and its transaction costs each of them little."""

PATIENT_GATHER_SECONDS = 0.1
"""Between pages under load, while nobody waits for the views."""

BUSY_PAGE = 16
"""Events of a page that show load: a lone user sees at once what was done."""

LOOK_SECONDS = 1.0
"""How often the holder of the lease looks whether it still is."""

PAUSE_SECONDS = 1.0
"""Between a failure and the next try."""


class Follower:
    """Keeps views up with the log while it holds the lease."""

    def __init__(self, log: Log, store: ViewStore, views: Sequence[View[Any]], lease: Lease) -> None:
        self._log = log
        self._store = store
        self._views = views
        self._lease = lease
        self._position = -1
        self._moved = asyncio.Condition()
        self._awaited = asyncio.Event()
        self.failure: str | None = None

    async def run(self) -> None:
        """Follow until cancelled or the log is closed. An event that can't be read stops the views, never skipped."""
        while True:
            try:
                await self._lease.acquire()
                await self._follow_while_held()
            except Closed:
                return
            except (UnknownEvent, UndecodableEvent) as error:
                self.failure = f"{type(error).__name__}: {error}"
                LOG.exception("the views stand still", extra={"fields": {"failure": self.failure}})
                await self._lease.release()  # a process of a newer release may know the event
                return
            except Overtaken as overtaken:
                LOG.warning("the views are another's", extra={"fields": {"because": str(overtaken)}})
            except Exception as error:
                self.failure = type(error).__name__
                LOG.exception("the views could not follow; trying again", extra={"fields": {"failure": self.failure}})
            finally:
                await self._move(-1)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow_while_held(self) -> None:
        """Follow until something fails, or the lease is lost: it must be had again even if nobody commits anything."""
        following = asyncio.ensure_future(self._follow())
        try:
            while not following.done():
                await asyncio.wait([following], timeout=LOOK_SECONDS)
                if not self._lease.held():
                    raise Overtaken("the lease is lost")
            await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self) -> None:
        size = (await self._log.head()).size
        for view in self._views:
            checkpoint = await self._store.checkpoint(view)
            if checkpoint is None or checkpoint > size:
                await rebuild(self._log, self._store, view)
        checkpoints = [await self._store.checkpoint(view) or 0 for view in self._views]
        await self._move(min(checkpoints))
        if self._position >= (await self._log.head()).size:
            self.failure = None
        types = frozenset().union(*(view.types for view in self._views))
        async for page in self._log.follow(after=self._position, types=types):
            if not self._lease.held():
                raise Overtaken("the lease is lost")
            events = [happened(record) for record in page.records]
            await self._store.apply(self._views, events, page.position, after=self._position)
            await self._move(page.position)
            self.failure = None
            await self._gather(under_load=len(events) >= BUSY_PAGE)

    async def _gather(self, *, under_load: bool) -> None:
        """Let events come together: for longer under load, until somebody waits for the views."""
        await asyncio.sleep(GATHER_SECONDS)
        if not under_load:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENT_GATHER_SECONDS - GATHER_SECONDS):
                await self._awaited.wait()
        self._awaited.clear()

    async def _move(self, position: int) -> None:
        """Tell those who wait how far this process has followed; -1: it follows no more."""
        async with self._moved:
            self._position = position
            self._moved.notify_all()

    async def reached(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109 - an answer, not an error
        """Wait until the views have reached a log position; tell whether they did within `timeout` seconds."""
        if self._position >= position:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._wait_for(position)
        except TimeoutError:
            return False
        return True

    async def _wait_for(self, position: int) -> None:
        while self._position < position and await self._stored() < position:
            if self._position < 0:
                await asyncio.sleep(POLL_SECONDS)
                continue
            async with self._moved:
                self._awaited.set()
                await self._moved.wait_for(lambda: self._position < 0 or self._position >= position)

    async def lag(self) -> int:
        """Return how many positions the views are behind the log."""
        return max(0, (await self._log.head()).size - max(self._position, await self._stored(), 0))

    async def _stored(self) -> int:
        checkpoints = [await self._store.checkpoint(view) for view in self._views]
        return min(-1 if checkpoint is None else checkpoint for checkpoint in checkpoints)
