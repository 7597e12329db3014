"""A name server for each module of these tests, and providers that ask it alone."""

import pytest

from es_pki.adapters.dns.hook import HookRules
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.providers import DNSProviders, Provider
from es_pki.values.dns import DynamicUpdates
from eventlog.memory import MemoryLog
from tests import bind
from tests.world import World, open_keys

ZONES = {
    "example.test": "_acme-challenge.away CNAME away.delegated.test.\n_acme-challenge.loop CNAME _acme-challenge.loop",
    "delegated.test": "",
}


@pytest.fixture(scope="module")
def server():
    """A running BIND of this module, with two zones."""
    with bind.running(ZONES) as running:
        yield running


def providers_at(server, **hooks):
    """Return providers whose resolver and name servers are this one."""
    return DNSProviders(None, None, Lookup([server.address], server.port), HookRules(**hooks))


def updates(server, zone="example.test", key="", at="", **changes):
    """Return a provider that sends updates to the server."""
    told = {"server": at or server.address, "key_name": bind.KEY_NAME, **changes}
    return Provider((zone,), DynamicUpdates(**told), (), (key or server.key).encode())


@pytest.fixture
async def world(tmp_path, server):
    """An es-pki without listeners, on a log in memory."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, lookup=Lookup([server.address], server.port))
    yield world
    await world.keys.close()
    await log.close()
