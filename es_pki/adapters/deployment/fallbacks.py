"""Fallbacks: a service whose certificate ends without a successor is served its fallback until that comes back.

By the process that holds the lease. A version that is issued meanwhile is deployed at once, as to any service; here is
looked after what no event tells: that time has passed, and that something is released, or is good again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from es_pki.adapters.deployment.starting import start
from es_pki.adapters.entropy import uuid7
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.views import ViewStore, every_row
from es_pki.commands.fallback import Standing, falls_back
from es_pki.decider import Refused
from es_pki.projections import acme_renewals, inventory, services
from es_pki.projections.acme_renewals import Status
from es_pki.projections.inventory import CertificateStatus
from es_pki.projections.services import DeploymentStatus
from eventlog import Conflict

LOG = logging.getLogger("es_pki.deployment")

AGAIN = timedelta(hours=1)
"""When a deployment that failed is tried again."""


class Fallbacks:
    """Looks after the services that have a fallback. All that it remembers is what it has logged."""

    def __init__(self, aggregates: Aggregates, views: ViewStore, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._views = views
        self._now = now
        self._refused: dict[str, str] = {}

    async def look(self) -> None:
        """Bring each service what it is to be served now."""
        async for row in every_row(self._views, services.view):
            if row.fallback_certificate_id is not None and row.stopped_at is None:
                await self._look_at(row)

    async def _look_at(self, row: services.Row) -> None:
        """Look at one service; whatever goes wrong with it concerns no other."""
        try:
            if self._may_start(row):
                await self._start(row)
        except (Refused, Conflict) as refused:
            if self._refused.get(row.id) != str(refused):
                self._refused[row.id] = str(refused)
                told = {"service": row.id, "because": str(refused)}
                LOG.warning("a service gets no other certificate", extra={"fields": told})
        except Exception:
            LOG.exception("a service's fallback can't be looked after", extra={"fields": {"service": row.id}})

    def _may_start(self, row: services.Row) -> bool:
        """Tell whether no deployment runs, and none has failed shortly before."""
        newest = row.deployment
        if newest is None or newest.status is DeploymentStatus.DEPLOYED:
            return True
        return newest.ended_at is not None and abs(self._now() - newest.ended_at) >= AGAIN

    async def _start(self, row: services.Row) -> None:
        own = await self._standing(row.certificate_id or "")
        fallback = await self._standing(row.fallback_certificate_id or "")
        if own is None or fallback is None:
            return
        as_fallback = falls_back(own, fallback, self._now())
        if as_fallback or (row.has_fallen_back and own.is_good(self._now())):
            deployment_id = uuid7(self._now())
            await start(
                self._aggregates, row.id, deployment_id, actor=ACTOR, unless_deployed=True, as_fallback=as_fallback
            )

    async def _standing(self, certificate_id: str) -> Standing | None:
        row = await self._views.get(inventory.view, certificate_id)
        if row is None or row.current_version is None:
            return None
        renewal = await self._views.get(acme_renewals.view, certificate_id)
        is_renewed = renewal is not None and renewal.version == row.version
        return Standing(
            row.not_before,
            row.not_after,
            holds=row.status is CertificateStatus.ISSUED,
            is_renewed=is_renewed,
            is_given_up=is_renewed and renewal is not None and renewal.status is Status.MISSED,
        )
