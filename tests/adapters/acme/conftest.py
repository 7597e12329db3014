"""A directory for each module of these tests, and an es-pki inside the test's process that talks to it."""

import pytest

from es_pki.adapters.intake.requests import RegisterACMEAccount
from eventlog.memory import MemoryLog
from tests import pebble
from tests.world import World, open_keys


@pytest.fixture(scope="module")
def directory():
    """A running Pebble of this module."""
    with pebble.running() as running:
        yield running


@pytest.fixture
async def world(tmp_path):
    """An es-pki without listeners, on a log in memory."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    yield world
    await world.directories.close()
    await world.keys.close()
    await log.close()


def registration(at, name="pebble", **changes):
    """Return a request that opens an account at the directory."""
    told = {"directory": at.url, "ca_bundle": at.ca_bundle, "terms_of_service_agreed": True}
    return RegisterACMEAccount(name=name, **{**told, **changes})
