"""How many certificates, services and notices there are, by what the views show: counted now and then only."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.http.lags import Lag, lags
from es_pki.adapters.views import Query, ViewStore
from es_pki.events.service import Drift
from es_pki.projections import acme_renewals, expiry_calendar, inventory, notices, services
from es_pki.projections.inventory import CertificateStatus
from es_pki.projections.notices import NoticeStatus
from es_pki.projections.services import ServiceStatus
from es_pki.projections.view import View

R = TypeVar("R")
T = TypeVar("T")

HOLDS = timedelta(minutes=1)
"""How long a count is told again."""

MOST_COUNTED = 20_000
"""Rows of a view that are counted. No view counts by itself; reading so many takes about 0.15 s, in small pieces."""

PAGE = 100
"""Rows that are read before others get their turn."""

WITHIN_DAYS = (7, 30)
"""The times from now on in which what expires is counted, the longest last."""


class Counted(Struct, frozen=True):
    """What was counted at a time. None: there are more than `MOST_COUNTED`.

    `expiries` are those of a kind within so many days.
    """

    at: datetime
    certificates: Counter[CertificateStatus] | None
    services: Counter[ServiceStatus] | None
    expiries: Counter[tuple[expiry_calendar.Kind, int]] | None
    renewals: Counter[acme_renewals.Status] | None
    notices: Counter[NoticeStatus] | None
    drifts: Counter[Drift] | None
    lags: tuple[Lag, ...]


class Counts:
    """The counts of this process. However many ask at a time, one counts."""

    def __init__(self, views: ViewStore, now: Callable[[], datetime]) -> None:
        self._views = views
        self._now = now
        self._counting = asyncio.Lock()
        self._counted: Counted | None = None

    async def counted(self) -> Counted:
        """Return the counts, a minute old at most."""
        async with self._counting:
            now = self._now()
            if self._counted is None or abs(now - self._counted.at) >= HOLDS:
                self._counted = await self._count(now)
            return self._counted

    async def _count(self, now: datetime) -> Counted:
        until = now + timedelta(days=WITHIN_DAYS[-1])
        ending = Query(filters={"signed": "yes", "what": expiry_calendar.What.EXPIRY}, since=now, until=until)

        def expires(row: expiry_calendar.Row) -> list[tuple[expiry_calendar.Kind, int]]:
            return [(row.kind, days) for days in WITHIN_DAYS if row.not_after < now + timedelta(days=days)]

        return Counted(
            now,
            await self._of(inventory.view, Query(), lambda row: [row.status]),
            await self._of(services.view, Query(), lambda row: [row.status]),
            await self._of(expiry_calendar.view, ending, expires),
            await self._of(acme_renewals.view, Query(), lambda row: [row.status]),
            await self._of(notices.view, Query(), lambda row: [row.status]),
            await self._of(services.view, Query(), lambda row: row.served.drift if row.served is not None else ()),
            await lags(self._views, now),
        )

    async def _of(self, view: View[R], query: Query, counts_as: Callable[[R], Iterable[T]]) -> Counter[T] | None:
        """Return how many rows count as what, None if they are too many."""
        counted: Counter[T] = Counter()
        cursor = None
        for _ in range(MOST_COUNTED // PAGE):
            found = await self._views.find(view, replace(query, limit=PAGE, cursor=cursor))
            for row in found.rows:
                counted.update(counts_as(row))
            cursor = found.cursor
            if cursor is None:
                return counted
            await asyncio.sleep(0)
        return None
