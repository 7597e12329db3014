"""The profiles that were added, in their newest terms. Those that are built in have no events."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.profile import ProfileDefined, ProfileRetired
from es_pki.projections.view import View, own_id
from es_pki.values.profile import ProfileTerms

NAME = "profiles"
VERSION = 1


class ProfileStatus(StrEnum):
    """Where a profile comes from, and whether certificates are made under it."""

    BUILT_IN = "built-in"
    ACTIVE = "active"
    RETIRED = "retired"


class Row(Struct, frozen=True):
    """One profile. `version` counts its terms from 1. One that is built in has neither id nor author."""

    id: str | None
    name: str
    version: int
    status: ProfileStatus
    terms: ProfileTerms
    defined_by: str | None = None
    defined_at: datetime | None = None
    reason: str = ""


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the profile's row after an event."""
    match happened.event:
        case ProfileDefined() as event:
            return Row(
                id=happened.id,
                name=event.name,
                version=event.version,
                status=ProfileStatus.ACTIVE,
                terms=event.terms,
                defined_by=happened.actor,
                defined_at=happened.time,
            )
        case ProfileRetired(reason=reason) if row is not None:
            return replace(row, status=ProfileStatus.RETIRED, reason=reason)
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(ProfileDefined, ProfileRetired),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "status"),
    lookups=("name",),
)
