"""The compromised keys: which, why, and since when. What uses them stands in the view of key uses."""

from datetime import datetime

from msgspec import Struct

from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.projections.view import View, own_id

NAME = "key_compromises"
VERSION = 1


class Row(Struct, frozen=True):
    """One compromised key. `public_key_hash` is the SHA-256 of its SubjectPublicKeyInfo in hex."""

    public_key_hash: str
    reason: str
    reported_by: str
    reported_at: datetime


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the key's row after an event."""
    match happened.event:
        case KeyCompromiseReported(reason=reason):
            return Row(
                public_key_hash=happened.id, reason=reason, reported_by=happened.actor, reported_at=happened.time
            )
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(KeyCompromiseReported,),
    key=own_id,
    evolve=evolve,
    order_by="reported_at",
    filters=("public_key_hash", "reported_by"),
    lookups=("public_key_hash",),
)
