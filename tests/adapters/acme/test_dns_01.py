"""dns-01 through a real directory that resolves at a real name server, whose zones es-pki may change."""

import os
from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path

import pytest

from es_pki.adapters import clock
from es_pki.adapters.acme.dns_01 import DNS_TROUBLE, value_of
from es_pki.adapters.acme.renewals import Renewals
from es_pki.adapters.dns.hook import HookRules
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.intake.deciders import ACME_RENEWAL
from es_pki.adapters.intake.requests import (
    AbandonACMEOrder,
    AddDNSProvider,
    PlaceACMEOrder,
    RemoveDNSProvider,
    RenewACME,
    ReplaceDNSCredentials,
)
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.dns_provider import DNSProviderNeeded
from es_pki.projections import inventory
from es_pki.values.acme import ChallengeType
from es_pki.values.dns import DynamicUpdates, HookProgram
from eventlog.memory import MemoryLog
from tests import bind, openssl, pebble, serving
from tests.adapters.acme.conftest import registration, versions_of
from tests.world import Failing, Fault, World, open_keys

ZONES = {"example.test": "_acme-challenge.away CNAME away.delegated.test.", "delegated.test": ""}


@pytest.fixture(scope="module")
def name_server():
    """A running BIND of this module."""
    with bind.running(ZONES) as running:
        yield running


@pytest.fixture(scope="module")
def directory(name_server):
    """A running Pebble of this module that resolves at the name server."""
    with pebble.running(name_server.address, PEBBLE_AUTHZREUSE="0") as running:
        yield running


