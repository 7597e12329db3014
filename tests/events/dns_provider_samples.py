"""A sample of every event of a DNS provider."""

from es_pki.events.codec import Event
from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderAdded, DNSProviderRemoved
from es_pki.values.dns import DynamicUpdates, TSIGAlgorithm

DNS_PROVIDER: dict[str, Event] = {
    "dns_provider.added.v1": DNSProviderAdded(
        name="office",
        zones=("example.test", "example.org"),
        settings=DynamicUpdates("ns1.example.test:53", "es-pki.", TSIGAlgorithm.HMAC_SHA512),
        request_digest=b"digest",
        credentials_id="0f8b7b2e-0000-4000-8000-000000000007",
        name_servers=("192.0.2.1:53",),
    ),
    "dns_provider.credentials_replaced.v1": DNSCredentialsReplaced(
        credentials_id="0f8b7b2e-0000-4000-8000-000000000008",
        request_id="0f8b7b2e-0000-4000-8000-000000000009",
        key_ids=("0f8b7b2e-0000-4000-8000-000000000007",),
    ),
    "dns_provider.removed.v1": DNSProviderRemoved(
        name="office",
        zones=("example.test", "example.org"),
        reason="the zones moved",
        key_ids=("0f8b7b2e-0000-4000-8000-000000000008",),
    ),
}
