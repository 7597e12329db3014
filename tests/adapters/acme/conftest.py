"""A directory for each module of these tests, and an es-pki inside the test's process that talks to it."""

import pytest
from aiohttp import web

from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.requests import PlaceACMEOrder, RegisterACMEAccount
from es_pki.adapters.views.sqlite import SQLiteViews
from eventlog.memory import MemoryLog
from tests import pebble
from tests.acme_proxy import Proxy
from tests.adapters.acme.renewing import Looking
from tests.world import World, open_keys


@pytest.fixture(scope="module")
def directory():
    """A running Pebble of this module."""
    with pebble.running(PEBBLE_ALTERNATE_ROOTS="2") as running:
        yield running


@pytest.fixture
async def world(tmp_path):
    """An es-pki without listeners, on a log in memory."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    yield world
    await world.acme.close()
    await world.keys.close()
    await log.close()


def registration(at, name="pebble", **changes):
    """Return a request that opens an account at the directory."""
    told = {"directory": at.url, "ca_bundle": at.ca_bundle, "terms_of_service_agreed": True}
    return RegisterACMEAccount(name=name, **{**told, **changes})


@pytest.fixture
async def ordered(world, proxy, listening):
    """A certificate that came from the proxied directory, by its lineage's id."""
    await world.ask(registration(proxy))
    answer = await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))
    assert answer.result["status"] == "issued", answer.result
    return answer.result["certificate_id"]


async def versions_of(world, certificate_id):
    """Return the versions of a certificate as the log has them."""
    return (await world.aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state.versions


@pytest.fixture
async def proxy(directory):
    """The module's directory behind somebody who may say other things."""
    async with Proxy(directory).running() as running:
        yield running


@pytest.fixture
async def listening(world, directory):
    """Answers to challenges where the directory looks for them, by somebody who knows only the log."""
    other = World(world.log, world.keys._store)

    async def answered(request):
        answer = await other.acme.http_01.answer_to(request.match_info["token"])
        return web.Response(text=answer) if answer else web.Response(status=404)

    application = web.Application()
    application.router.add_get("/.well-known/acme-challenge/{token}", answered)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    directory.answers_at(f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield
    await runner.cleanup()


@pytest.fixture
async def looking(world, tmp_path):
    """The renewals of the world, on views of its own."""
    views = await SQLiteViews.open(tmp_path / "views.db")
    looking = Looking(world, views)
    yield looking
    await looking.renewals.close()
    await views.close()
