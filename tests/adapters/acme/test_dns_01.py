"""dns-01 through a real directory that resolves at a real name server, whose zones es-pki may change."""

from base64 import urlsafe_b64decode

import pytest

from es_pki.adapters.acme.dns_01 import DNS_TROUBLE, value_of
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.intake.requests import AddDNSProvider, PlaceACMEOrder, ReplaceDNSCredentials
from es_pki.values.acme import ChallengeType
from es_pki.values.dns import DynamicUpdates
from eventlog.memory import MemoryLog
from tests import bind, openssl, pebble
from tests.adapters.acme.conftest import registration
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
    with pebble.running(name_server.address) as running:
        yield running


@pytest.fixture
async def world(tmp_path, name_server):
    """An es-pki without listeners that resolves at the name server."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, lookup=Lookup([name_server.address], name_server.port))
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


async def test_a_name_for_which_nobody_answers_fails(world, directory, name_server):
    await world.ask(registration(directory))
    failed = (await world.ask(order("lost"))).result
    assert failed["status"] == "failed", failed["problem"]
    assert "no DNS provider answers" in failed["problem"].detail


@pytest.mark.parametrize("number", [3, 4, 5])
async def test_what_a_process_left_behind_that_died_is_cleaned_up_by_another(world, directory, name_server, number):
    """It died after recording that it presents, that the record is seen, that the directory was convinced."""
    host = f"left-{number}.example.test"
    await world.ask(registration(directory))
    await world.ask(provider(name_server))
    lookup = Lookup([name_server.address], name_server.port)
    broken = World(Failing(world.log, {"append"}, number, after=True), world.keys._store, lookup=lookup)
    with pytest.raises(Fault):
        await broken.ask(order(f"left-{number}", host))
    await broken.acme.close()
    assert len(name_server.values(f"_acme-challenge.{host}")) == (0 if number == 3 else 1)
    again = World(world.log, world.keys._store, lookup=lookup)
    state = await again.acme.orders.advance(await again.aggregates.owner(f"certificate_name-left-{number}"))
    assert (state.version, state.left_behind) == (1, ())
    assert name_server.values(f"_acme-challenge.{host}") == set()
    await again.acme.close()
    assert (await world.examine()).findings == []


def test_the_value_is_the_digest_of_the_key_authorization():
    """As openssl computes it."""
    text = "token.thumbprint"
    digest = openssl.run("dgst", "-sha256", "-hex", text=text.encode()).split()[-1]
    padded = value_of(text) + "="
    assert urlsafe_b64decode(padded).hex() == digest