@pytest.fixture
async def world(tmp_path, name_server):
    """An es-pki without listeners that resolves at the name server."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, lookup=Lookup([name_server.address], name_server.port, seconds=2.0))
    yield world
    await world.acme.close()
    await world.keys.close()
    await log.close()


def provider(name_server, name="office", **changes):
    told = {
        "zones": ("example.test",),
        "settings": DynamicUpdates(name_server.address, bind.KEY_NAME),
        "credentials": name_server.key,
    }
    return AddDNSProvider(name=name, **{**told, **changes})


def order(name="www", *names):
    dns_names = names or (f"{name}.example.test",)
    return PlaceACMEOrder(name=name, account="pebble", dns_names=dns_names, challenge=ChallengeType.DNS_01)


async def test_a_wildcard_and_its_base_name_are_proved_side_by_side_and_nothing_is_left(world, directory, name_server):
    name_server.add("example.test", "_acme-challenge.wild.example.test", "TXT", "somebody-else")
    await world.ask(registration(directory))
    await world.ask(provider(name_server, check=True))
    issued = (await world.ask(order("wild", "wild.example.test", "*.wild.example.test"))).result
    assert issued["status"] == "issued", issued["problem"]
    shown = openssl.text_of(str(issued["certificate_pem"]))
    assert "DNS:wild.example.test" in shown
    assert "DNS:*.wild.example.test" in shown
    assert name_server.values("_acme-challenge.wild.example.test") == {"somebody-else"}


async def test_an_alias_is_followed_into_the_zone_where_it_leads(world, directory, name_server):
    await world.ask(registration(directory))
    await world.ask(provider(name_server, zones=("delegated.test",)))
    issued = (await world.ask(order("away"))).result
    assert issued["status"] == "issued", issued["problem"]
    assert name_server.values("away.delegated.test") == set()


async def test_an_order_whose_update_is_refused_fails_with_the_words_of_the_server(world, directory, name_server):
    await world.ask(registration(directory))
    await world.ask(provider(name_server, credentials=bind.tsig_key("another")))
    failed = (await world.ask(order())).result
    assert failed["status"] == "failed", failed["problem"]
    assert failed["problem"].type == DNS_TROUBLE
    assert "BADSIG" in failed["problem"].detail
    await world.ask(ReplaceDNSCredentials("office", name_server.key, check=True))
    assert (await world.ask(order())).result["status"] == "issued"


async def test_an_order_waits_for_a_name_server_that_is_away(world, directory, name_server):
    await world.ask(registration(directory))
    away = DynamicUpdates(f"127.0.0.1:{bind.free_port()}", bind.KEY_NAME)
    await world.ask(provider(name_server, settings=away))
    waiting = (await world.ask(order())).result
    assert waiting["status"] == "pending"
    assert waiting["problem"].type == DNS_TROUBLE
    assert waiting["next_attempt"] is not None
    with pytest.raises(DNSProviderNeeded, match="the order for www is under way"):
        await world.ask(RemoveDNSProvider("office"))
    assert (await world.ask(AbandonACMEOrder("www", "no longer needed"))).result["status"] == "failed"
    assert (await world.ask(RemoveDNSProvider("office"))).result["status"] == "removed"


async def test_a_name_for_which_nobody_answers_fails(world, directory, name_server):
    await world.ask(registration(directory))
    failed = (await world.ask(order("lost"))).result
    assert failed["status"] == "failed", failed["problem"]
    assert "no DNS provider answers" in failed["problem"].detail


@pytest.mark.parametrize("after", [True, False], ids=["after it is recorded", "before it is recorded"])
@pytest.mark.parametrize("number", range(2, 9))
async def test_what_a_process_left_behind_that_died_is_cleaned_up_by_another(
    world, directory, name_server, number, after
):
    """It died at a step: created, presented, seen, validated, cleaned up, finalized, obtained."""
    name = f"left-{number}-{after}".lower()
    host = f"{name}.example.test"
    await world.ask(registration(directory))
    await world.ask(provider(name_server))
    lookup = Lookup([name_server.address], name_server.port, seconds=2.0)
    broken = World(Failing(world.log, {"append"}, number, after=after), world.keys._store, lookup=lookup)
    with pytest.raises(Fault):
        await broken.ask(order(name, host))
    await broken.acme.close()
    is_left = 4 <= number <= 5  # written behind the third step, removed before the sixth
    assert len(name_server.values(f"_acme-challenge.{host}")) == is_left
    again = World(world.log, world.keys._store, lookup=lookup)
    state = await again.acme.orders.advance(await again.aggregates.owner(f"certificate_name-{name}"))
    assert (state.version, state.left_behind) == (1, ())
    assert name_server.values(f"_acme-challenge.{host}") == set()
    await again.acme.close()
    assert (await world.examine()).findings == []


async def test_an_order_is_not_over_while_its_record_can_not_be_removed(world, directory, name_server):
    """Called off while the name server is away: it waits, and is cleaned up when that is back."""
    host = "stuck.example.test"
    await world.ask(registration(directory))
    await world.ask(provider(name_server))
    lookup = Lookup([name_server.address], name_server.port, seconds=2.0)
    broken = World(Failing(world.log, {"append"}, 4, after=True), world.keys._store, lookup=lookup)
    with pytest.raises(Fault):
        await broken.ask(order("stuck", host))
    await broken.acme.close()
    name_server.stop()
    waiting = (await world.ask(AbandonACMEOrder("stuck", "no longer needed"))).result
    assert (waiting["status"], waiting["problem"].type) == ("pending", DNS_TROUBLE)
    name_server.start()
    assert len(name_server.values(f"_acme-challenge.{host}")) == 1
    state = await world.acme.orders.advance(str(waiting["order_id"]))
    assert (state.is_over, state.left_behind) == (True, ())
    assert name_server.values(f"_acme-challenge.{host}") == set()


async def test_an_order_whose_hook_hangs_says_so_and_leaves_nothing_running(directory, name_server, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/started\nsleep 1000\n")
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o001)
    tmp_path.chmod(0o777)
    hook.chmod(0o755)
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    rules = HookRules((str(hook),), "nobody" if os.geteuid() == 0 else "", seconds=0.5)
    lookup = Lookup([name_server.address], name_server.port, seconds=2.0)
    world = World(log, keys, lookup=lookup, hooks=rules)
    await world.ask(registration(directory))
    await world.ask(provider(name_server, settings=HookProgram(str(hook)), credentials=""))
    waiting = (await world.ask(order("hangs"))).result
    assert (waiting["status"], waiting["problem"].type) == ("pending", DNS_TROUBLE)
    assert "did not end within" in waiting["problem"].detail
    assert waiting["next_attempt"] is not None
    for pid in (tmp_path / "started").read_text().split():
        serving.wait_for(lambda pid=pid: not Path(f"/proc/{pid}/stat").exists())
    ended = (await world.ask(AbandonACMEOrder("hangs"))).result
    assert (ended["status"], (tmp_path / "started").read_text().count("\n")) == ("failed", 1)
    await world.acme.close()
    await world.keys.close()


async def test_a_renewal_whose_provider_was_removed_says_so_and_when_it_is_tried_again(
    world, directory, name_server, tmp_path
):
    """No order is placed for nothing: the next attempt is a renewal's, and goes through once there is a provider."""
    await world.ask(registration(directory))
    await world.ask(provider(name_server))
    issued = (await world.ask(order())).result
    await world.ask(RemoveDNSProvider("office"))
    failed = (await world.ask(RenewACME("www"))).result
    assert (failed["status"], failed["problem"].type) == ("failed", DNS_TROUBLE)
    assert "no DNS provider answers for _acme-challenge.www.example.test" in failed["problem"].detail
    late = clock.now() + (issued["not_after"] - clock.now()) * 0.9
    state = await looked_at(world, tmp_path, issued["certificate_id"], late)
    assert (state.failure.problem.type, state.failure.attempt) == (DNS_TROUBLE, 1)
    assert late < state.failure.next_attempt < issued["not_after"]
    await world.ask(provider(name_server))
    again = state.failure.next_attempt + timedelta(seconds=1)
    await looked_at(world, tmp_path, issued["certificate_id"], again, times=1)
    assert len(await versions_of(world, issued["certificate_id"])) == 2


async def looked_at(world, folder, certificate_id, moment, times=2):
    """Have the renewals look at a moment: first at what is to be planned, then at what is due. Return the state."""
    views = await SQLiteViews.open(folder / "views.db")
    renewals = Renewals(world.aggregates, views, world.acme.directories, world.desk.take, lambda: moment)
    for _ in range(times):
        await rebuild(world.log, views, inventory.view)
        await renewals.look()
        await renewals.settle()
    await renewals.close()
    await views.close()
    return (await world.aggregates.load(ACME_RENEWAL, certificate_id, afresh=True)).state


def test_the_value_is_the_digest_of_the_key_authorization():
    """As openssl computes it."""
    text = "token.thumbprint"
    digest = openssl.run("dgst", "-sha256", "-hex", text=text.encode()).split()[-1]
    padded = value_of(text) + "="
    assert urlsafe_b64decode(padded).hex() == digest
