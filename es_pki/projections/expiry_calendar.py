"""The expiry calendar: what stops being valid when, authorities and certificates alike."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.authority import AuthorityCreated, AuthorityPrepared, AuthoritySigningFailed
from es_pki.events.certificate import CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.events.happened import Happened
from es_pki.projections.view import View

NAME = "expiry_calendar"
VERSION = 1


class Kind(StrEnum):
    """What expires."""

    AUTHORITY = "authority"
    CERTIFICATE = "certificate"


class Row(Struct, frozen=True):
    """One thing that expires. `signed` is "no" until the signature is there: such a row is no entry yet."""

    id: str
    kind: Kind
    name: str
    version: int
    serial_number: str
    not_after: datetime
    signed: str = "no"


def key(happened: Happened) -> str:
    """Key entries by what expires: each version of a certificate has its own."""
    match happened.event:
        case CertificatePrepared(version=version) | CertificateIssued(version=version) | SigningFailed(version=version):
            return f"{happened.id}/{version}"
        case _:
            return f"{happened.id}/1"


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the entry after an event."""
    match happened.event:
        case CertificatePrepared() as event:
            return Row(
                id=happened.id,
                kind=Kind.CERTIFICATE,
                name=event.name,
                version=event.version,
                serial_number=event.serial_number,
                not_after=event.not_after,
            )
        case AuthorityPrepared() as authority:
            return Row(
                id=happened.id,
                kind=Kind.AUTHORITY,
                name=authority.name,
                version=1,
                serial_number=authority.serial_number,
                not_after=authority.not_after,
            )
        case CertificateIssued() | AuthorityCreated() if row is not None:
            return replace(row, signed="yes")
        case SigningFailed() | AuthoritySigningFailed():
            return None
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        AuthorityPrepared,
        AuthorityCreated,
        AuthoritySigningFailed,
        CertificatePrepared,
        CertificateIssued,
        SigningFailed,
    ),
    key=key,
    evolve=evolve,
    order_by="not_after",
    filters=("kind", "signed"),
    lookups=(),
)
