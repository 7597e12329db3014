"""What a look at an order finds in DNS, at a real name server: records, aliases, and signatures that don't hold."""

import pytest

from es_pki.adapters import clock
from es_pki.adapters.acme.debug.caa import Asker, caa
from es_pki.adapters.acme.debug.debugger import Debugger, Looks
from es_pki.adapters.acme.debug.names import DNS, addresses
from es_pki.adapters.acme.debug.port_80 import Ports
from es_pki.adapters.acme.debug.report import Verdict
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.intake.requests import AbandonACMEOrder, AddDNSProvider, PlaceACMEOrder
from es_pki.values.acme import ChallengeType
from es_pki.values.dns import DynamicUpdates
from eventlog.memory import MemoryLog
from tests import bind, pebble
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World, open_keys

RECORDS = """
www A 127.0.0.1
alias CNAME www
critical CAA 128 tbs "unknown"
wild CAA 0 issue "ca.example.test"
wild CAA 0 issuewild "other.example.test"
_acme-challenge.away CNAME away.delegated.test.
_acme-challenge.loop CNAME _acme-challenge.loop
"""


@pytest.fixture(scope="module")
def name_server():
    """A running BIND of this module, with two zones."""
    with bind.running({"example.test": RECORDS, "delegated.test": ""}) as running:
        yield running


@pytest.fixture(scope="module")
def directory(name_server):
    """A running Pebble of this module that resolves at the name server."""
    with pebble.running(name_server.address) as running:
        yield running


@pytest.fixture
async def world(tmp_path, directory, name_server):
    """An es-pki without listeners that resolves at the name server, with an account."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, lookup=lookup_at(name_server))
    await world.ask(registration(directory))
    yield world
    await world.acme.close()
    await world.keys.close()
    await log.close()


def lookup_at(name_server):
    return Lookup([name_server.address], name_server.port, seconds=2.0)


def provider(name_server, *zones):
    settings = DynamicUpdates(name_server.address, bind.KEY_NAME)
    return AddDNSProvider("office", zones or ("example.test",), settings, name_server.key)


async def held(world, name_server, host):
    """Place an order in a process that dies when its record was seen; return the order's id."""
    broken = World(Failing(world.log, {"append"}, 4, after=True), world.keys._store, lookup=lookup_at(name_server))
    with pytest.raises(Fault):
        await broken.ask(PlaceACMEOrder("held", "pebble", dns_names=(host,), challenge=ChallengeType.DNS_01))
    await broken.acme.close()
    return await world.aggregates.owner("certificate_name-held")


async def found_about(world, name_server, order_id):
    looks = Looks(DNS([name_server.address]), lookup_at(name_server), world.dns, Ports(1, 1))
    report = await Debugger(world.aggregates, world.acme, looks, clock.now).report(order_id)
    return {finding.what: (finding.verdict, finding.detail, finding.advice) for finding in report.findings}


SERVER = "ns1.example.test"


async def test_the_value_is_looked_for_at_each_name_server(world, name_server):
    await world.ask(provider(name_server))
    order_id = await held(world, name_server, "txt.example.test")
    what = f"TXT of _acme-challenge.txt.example.test at {SERVER}"
    found = await found_about(world, name_server, order_id)
    assert found[what][:2] == (Verdict.FINE, "the value that is expected is there")
    assert found["DNS provider of _acme-challenge.txt.example.test"][0] is Verdict.FINE
    (value,) = name_server.values("_acme-challenge.txt.example.test")
    name_server.take("example.test", "_acme-challenge.txt.example.test", "TXT", value)
    verdict, detail, advice = (await found_about(world, name_server, order_id))[what]
    assert (verdict, "not among the 0" in detail, "es-pki dns check" in advice) == (Verdict.FAILED, True, True)
    assert (await world.ask(AbandonACMEOrder("held"))).result["status"] == "failed"
    assert (await found_about(world, name_server, order_id))[what][0] is Verdict.FINE


