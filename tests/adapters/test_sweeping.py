"""Secrets that a process left behind that died: gone after the next start, and nothing else is."""

import contextlib
import http.client
import signal
import sqlite3
from datetime import timedelta

import pytest

from es_pki.adapters import clock
from es_pki.adapters.dns.providers import CREDENTIALS
from es_pki.adapters.intake.requests import (
    AddDNSProvider,
    RegisterACMEAccount,
    RemoveDNSProvider,
    ReplaceDNSCredentials,
    RollOverACMEAccountKey,
)
from es_pki.adapters.sweeping import Sweeper
from es_pki.values.dns import DynamicUpdates
from eventlog.memory import MemoryLog
from tests import bind, pebble, serving
from tests.acme_proxy import Proxy, problem
from tests.world import Failing, Fault, World, open_keys


@pytest.fixture
async def stores(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    yield log, keys
    await keys.close()
    await log.close()


@pytest.fixture(scope="module")
def directory():
    """A running Pebble of this module."""
    with pebble.running() as running:
        yield running


def provider():
    settings = DynamicUpdates("127.0.0.1", bind.KEY_NAME)
    return AddDNSProvider("office", ("example.test",), settings, bind.tsig_key("first"))


async def swept(stores, *, later=timedelta()):
    """Sweep as another process; return how many secrets went, and which purposes are left."""
    world = World(*stores)
    gone = await Sweeper(world.aggregates, world.keys, lambda: clock.now() + later).sweep()
    assert await Sweeper(world.aggregates, world.keys, lambda: clock.now() + later).sweep() == ()
    await world.acme.close()
    return len(gone), sorted(entry.purpose for entry in await stores[1].entries())


async def cut_short(stores, request, *, keys="", log="", at=1):
    """Ask for something in a process that dies at this call of a store."""
    broken = World(
        Failing(stores[0], {log}, at, after=False) if log else stores[0],
        Failing(stores[1], {keys}, at, after=False) if keys else stores[1],
    )
    with pytest.raises(Fault):
        await broken.ask(request)
    await broken.acme.close()


@pytest.mark.parametrize(
    ("request_", "left"),
    [(ReplaceDNSCredentials("office", bind.tsig_key("second")), [CREDENTIALS]), (RemoveDNSProvider("office"), [])],
    ids=["replaced", "removed"],
)
async def test_credentials_whose_end_was_recorded_are_removed(stores, request_, left):
    await World(*stores).ask(provider())
    await cut_short(stores, request_, keys="remove")
    assert await swept(stores) == (1, left)


async def test_credentials_in_use_stay(stores):
    world = World(*stores)
    await world.ask(provider())
    await world.ask(ReplaceDNSCredentials("office", bind.tsig_key("second")))
    assert await swept(stores, later=timedelta(days=400)) == (0, [CREDENTIALS])
    assert (await world.dns.provider_for("www.example.test")).secret == bind.tsig_key("second").encode()


async def test_credentials_that_no_event_ever_named_are_removed_after_a_day(stores):
    await cut_short(stores, provider(), log="append")
    assert await swept(stores) == (0, [CREDENTIALS])
    assert await swept(stores, later=timedelta(days=1, minutes=1)) == (1, [])


def registration(at, **changes):
    told = {"directory": at.url, "ca_bundle": at.ca_bundle, "terms_of_service_agreed": True}
    return RegisterACMEAccount("pebble", **{**told, **changes})


async def test_the_key_of_an_external_account_is_removed_once_the_account_is_open(stores, directory):
    (key_id, key), *_ = pebble.EAB_KEYS.items()
    await cut_short(stores, registration(directory, eab_key_id=key_id, eab_hmac_key=key), keys="remove")
    assert await swept(stores, later=timedelta(days=400)) == (1, ["acme_account"])


async def test_the_keys_of_an_account_that_was_refused_are_removed(stores, directory):
    await cut_short(stores, registration(directory, eab_key_id="nobody's", eab_hmac_key="d3Jvbmc"), keys="remove")
    assert await swept(stores) == (2, [])


async def test_a_key_that_the_directory_did_not_take_is_removed_and_those_of_the_account_stay(stores, directory):
    async with Proxy(directory).running() as proxy:
        world = World(*stores)
        await world.ask(registration(proxy))
        proxy.once("/rollover-account-key", problem("badPublicKey"), times=99)
        await cut_short(stores, RollOverACMEAccountKey("pebble"), keys="remove")
        assert await swept(stores, later=timedelta(days=400)) == (1, ["acme_account"])
        proxy.rules.clear()
        assert (await world.ask(RollOverACMEAccountKey("pebble"))).result["problem"] is None
        await world.acme.close()


DYING = """
import os, signal
from es_pki.adapters.keystore.sqlite import SQLiteKeyStore
from es_pki.__main__ import main

async def remove(self, key_id):
    os.kill(os.getpid(), signal.SIGKILL)

SQLiteKeyStore.remove = remove
main()
"""


def test_a_server_that_was_killed_before_it_removed_them_does_so_at_its_next_start(tmp_path):
    folder, name_server = tmp_path / "data", bind.shared()
    settings = {"kind": "rfc2136", "server": name_server.address, "key_name": bind.KEY_NAME}
    further = {"zones": [bind.ZONE], "name_servers": [name_server.address], "settings": settings}
    dying = serving.start(folder, program=("-c", DYING))
    dying.done("AddDNSProvider", name="office", credentials=bind.tsig_key("wrong"), **further)
    with contextlib.suppress(http.client.HTTPException, OSError):
        dying.command("ReplaceDNSCredentials", {"dns_provider": "office", "credentials": name_server.key})
    assert dying.process.wait(serving.PATIENCE) == -signal.SIGKILL
    assert kept_in(folder) == 2
    with serving.running(folder) as server:
        serving.wait_for(lambda: kept_in(folder) == 1)
        assert server.send("POST", "/api/v1/dns-providers/office/check").json["problem"] is None


def kept_in(folder):
    """Return how many credentials lie in the key store."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/keys.db?mode=ro", uri=True)) as keys:
        return keys.execute("SELECT count(*) FROM key WHERE purpose = ?", (CREDENTIALS,)).fetchone()[0]
