"""Dynamic updates at a real name server: written, found, removed, and what it says when it refuses."""

import pytest

from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.writer import TXTRecord
from es_pki.values.dns import TSIGAlgorithm
from tests import bind
from tests.adapters.dns.conftest import providers_at, updates


async def test_a_provider_that_works_passes_its_check_and_leaves_nothing(server):
    await providers_at(server).check(updates(server))
    assert "es-pki-" not in server.dumped("example.test")


@pytest.mark.parametrize("algorithm", list(TSIGAlgorithm))
async def test_every_algorithm_is_understood(algorithm):
    with bind.running({"example.test": ""}, algorithm=algorithm) as server:
        await providers_at(server).check(updates(server, algorithm=algorithm))


async def test_values_stand_side_by_side_and_those_of_others_stay(server):
    providers, provider, name = providers_at(server), updates(server), "_acme-challenge.both.example.test"
    server.add("example.test", name, "TXT", "somebody-else")
    base, wildcard = TXTRecord(name, "for-the-base-name"), TXTRecord(name, "for-the-wildcard")
    await providers.add(provider, base)
    await providers.add(provider, wildcard)
    await providers.add(provider, wildcard)
    assert server.values(name) == {"somebody-else", "for-the-base-name", "for-the-wildcard"}
    assert await providers.is_everywhere(provider, base)
    await providers.remove(provider, base)
    await providers.remove(provider, base)
    assert server.values(name) == {"somebody-else", "for-the-wildcard"}
    await providers.remove(provider, wildcard)
    assert server.values(name) == {"somebody-else"}


async def test_the_zone_is_found_however_deep_the_name_is(server):
    record = TXTRecord("_acme-challenge.a.b.c.example.test", "deep")
    await providers_at(server).add(updates(server), record)
    assert server.values(record.name) == {"deep"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_name": "another"}, "BADKEY"),
        ({"key": bind.tsig_key("another")}, "BADSIG"),
        ({"algorithm": TSIGAlgorithm.HMAC_SHA512}, "BADKEY"),
        ({"zone": "elsewhere.test"}, "has no zone for"),
    ],
)
async def test_what_the_server_refuses_is_told_in_its_words(server, changes, words):
    with pytest.raises(DNSFailed, match=words) as failed:
        await providers_at(server).check(updates(server, **changes))
    assert failed.value.is_final


async def test_a_zone_that_takes_no_updates_refuses(server):
    with bind.running({"example.test": ""}, policy="deny * wildcard * ANY") as closed:
        with pytest.raises(DNSFailed, match="REFUSED") as failed:
            await providers_at(closed).check(updates(closed))
        assert failed.value.is_final


async def test_a_server_that_is_away_may_come_back(server):
    away = f"127.0.0.1:{bind.free_port()}"
    with pytest.raises(DNSFailed, match=away) as failed:
        await providers_at(server).add(updates(server, at=away), TXTRecord("_acme-challenge.example.test", "x"))
    assert not failed.value.is_final


async def test_a_record_is_there_when_every_name_server_has_it(server):
    with bind.running({"example.test": ""}) as second:
        providers, name = providers_at(server), "_acme-challenge.slow.example.test"
        record, alone = TXTRecord(name, "slow"), updates(server)
        both = type(alone)(alone.zones, alone.settings, (server.address, second.address), alone.secret)
        with pytest.raises(DNSFailed, match=second.address):
            await providers.add(both, record, seconds=0.3)
        assert server.values(name) == {"slow"}
        assert not await providers.is_everywhere(both, record)
        second.add("example.test", name, "TXT", "slow")
        assert await providers.is_everywhere(both, record)
        await providers.remove(both, record)
        assert server.values(name) == set()


async def test_aliases_lead_to_where_the_record_has_to_be(server):
    providers = providers_at(server)
    assert await providers.place("_acme-challenge.away.example.test") == "away.delegated.test"
    assert await providers.place("_acme-challenge.www.example.test") == "_acme-challenge.www.example.test"
    with pytest.raises(DNSFailed, match="lead nowhere"):
        await providers.place("_acme-challenge.loop.example.test")
