"""The trust stores by name. What each trusts stands in the view `trust`."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated
from es_pki.projections.view import View, own_id

NAME = "trust_stores"
VERSION = 1


class Row(Struct, frozen=True):
    """One trust store. `changed`: when a certificate was last trusted or distrusted."""

    id: str
    name: str
    created: datetime
    created_by: str
    changed: datetime


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the store's row after an event."""
    match happened.event:
        case TrustStoreCreated(name=name):
            return Row(
                id=happened.id, name=name, created=happened.time, created_by=happened.actor, changed=happened.time
            )
        case CertificateTrusted() | CertificateDistrusted() if row is not None:
            return replace(row, changed=happened.time)
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(TrustStoreCreated, CertificateTrusted, CertificateDistrusted),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name",),
    lookups=("name",),
)
