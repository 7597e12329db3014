"""What happens to a DNS provider: somebody whose zones es-pki may change. Stream `dns_provider-<id>`.

Credentials lie in the key store; events only name where.
"""

from msgspec import Struct

from es_pki.values.dns import DNSSettings


class DNSProviderAdded(Struct, frozen=True, omit_defaults=True):
    """A way to change `zones` (A-labels, lower case, without the dot at their end) is known from now on.

    `credentials_id` is where the credentials lie, "" without any. `name_servers` (`HOST:PORT`) are where the records
    are looked for, none: at all that the zone names. `request_digest` is the SHA-256 of what was asked.
    """

    name: str
    zones: tuple[str, ...]
    settings: DNSSettings
    request_digest: bytes
    credentials_id: str = ""
    name_servers: tuple[str, ...] = ()


class DNSCredentialsReplaced(Struct, frozen=True, omit_defaults=True):
    """Other credentials are used from now on. `request_id` tells such wishes apart.

    `key_ids`: the credentials before in the key store, which are to be removed.
    """

    credentials_id: str
    request_id: str
    key_ids: tuple[str, ...] = ()


class DNSProviderRemoved(Struct, frozen=True, omit_defaults=True):
    """The provider is used no more. Its `name` and `zones` were released with this event.

    `key_ids`: its credentials in the key store, which are to be removed.
    """

    name: str
    zones: tuple[str, ...]
    reason: str = ""
    key_ids: tuple[str, ...] = ()


DNSProviderEvent = DNSProviderAdded | DNSCredentialsReplaced | DNSProviderRemoved
