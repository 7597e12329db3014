"""How long certificates take from being issued to being served, service by service, by what the views show."""

from datetime import datetime

from msgspec import Struct

from es_pki.adapters.views import Query, ViewStore
from es_pki.projections import inventory, services
from es_pki.projections.inventory import Version
from es_pki.projections.services import ServiceStatus

MOST_TOLD = 1_000
"""Services whose lags are told."""


class Lag(Struct, frozen=True):
    """How a service lags, in seconds.

    `took` is from when the version that it has was issued (or came here) until it was deployed, None for none; `behind`
    since when its certificate's current version is there without being deployed, 0 when it is.
    """

    service_id: str
    service: str
    took: float | None
    behind: float


async def lags(views: ViewStore, now: datetime) -> tuple[Lag, ...]:
    """Return the lags of the services that have a certificate, the first by name."""
    found = []
    for row in (await views.find(services.view, Query(limit=MOST_TOLD))).rows:
        if row.certificate_id is None or row.status in {ServiceStatus.RETIRED, ServiceStatus.STOPPED}:
            continue
        certificate = await views.get(inventory.view, row.certificate_id)
        if certificate is not None and certificate.current_version is not None:
            found.append(_lag(row, certificate, now))
    return tuple(found)


def _lag(row: services.Row, certificate: inventory.Row, now: datetime) -> Lag:
    deployed, took = row.deployed, None
    if deployed is not None and deployed.certificate_id == row.certificate_id and deployed.ended_at is not None:
        every: tuple[Version, ...] = (certificate, *certificate.other_versions)
        version = next((each for each in every if each.version == deployed.version), None)
        took = (deployed.ended_at - _came(version)).total_seconds() if version is not None else None
    behind = 0.0 if _has_current(row, certificate) else max(0.0, (now - _came(certificate)).total_seconds())
    return Lag(row.id, row.name, took, behind)


def _has_current(row: services.Row, certificate: inventory.Row) -> bool:
    """Tell whether a service has the current version: by what was seen on the wire, else by what was deployed."""
    if row.served is not None and row.served.fingerprint:
        return row.served.fingerprint == certificate.fingerprint
    return row.deployed is not None and row.deployed.fingerprint == certificate.fingerprint


def _came(version: Version) -> datetime:
    """Return since when a version is there: what was made elsewhere, a directory for one, since it was taken in."""
    return version.issued_at or version.requested_at
