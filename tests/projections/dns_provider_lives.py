"""What may happen to a DNS provider, drawn."""

from collections.abc import Iterator
from random import Random

from es_pki.events.codec import Event
from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderAdded, DNSProviderRemoved
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values.dns import DynamicUpdates


def dns_provider_life(stream: str, number: int, random: Random) -> Iterator[tuple[str, Event]]:
    """Yield the events of a provider: added, perhaps given other credentials, perhaps removed."""
    name, zone = f"dns-{number}", f"zone-{number}.test"
    yield stream, DNSProviderAdded(name, (zone,), DynamicUpdates("192.0.2.1", "key"), b"digest", f"key-{number}")
    yield f"dns_provider_name-{name}", NameReserved(stream)
    yield f"dns_zone-{zone}", NameReserved(stream)
    if random.random() < 0.5:
        yield stream, DNSCredentialsReplaced(f"next-{number}", f"wish-{number}", (f"key-{number}",))
    if random.random() < 0.2:
        yield stream, DNSProviderRemoved(name, (zone,), "moved", (f"key-{number}",))
        yield f"dns_provider_name-{name}", NameReleased(stream)
        yield f"dns_zone-{zone}", NameReleased(stream)
