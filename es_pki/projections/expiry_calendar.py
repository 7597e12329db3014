"""The expiry calendar: what stops being valid when, authorities and certificates alike.

Of a certificate only the current version counts: that an earlier one expires, which was replaced, alarms nobody. Nor
does what was revoked: it has ended already. What is only held may be released. When an earlier version is to be revoked
stands there too.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    SigningFailed,
    SupersessionEnded,
    SupersessionEvent,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened
from es_pki.projections.view import View

NAME = "expiry_calendar"
VERSION = 5

Begun = AuthorityPrepared | AuthorityImported | CertificatePrepared | CertificateImported


class Kind(StrEnum):
    """What expires."""

    AUTHORITY = "authority"
    CERTIFICATE = "certificate"


class What(StrEnum):
    """What happens then: it ends by itself, or is revoked as it was planned."""

    EXPIRY = "expiry"
    REVOCATION = "revocation"


class Version(Struct, frozen=True):
    """When a version of a certificate ends."""

    version: int
    serial_number: str
    not_after: datetime


class Row(Version, frozen=True, kw_only=True):
    """One thing that ends `at` a time. `signed` is "no" until the signature is there: such a row is no entry yet. One
    that is "revoked" is none any more.

    `what` tells whether it expires, at its `not_after`, or is an earlier version that is to be revoked: then `name` is
    what it was called when that was planned, and `held_up_by` the services that had it when it was due before.
    `other_versions` are those that may become current: outstanding ones, and earlier ones that still hold.
    """

    id: str
    kind: Kind
    name: str
    at: datetime
    what: What = What.EXPIRY
    signed: str = "no"
    held_up_by: tuple[str, ...] = ()
    other_versions: tuple[Version, ...] = ()


def key(happened: Happened) -> str:
    """Key rows by what expires, and by the version that is to be revoked."""
    event = happened.event
    return f"{happened.id}/{event.version}" if isinstance(event, SupersessionEvent) else happened.id


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the entry after an event."""
    match happened.event:
        case AuthorityPrepared() | CertificatePrepared() as event:
            return _prepared(row, event, happened)
        case AuthorityImported() as authority:
            return _current(_prepared(row, authority, happened), 1)
        case CertificateImported(version=number) as imported:
            return _current(_prepared(row, imported, happened), number)
        case AuthoritySigningFailed() | CertificateDeleted() | SupersessionEnded():
            return None
        case SupersessionPlanned() as plan:
            return _planned(plan, happened)
        case _ if row is None:
            return None
        case AuthorityCreated():
            return replace(row, signed="yes")
        case CertificateIssued(version=number) | CertificateRolledBack(version=number):
            return _current(row, number)
        case AuthorityRevoked():
            return replace(row, signed="revoked")
        case CertificateRevoked(version=number):
            return replace(row, signed="revoked") if number == row.version else _without(row, number)
        case SigningFailed(version=number):
            return _without(row, number)
        case CertificateRenamed(name=name):
            return replace(row, name=name)
        case SupersessionHeldUp(services=services, due_at=due_at):
            return replace(row, at=due_at, held_up_by=services)
        case _:
            return row


def _planned(plan: SupersessionPlanned, happened: Happened) -> Row:
    return Row(
        version=plan.version,
        serial_number=plan.serial_number,
        not_after=plan.not_after,
        id=happened.id,
        kind=Kind.CERTIFICATE,
        name=plan.name,
        at=plan.due_at,
        what=What.REVOCATION,
        signed="yes",
    )


def _prepared(row: Row | None, event: Begun, happened: Happened) -> Row:
    kind, number = Kind.AUTHORITY, 1
    if isinstance(event, CertificatePrepared | CertificateImported):
        kind, number = Kind.CERTIFICATE, event.version
    version = Version(number, event.serial_number, event.not_after)
    if row is None:
        return Row(*_fields(version), id=happened.id, kind=kind, name=event.name, at=version.not_after)
    holding = (other for other in row.other_versions if other.not_after > happened.time)
    return replace(row, other_versions=(*holding, version))


def _current(row: Row, number: int) -> Row:
    """Return the entry of another version; the one before it may become current again."""
    if number == row.version:
        return replace(row, signed="yes")
    version = next((other for other in row.other_versions if other.version == number), None)
    if version is None:
        return row
    others = [other for other in row.other_versions if other.version != number]
    if row.signed == "yes":
        others.append(Version(row.version, row.serial_number, row.not_after))
    return Row(
        *_fields(version),
        id=row.id,
        kind=row.kind,
        name=row.name,
        at=version.not_after,
        signed="yes",
        other_versions=tuple(others),
    )


def _without(row: Row, number: int) -> Row | None:
    if number == row.version:
        return None
    return replace(row, other_versions=tuple(other for other in row.other_versions if other.version != number))


def _fields(version: Version) -> tuple[int, str, datetime]:
    return version.version, version.serial_number, version.not_after


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        AuthorityPrepared,
        AuthorityCreated,
        AuthoritySigningFailed,
        AuthorityImported,
        CertificatePrepared,
        CertificateIssued,
        SigningFailed,
        CertificateImported,
        CertificateRolledBack,
        CertificateRenamed,
        CertificateDeleted,
        CertificateRevoked,
        AuthorityRevoked,
        SupersessionPlanned,
        SupersessionHeldUp,
        SupersessionEnded,
    ),
    key=key,
    evolve=evolve,
    order_by="at",
    filters=("kind", "what", "signed"),
    lookups=(),
)
