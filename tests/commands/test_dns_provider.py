"""DNS providers: whose zones may be changed, and what is refused."""

import pytest

from es_pki.commands.dns_provider import (
    AddDNSProvider,
    DNSProviderMissing,
    RemoveDNSProvider,
    ReplaceDNSCredentials,
    decider,
)
from es_pki.decider import RequestReused
from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderAdded, DNSProviderRemoved
from es_pki.values.dns import DynamicUpdates, HookProgram, LexiconProvider, host_and_port
from tests.spec import Spec

spec = Spec(decider)

UPDATES = DynamicUpdates("ns1.example.test:53", "es-pki.")
HOOK = HookProgram("/usr/local/bin/hook")
ZONES = ("example.test", "example.org")
add = AddDNSProvider("office", ZONES, UPDATES, (), "key", b"digest")
added = DNSProviderAdded("office", ZONES, UPDATES, b"digest", "key")
replaced = DNSCredentialsReplaced("next", "wish", ("key",))


def adding(settings, credentials_id="key", **changes):
    told = {"name": "office", "zones": ZONES, "name_servers": (), "request_digest": b"digest"}
    return spec.given().when(AddDNSProvider(settings=settings, credentials_id=credentials_id, **{**told, **changes}))


def test_a_provider_is_added_with_its_name_and_zones_reserved():
    spec.given().when(add).then(added)
    streams = [claim.stream for claim in decider.reservations(added, "id")]
    assert streams == ["dns_provider_name-office", "dns_zone-example.test", "dns_zone-example.org"]


def test_another_request_under_the_same_id_is_refused():
    spec.given(added).when(AddDNSProvider("b", ZONES, UPDATES, (), "key", b"other")).then_refused(RequestReused)


def test_other_credentials_name_those_before_to_be_removed():
    spec.given(added).when(ReplaceDNSCredentials("next", "wish")).then(replaced)
    spec.given(added, replaced).when(ReplaceDNSCredentials("third", "wish")).then_nothing()


def test_removing_gives_up_name_zones_and_the_credentials_of_the_time():
    removed = DNSProviderRemoved("office", ZONES, "moved", ("next",))
    spec.given(added, replaced).when(RemoveDNSProvider("moved")).then(removed)
    spec.given(added, replaced, removed).when(RemoveDNSProvider("again")).then_nothing()
    streams = [claim.stream for claim in decider.reservations(removed, "id")]
    assert streams == [claim.stream for claim in decider.reservations(added, "id")]


@pytest.mark.parametrize("history", [(), (added, DNSProviderRemoved("office", ZONES))])
def test_what_is_not_there_gets_no_credentials(history):
    spec.given(*history).when(ReplaceDNSCredentials("next", "wish")).then_refused(DNSProviderMissing)


def test_a_key_is_needed_for_updates_but_a_hook_may_do_without():
    adding(UPDATES, credentials_id="").then_breaks("credentials")
    adding(HOOK, credentials_id="").then(DNSProviderAdded("office", ZONES, HOOK, b"digest"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a name"}, "name"),
        ({"zones": ()}, "zones"),
        ({"zones": ("*.example.test",)}, "zones[0]"),
        ({"zones": ("example.test", "a b")}, "zones[1]"),
        ({"name_servers": ("ns1:0",)}, "name_servers[0]"),
        ({"name_servers": ("ns 1",)}, "name_servers[0]"),
        ({"settings": DynamicUpdates("", "key")}, "settings.server"),
        ({"settings": DynamicUpdates("ns1:99999", "key")}, "settings.server"),
        ({"settings": DynamicUpdates("ns1", "a key")}, "settings.key_name"),
        ({"settings": HookProgram("hook")}, "settings.program"),
        ({"settings": HookProgram("/opt/../bin/sh")}, "settings.program"),
        ({"settings": HookProgram("/bin/hook", ("{verb}", "{name}"))}, "settings.arguments"),
        ({"settings": HookProgram("/bin/hook", ("{verb}", "{name}", "{value}", "{shell}"))}, "settings.arguments"),
        ({"settings": HookProgram("/bin/hook", ("{verb}", "{name}", "{value}", "\n"))}, "settings.arguments"),
        ({"settings": LexiconProvider("Cloud Flare")}, "settings.provider"),
        ({"settings": LexiconProvider("cloudflare", {"a b": "c"})}, "settings.options"),
    ],
)
def test_what_can_not_work_is_named(changes, field):
    adding(**{"settings": UPDATES, **changes}).then_breaks(field)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ns1", ("ns1", 53)),
        ("ns1:5353", ("ns1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_server_is_named_with_or_without_its_port(text, parts):
    assert host_and_port(text) == parts


@pytest.mark.parametrize("text", ["", ":53", "ns1:0", "ns1:x", "[::1", "[::1]53", "ns1:65536"])
def test_what_names_no_server_is_refused(text):
    with pytest.raises(ValueError, match="PORT"):
        host_and_port(text)
