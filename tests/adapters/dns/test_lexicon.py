"""dns-lexicon against a real DNS host with an API, which only replaces all values of a name at once."""

import asyncio
import json

import pytest

from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.providers import Provider
from es_pki.adapters.dns.writer import TXTRecord
from es_pki.values.dns import LexiconProvider
from tests import power_dns
from tests.adapters.dns.conftest import providers_at


@pytest.fixture(scope="module")
def host():
    """A running PowerDNS of this module."""
    with power_dns.running() as running:
        yield running


def account(host, key="", provider="powerdns", **options):
    told = LexiconProvider(provider, {"pdns_server": host.api, **options})
    return Provider((power_dns.ZONE,), told, (host.address,), json.dumps({"auth_token": key or host.key}).encode())


async def test_a_provider_that_works_passes_its_check(host):
    await providers_at(host).check(account(host))


async def test_two_values_at_once_stand_side_by_side(host):
    providers, provider, name = providers_at(host), account(host), f"_acme-challenge.both.{power_dns.ZONE}"
    base, wildcard = TXTRecord(name, "for-the-base-name"), TXTRecord(name, "for-the-wildcard")
    await asyncio.gather(providers.add(provider, base), providers.add(provider, wildcard))
    await providers.remove(provider, base)
    assert not await providers.is_everywhere(provider, base)
    assert await providers.is_everywhere(provider, wildcard)


async def test_what_the_host_refuses_is_told_without_the_credentials(host):
    with pytest.raises(DNSFailed, match=r"powerdns could not be changed: .*401") as failed:
        await providers_at(host).check(account(host, key="not-the-key-of-this-host"))
    assert "not-the-key" not in failed.value.detail


async def test_a_provider_that_lexicon_does_not_know_is_named(host):
    with pytest.raises(DNSFailed, match="nonesuch"):
        await providers_at(host).check(account(host, provider="nonesuch"))