async def test_a_name_server_that_is_away_is_named(world, name_server):
    request = provider(name_server)
    servers = (name_server.address, f"127.0.0.1:{bind.free_port()}")
    await world.ask(AddDNSProvider("office", request.zones, request.settings, request.credentials, servers))
    order = PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",), challenge=ChallengeType.DNS_01)
    broken = World(Failing(world.log, {"append"}, 1, after=True), world.keys._store, lookup=lookup_at(name_server))
    with pytest.raises(Fault):
        await broken.ask(order)
    await broken.acme.close()
    order_id = await world.aggregates.owner("certificate_name-www")
    found = await found_about(world, name_server, order_id)
    verdict, detail, _ = found[f"TXT of _acme-challenge.www.example.test at {servers[1]}"]
    assert (verdict, "doesn't answer" in detail) == (Verdict.FAILED, True)
    assert found[f"TXT of _acme-challenge.www.example.test at {servers[0]}"][0] is Verdict.FINE


async def test_an_alias_makes_another_provider_responsible(world, name_server):
    order = PlaceACMEOrder("away", "pebble", dns_names=("away.example.test",), challenge=ChallengeType.DNS_01)
    failed = await world.ask(order)
    found = await found_about(world, name_server, failed.result["order_id"])
    alias = found["alias of _acme-challenge.away.example.test"]
    assert alias[:2] == (Verdict.FINE, "it leads to away.delegated.test: the record has to be there")
    assert found["DNS provider of away.delegated.test"][0] is Verdict.FAILED
    await world.ask(provider(name_server, "delegated.test"))
    found = await found_about(world, name_server, failed.result["order_id"])
    assert found["DNS provider of away.delegated.test"][0] is Verdict.FINE
    assert found["TXT of away.delegated.test at ns1.delegated.test"][0] is Verdict.FINE


async def test_an_alias_that_leads_nowhere_is_found(world, name_server):
    order = PlaceACMEOrder("loop", "pebble", dns_names=("loop.example.test",), challenge=ChallengeType.DNS_01)
    failed = await world.ask(order)
    found = await found_about(world, name_server, failed.result["order_id"])
    assert found["alias of _acme-challenge.loop.example.test"][0] is Verdict.FAILED


async def test_a_standing_record_is_looked_for_and_told(world, name_server):
    """This directory offers none, and doesn't say by which name records may know it."""
    order = PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",), challenge=ChallengeType.DNS_PERSIST_01)
    failed = await world.ask(order)
    found = await found_about(world, name_server, failed.result["order_id"])
    assert found["TXT of _validation-persist.www.example.test"][0] is Verdict.UNKNOWN
    assert found["order for www"][0] is Verdict.FAILED


async def test_addresses_are_told_with_their_alias(name_server):
    found, (finding,) = await addresses(DNS([name_server.address]), "alias.example.test")
    assert (found, finding.detail) == (["127.0.0.1"], "127.0.0.1 (an alias of www.example.test)")


ASKER = Asker(("ca.example.test",), "https://ca.example.test/1", ChallengeType.DNS_01)


async def test_what_no_authority_may_ignore_stops_it(name_server):
    finding = await caa(DNS([name_server.address]), "a.critical.example.test", ASKER)
    assert (finding.verdict, "tbs is critical" in finding.detail) == (Verdict.FAILED, True)


@pytest.mark.parametrize(("is_wildcard", "verdict"), [(False, Verdict.FINE), (True, Verdict.FAILED)])
async def test_wildcards_have_records_of_their_own(name_server, is_wildcard, verdict):
    finding = await caa(DNS([name_server.address]), "wild.example.test", ASKER, is_wildcard=is_wildcard)
    assert finding.verdict is verdict


async def test_signatures_that_do_not_hold_are_told_from_servers_that_do_not_answer(name_server):
    with bind.distrusting(name_server, "example.test") as resolver:
        found, (finding,) = await addresses(DNS([resolver.address]), "www.example.test")
        assert (found, finding.verdict) == ([], Verdict.FAILED)
        assert "DNSSEC fails" in finding.detail
        finding = await caa(DNS([resolver.address]), "www.example.test", ASKER)
        assert (finding.verdict, "DNSSEC fails" in finding.detail) == (Verdict.FAILED, True)
    _, (finding,) = await addresses(DNS([f"127.0.0.1:{bind.free_port()}"]), "www.example.test")
    assert (finding.verdict, "doesn't answer" in finding.detail) == (Verdict.FAILED, True)
