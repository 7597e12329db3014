"""DNS providers as requests make them: tried first, their credentials kept apart from all events."""

import pytest

from es_pki.adapters.intake.requests import AddDNSProvider, RemoveDNSProvider, ReplaceDNSCredentials
from es_pki.commands.dns_provider import DNSCheckFailed, DNSProviderMissing, DNSZoneTaken
from es_pki.commands.refusals import Malformed, NameTaken
from es_pki.values.dns import DynamicUpdates, HookProgram, LexiconProvider
from tests import bind


def provider(server, name="office", **changes):
    told = {
        "zones": ("example.test",),
        "settings": DynamicUpdates(server.address, bind.KEY_NAME),
        "credentials": server.key,
        "name_servers": (server.address,),
    }
    return AddDNSProvider(name=name, **{**told, **changes})


async def test_a_provider_that_works_is_added_and_found_by_its_longest_zone(world, server):
    await world.ask(provider(server, zones=("Example.Test.",), check=True))
    await world.ask(provider(server, "inner", zones=("in.example.test",), credentials=bind.tsig_key("inner")))
    assert (await world.dns.provider_for("_acme-challenge.www.example.test")).secret == server.key.encode()
    assert (await world.dns.provider_for("a.in.example.test")).zones == ("in.example.test",)
    assert (await world.examine()).findings == []


async def test_a_provider_that_fails_its_check_is_refused_and_leaves_nothing(world, server):
    with pytest.raises(DNSCheckFailed, match="BADSIG"):
        await world.ask(provider(server, credentials=bind.tsig_key("another"), check=True))
    await world.ask(provider(server, check=True))


async def test_a_name_and_a_zone_have_one_provider_until_it_is_removed(world, server):
    await world.ask(provider(server))
    with pytest.raises(NameTaken):
        await world.ask(provider(server, zones=("other.test",)))
    with pytest.raises(DNSZoneTaken) as refused:
        await world.ask(provider(server, "second", zones=("other.test", "example.test")))
    assert refused.value.violations[0].field == "zones[1]"
    removed = await world.ask(RemoveDNSProvider("office", "moved"))
    assert removed.result["status"] == "removed"
    await world.ask(provider(server))
    with pytest.raises(DNSProviderMissing):
        await world.ask(RemoveDNSProvider("nobody"))
    assert (await world.examine()).findings == []


async def test_replaced_credentials_are_used_and_those_before_are_gone(world, server):
    added = (await world.ask(provider(server, credentials=bind.tsig_key("another")))).result
    with pytest.raises(DNSCheckFailed):
        await world.ask(ReplaceDNSCredentials("office", bind.tsig_key("a third"), check=True))
    await world.ask(ReplaceDNSCredentials("office", server.key, check=True), "key")
    again = await world.ask(ReplaceDNSCredentials("office", bind.tsig_key("another"), check=True), "key")
    assert again.events == ()
    assert (await world.dns.provider(added["dns_provider_id"])).secret == server.key.encode()


async def test_the_same_request_again_adds_nothing(world, server):
    first = await world.ask(provider(server), "key")
    repeated = await world.ask(provider(server), "key")
    assert (repeated.result, repeated.events) == (first.result, ())


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [
        (DynamicUpdates("ns1", "key"), "not base64!"),
        (LexiconProvider("cloudflare"), "a bare token"),
        (LexiconProvider("cloudflare"), '{"auth_token": 5}'),
        (HookProgram("/usr/local/bin/hook"), "x" * 20_000),
    ],
)
async def test_credentials_that_can_not_be_those_of_their_kind_are_refused(world, server, settings, credentials):
    with pytest.raises(Malformed) as refused:
        await world.ask(provider(server, settings=settings, credentials=credentials))
    assert refused.value.violations[0].field == "credentials"
    assert credentials not in str(refused.value)
