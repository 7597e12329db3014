"""Renewals of an installation with two machines on one PostgreSQL: one of them renews, and the other when that goes."""

import asyncio
import contextlib
import shutil

import pytest
from aiohttp import web

from es_pki import app, config
from es_pki.adapters import clock
from es_pki.adapters.acme.renewals import Renewals
from es_pki.adapters.intake.requests import PlaceACMEOrder, RevokeCertificate
from es_pki.adapters.scheduler import Scheduler
from es_pki.adapters.views import Follower, Query
from es_pki.projections import VIEWS, acme_orders, inventory
from tests import pebble
from tests.adapters.acme.conftest import registration
from tests.world import World

PATIENCE_SECONDS = 60


class Machine:
    """What follows, schedules and renews on one machine; `sent` are the commands that its scheduler sent."""

    def __init__(self, stores):
        self.stores, self.sent = stores, []
        self.world = World(stores.log, stores.keys)
        self._running = []

    async def take(self, request, asked):
        """Note what the scheduler sends, and have it done."""
        self.sent.append(request.certificate)
        return await self.world.desk.take(request, asked)

    def start(self):
        """Follow and schedule."""
        stores, directories = self.stores, self.world.acme.directories
        renewals = Renewals(self.world.aggregates, stores.views, directories, self.take, clock.now)
        scheduler = Scheduler(stores.lease, [renewals.look], clock.now, look_seconds=0.2)
        follower = Follower(stores.log, stores.views, VIEWS, stores.lease)
        self._running = [asyncio.ensure_future(work()) for work in (follower.run, scheduler.run)]

    async def stop(self):
        """End, and let the lease go."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.world.acme.close()
        await self.world.workers.close()
        await self.stores.close()


async def machine(folder, postgres_url):
    settings = config.load({"ES_PKI_DATABASE_URL": postgres_url, "ES_PKI_DATA_DIR": str(folder)}, {})
    return Machine(await app.open_stores(settings))


@pytest.fixture
async def two(tmp_path, postgres_url):
    """Two machines of one installation; the first has begun and is the one that follows."""
    (tmp_path / "first").mkdir()
    first = await machine(tmp_path / "first", postgres_url)
    first.start()
    (tmp_path / "second").mkdir()
    shutil.copy2(tmp_path / "first" / "master.key", tmp_path / "second" / "master.key")
    second = await machine(tmp_path / "second", postgres_url)
    while not first.stores.lease.held():
        await asyncio.sleep(0.05)
    second.start()
    yield first, second
    await second.stop()


@contextlib.asynccontextmanager
async def answering(world, directory):
    """Answer challenges from the log alone."""

    async def answered(request):
        answer = await world.acme.http_01.answer_to(request.match_info["token"])
        return web.Response(text=answer) if answer else web.Response(status=404)

    application = web.Application()
    application.router.add_get("/.well-known/acme-challenge/{token}", answered)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    directory.answers_at(f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield
    await runner.cleanup()


async def renewed(world, views, name):
    """Have a certificate ordered and revoked; wait until another takes its place; return how many orders that took."""
    ordered = await world.ask(PlaceACMEOrder(name, "pebble", dns_names=(f"{name}.example.test",)))
    assert ordered.result["status"] == "issued", ordered.result
    await world.ask(RevokeCertificate(name))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await views.find(inventory.view, Query(filters={"name": name}))
            if found.rows and found.rows[0].version > 1:
                break
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)  # several looks more, in which nobody should order again
    return len((await views.find(acme_orders.view, Query(filters={"name": name}))).rows)


async def test_one_of_two_machines_renews_and_the_other_when_it_is_gone(two):
    first, second = two
    with pebble.running(PEBBLE_AUTHZREUSE="0") as directory:
        async with answering(second.world, directory):
            await second.world.ask(registration(directory))
            assert await renewed(second.world, second.stores.views, "www") == 2
            assert (len(first.sent), second.sent) == (1, [])
            await first.stop()
            assert await renewed(second.world, second.stores.views, "after") == 2
            assert (len(first.sent), len(second.sent)) == (1, 1)
