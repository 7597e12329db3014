"""The rounds: what services serve is looked at now and then, by the process that holds the lease.

An older version that a service serves although a newer one is current is deployed again: its deployment failed, or the
service was down.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from es_pki.adapters.deployment.observer import Observer
from es_pki.adapters.deployment.starting import start
from es_pki.adapters.entropy import uuid7
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.views import ViewStore, every_row
from es_pki.commands.deployment import served_instead
from es_pki.decider import Refused
from es_pki.events.service import Drift
from es_pki.projections import services
from eventlog import Conflict

LOG = logging.getLogger("es_pki.deployment")


class Rounds:
    """Goes round every so often. All that it remembers is when it looked last."""

    def __init__(
        self,
        aggregates: Aggregates,
        observer: Observer,
        views: ViewStore,
        every: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._aggregates = aggregates
        self._observer = observer
        self._views = views
        self._every = every
        self._now = now
        self._last: dict[str, datetime] | None = None

    async def look(self) -> None:
        """Look at the services that are due; those known at the start are due at once, others after the usual time."""
        now, is_first, known = self._now(), self._last is None, self._last or {}
        every = every_row(self._views, services.view)
        self._last = {row.id: known.get(row.id, now) async for row in every if _is_watched(row)}
        due = [key for key, last in self._last.items() if is_first or abs(now - last) >= self._every]
        self._last |= dict.fromkeys(due, now)
        await asyncio.gather(*map(self._look_at, due))

    async def _look_at(self, service_id: str) -> None:
        """Look at one service; whatever goes wrong with it concerns no other."""
        try:
            state = (await self._observer.observe(service_id, actor=ACTOR)).state
            observed, installation = state.observed, state.installation
            can_change = installation.files or installation.reload_command or installation.reload_signal
            has_fallen_back = state.bound is not None and served_instead(state.deployments, state.bound) is not None
            is_behind = observed is not None and Drift.OLDER_VERSION in observed.drift
            if is_behind and can_change and not has_fallen_back:
                await start(self._aggregates, service_id, uuid7(self._now()), actor=ACTOR)
        except (Refused, Conflict) as refused:
            told = {"service": service_id, "because": str(refused)}
            LOG.info("a service was not looked at", extra={"fields": told})
        except Exception:
            LOG.exception("a service could not be looked at", extra={"fields": {"service": service_id}})


def _is_watched(row: services.Row) -> bool:
    return row.certificate_id is not None and row.stopped_at is None and bool(row.installation.probe.address)
