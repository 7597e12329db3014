"""The history: who did what to an authority, certificate, CSR, service, principal or key, in one line each."""

from datetime import datetime
from typing import get_args

from msgspec import Struct

from es_pki.events.codec import Event
from es_pki.events.happened import Happened
from es_pki.events.reservation import ReservationEvent
from es_pki.projections.history.summaries import summary
from es_pki.projections.view import View

NAME = "history"
VERSION = 8


class Row(Struct, frozen=True):
    """One thing that happened. `aggregate_id` is whose it is; `actor` the principal that caused it."""

    position: int
    category: str
    aggregate_id: str
    type: str
    time: datetime
    actor: str
    summary: str


def key(happened: Happened) -> str:
    """Key lines by position: nothing ever changes a line."""
    return f"{happened.position:019d}"


def evolve(_row: Row | None, happened: Happened) -> Row | None:
    """Return the line of an event."""
    return Row(
        position=happened.position,
        category=happened.category,
        aggregate_id=happened.id,
        type=happened.type,
        time=happened.time,
        actor=happened.actor,
        summary=summary(happened.event),
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=tuple(event for event in get_args(Event) if event not in get_args(ReservationEvent)),
    key=key,
    evolve=evolve,
    order_by="position",
    filters=("aggregate_id", "category", "type", "actor"),
    lookups=("aggregate_id",),
)
