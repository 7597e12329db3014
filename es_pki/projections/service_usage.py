"""The usages: which services are bound to which certificate, as their own or as a fallback."""

from datetime import datetime

from msgspec import Struct

from es_pki.events.certificate import UseBegun, UseEnded
from es_pki.events.happened import Happened
from es_pki.projections.view import View

NAME = "service_usage"
VERSION = 1


class Row(Struct, frozen=True):
    """One service that is bound to one certificate since a time; `service` is its name."""

    certificate_id: str
    service_id: str
    service: str
    as_fallback: bool
    since: datetime
    bound_by: str


def key(happened: Happened) -> str:
    """Key rows by certificate and service."""
    match happened.event:
        case UseBegun(service_id=service_id) | UseEnded(service_id=service_id):
            return f"{happened.id}/{service_id}"
        case _:
            return happened.id


def evolve(_row: Row | None, happened: Happened) -> Row | None:
    """Return the usage after an event; it is gone when it ended."""
    match happened.event:
        case UseBegun(service_id=service_id, service=service, as_fallback=as_fallback):
            return Row(happened.id, service_id, service, as_fallback, happened.time, happened.actor)
        case _:
            return None


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(UseBegun, UseEnded),
    key=key,
    evolve=evolve,
    order_by="service",
    filters=("certificate_id", "service_id", "service"),
    lookups=("certificate_id", "service_id"),
)
