"""Renewals on a clock of the test's own, and what a directory says about them."""

from datetime import datetime, timedelta

from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.acme.renewals import Renewals
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.adapters.views import Query
from es_pki.adapters.views.rebuild import rebuild
from es_pki.projections import acme_renewals, inventory


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead


class Looking:
    """The renewals of a world, on views that are brought up to date before each look."""

    def __init__(self, world, views) -> None:
        self.world, self.views, self.time = world, views, Clock()
        self.renewals = Renewals(world.aggregates, views, world.acme.directories, world.desk.take, self.time)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await rebuild(self.world.log, self.views, inventory.view)
            await self.renewals.look()
            await self.renewals.settle()

    async def row(self, name: str = "www"):
        await rebuild(self.world.log, self.views, acme_renewals.view)
        found = await self.views.find(acme_renewals.view, Query(filters={"name": name}))
        return found.rows[0]

    async def at(self, moment: datetime) -> None:
        self.time.ahead = moment - clock.now()


def suggesting(proxy, start, end, **headers):
    """Have the directory suggest a window, whatever certificate it is asked about."""
    proxy.further["renewalInfo"] = proxy.url.replace("/dir", "/renewal-info")
    told = {
        "suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()},
        "explanationURL": "https://a.test/why",
    }

    async def rule(request, _body):
        if request.path.startswith("/renewal-info/"):
            proxy.done.append(request.path)
            return web.json_response(told, headers=headers)
        return None

    proxy.rules.insert(0, rule)


async def account_of(world):
    account_id = await world.aggregates.owner("acme_account_name-pebble")
    return await world.aggregates.load(ACME_ACCOUNT, account_id)


async def named(world, name):
    return await world.aggregates.owner(f"certificate_name-{name}")
