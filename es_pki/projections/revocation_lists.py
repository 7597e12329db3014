"""The revocation lists: the newest CRL of each authority and shard, how long it holds, and how much it lists."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.revocation_list import CRLIssued, CRLPrepared
from es_pki.projections.view import View, own_id

NAME = "revocation_lists"
VERSION = 1


class Row(Struct, frozen=True):
    """One list. `crl_shard` 0 is the one that lists all. `entries` and `size` (octets) are the complete CRL's.

    `signed` is "no" while `crl_number` waits for its signature: until then the one before is the newest there is.
    """

    id: str
    authority_id: str
    crl_shard: int
    crl_number: int
    this_update: datetime
    next_update: datetime
    signed: str = "no"
    base_crl_number: int | None = None
    entries: int = 0
    size: int = 0
    delta_entries: int | None = None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the list after an event."""
    match happened.event:
        case CRLPrepared() as prepared:
            authority_id, _, shard = happened.id.partition("/")
            return Row(
                id=happened.id,
                authority_id=authority_id,
                crl_shard=int(shard) if shard.isdigit() else 0,
                crl_number=prepared.crl_number,
                this_update=prepared.this_update,
                next_update=prepared.next_update,
                base_crl_number=prepared.base_crl_number,
                entries=row.entries if row else 0,
                size=row.size if row else 0,
                delta_entries=row.delta_entries if row else None,
            )
        case CRLIssued(complete=complete, delta=delta) if row is not None:
            delta_entries = delta.entries if delta else None
            return replace(row, signed="yes", entries=complete.entries, size=complete.size, delta_entries=delta_entries)
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(CRLPrepared, CRLIssued),
    key=own_id,
    evolve=evolve,
    order_by="next_update",
    filters=("authority_id", "crl_shard", "signed"),
    lookups=("authority_id",),
)
