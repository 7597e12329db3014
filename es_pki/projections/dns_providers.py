"""The DNS providers: whose zones es-pki may change, and how. Never their credentials."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderAdded, DNSProviderRemoved
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values.dns import DNSSettings

NAME = "dns_providers"
VERSION = 1


class Row(Struct, frozen=True):
    """One provider. `kind` is that of its `settings`; `credentials_since` is None without credentials.

    `name_servers` are where records are looked for, none: at all that the zone names.
    """

    id: str
    name: str
    kind: str
    zones: tuple[str, ...]
    settings: DNSSettings
    name_servers: tuple[str, ...]
    added_at: datetime
    added_by: str
    credentials_since: datetime | None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the provider's row after an event; one that was removed has none."""
    match happened.event:
        case DNSProviderAdded() as event:
            return Row(
                id=happened.id,
                name=event.name,
                kind=str(event.settings.__struct_config__.tag),
                zones=event.zones,
                settings=event.settings,
                name_servers=event.name_servers,
                added_at=happened.time,
                added_by=happened.actor,
                credentials_since=happened.time if event.credentials_id else None,
            )
        case DNSCredentialsReplaced() if row is not None:
            return replace(row, credentials_since=happened.time)
        case DNSProviderRemoved():
            return None
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(DNSProviderAdded, DNSCredentialsReplaced, DNSProviderRemoved),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "kind"),
    lookups=("name",),
)
