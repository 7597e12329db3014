"""Works that are looked at now and then, by one process of an installation: the one that holds the lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from es_pki.adapters.lease import Lease

LOG = logging.getLogger("es_pki.scheduler")

LOOK_SECONDS = 30

Work = Callable[[], Awaitable[None]]
"""Looks whether something is due and does it. It remembers nothing that a restart could lose."""


class Scheduler:
    """Calls each work every `look_seconds`, first at once; never twice at a time, and late rather than not at all."""

    def __init__(
        self, lease: Lease, works: Sequence[Work], now: Callable[[], datetime], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._lease = lease
        self._works = works
        self._now = now
        self._look_seconds = look_seconds

    async def run(self) -> None:
        """Schedule until cancelled."""
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # a line for each look says nothing
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for work in self._works:
            trigger = IntervalTrigger(seconds=self._look_seconds, timezone=UTC)
            scheduler.add_job(self._look, trigger, [work], next_run_time=self._now())
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def _look(self, work: Work) -> None:
        try:
            if self._lease.held():
                await work()
        except Exception:
            LOG.exception("a scheduled work failed; it is looked at again")
