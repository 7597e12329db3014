"""An es-pki whose authorities publish, in this process."""

import pytest

from es_pki.values import Locations
from eventlog.memory import MemoryLog
from tests.world import World, open_keys

SHARDS = 3


def locations(authority_id):
    """Return where an authority publishes that spreads its certificates over shards."""
    base = f"http://pki.example.test/pki/{authority_id}"
    return Locations(f"{base}/ca.crt", f"{base}/crl", crl_shards=SHARDS)


@pytest.fixture
async def world(tmp_path):
    """A new installation."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    await world.keys.close()
    await log.close()
