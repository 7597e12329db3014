"""The services: who is to serve which certificate, and how each gets it."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.service import (
    CertificateBound,
    CertificateUnbound,
    Installation,
    InstallationAdopted,
    ServiceKind,
    ServiceRegistered,
    ServiceRetired,
)
from es_pki.projections.view import View, own_id

NAME = "services"
VERSION = 1


class Row(Struct, frozen=True):
    """One service. `retired_at` and `reason` tell of its end."""

    id: str
    name: str
    kind: ServiceKind
    installation: Installation
    registered_by: str
    registered_at: datetime
    certificate_id: str | None = None
    fallback_certificate_id: str | None = None
    bound_at: datetime | None = None
    retired_at: datetime | None = None
    reason: str = ""


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the service's row after an event."""
    match happened.event:
        case ServiceRegistered(name=name, kind=kind, installation=installation):
            return Row(happened.id, name, kind, installation, happened.actor, happened.time)
        case _ if row is None:
            return None
        case InstallationAdopted(installation=installation):
            return replace(row, installation=installation)
        case CertificateBound(certificate_id=certificate_id, fallback_certificate_id=fallback_id):
            return replace(
                row, certificate_id=certificate_id, fallback_certificate_id=fallback_id, bound_at=happened.time
            )
        case CertificateUnbound():
            return _unbound(row)
        case ServiceRetired(reason=reason):
            return replace(_unbound(row), retired_at=happened.time, reason=reason)
        case _:
            return row


def _unbound(row: Row) -> Row:
    return replace(row, certificate_id=None, fallback_certificate_id=None, bound_at=None)


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(ServiceRegistered, InstallationAdopted, CertificateBound, CertificateUnbound, ServiceRetired),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "kind", "certificate_id"),
    lookups=("name", "certificate_id"),
)
