"""A process that is really killed behind each recorded step, on real files: another brings the order to its end."""

import asyncio
import signal
import sys

import pytest

from es_pki.adapters.acme.tls_alpn_listener import TLSALPNListener
from es_pki.adapters.http import server
from eventlog.sqlite import SQLiteLog
from tests.adapters.acme.conftest import registration
from tests.adapters.acme.test_orders import STEPS
from tests.world import World, open_keys


@pytest.fixture
async def world(tmp_path):
    """An es-pki on files, which other processes may use as well."""
    log, keys = await SQLiteLog.open(tmp_path / "log.db"), await open_keys(tmp_path)
    yield World(log, keys)
    await keys.close()
    await log.close()


async def killed(folder, number, name):
    """Order in another process; return how that ended."""
    command = (sys.executable, "-m", "tests.adapters.acme.dying", str(folder), str(number), name)
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait()


async def test_an_order_whose_process_was_killed_is_finished_by_another(world, proxy, directory, tmp_path):
    listener = TLSALPNListener(world.acme.tls_alpn_01, server.bind("127.0.0.1", directory.tls_port))
    await listener.start()
    await world.ask(registration(proxy))
    for number, step in enumerate(STEPS, 1):
        name, placed_before = f"killed-{number}", proxy.count("/order-plz")
        assert await killed(tmp_path, number, name) == -signal.SIGKILL
        records = [record.type async for page in world.log.read_all() for record in page.records]
        assert [each for each in records if each.startswith("acme_order.")][-1] == step
        again = World(world.log, world.keys._store)
        state = await again.acme.orders.advance(await again.aggregates.owner(f"certificate_name-{name}"))
        assert (state.version, state.left_behind) == (1, ()), step
        assert proxy.count("/order-plz") == placed_before + 1, step
        await again.acme.close()
    assert (await world.examine()).findings == []
    await listener.close()
    await world.acme.close()
