"""The expiry calendar: what stops being valid when, authorities and certificates alike.

Of a certificate only the current version counts: that an earlier one expires, which was replaced, alarms nobody. Nor
does what was revoked: it has ended already. What is only held may be released. When an earlier version is to be revoked
stands there too.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

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
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    SigningFailed,
    SupersessionEnded,
    SupersessionEvent,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened
from es_pki.projections.view import View

NAME = "expiry_calendar"
VERSION = 6


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
    """When a version of a certificate ends.

    `sequence` counts how often its entry has changed, the last time at `changed_at`; `was_current` tells whether there
    ever was an entry.
    """

    version: int
    serial_number: str
    not_before: datetime
    not_after: datetime
    changed_at: datetime
    sequence: int = 0
    was_current: bool = False


V = TypeVar("V", bound=Version)


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
    owner: str = ""
    labels: Mapping[str, str] = {}
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
            return _current(_prepared(row, authority, happened), 1, happened)
        case CertificateImported(version=number) as imported:
            return _current(_prepared(row, imported, happened), number, happened)
        case AuthoritySigningFailed() | CertificateDeleted() | SupersessionEnded():
            return None
        case SupersessionPlanned() as plan:
            return _planned(plan, happened)
        case _ if row is None:
            return None
        case AuthorityCreated():
            return _current(row, row.version, happened)
        case CertificateIssued(version=number) | CertificateRolledBack(version=number):
            return _current(row, number, happened)
        case AuthorityRevoked():
            return _revoked(row, happened)
        case CertificateRevoked(version=number):
            return _revoked(row, happened) if number == row.version else _without(row, number)
        case SigningFailed(version=number):
            return _without(row, number)
        case CertificateRenamed(name=name):
            others = tuple(_changed(other, happened) for other in row.other_versions)
            return replace(_changed(row, happened), name=name, other_versions=others)
        case SupersessionHeldUp(services=services, due_at=due_at):
            return replace(_changed(row, happened), at=due_at, held_up_by=services)
        case CertificateLabelled(labels=labels):
            return replace(row, labels=labels)
        case OwnerAssigned(owner=owner):
            return replace(row, owner=owner)
        case _:
            return row


def _planned(plan: SupersessionPlanned, happened: Happened) -> Row:
    version = Version(plan.version, plan.serial_number, plan.not_before, plan.not_after, happened.time)
    return Row(
        **asdict(version),
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
    version = Version(number, event.serial_number, event.not_before, event.not_after, happened.time)
    if row is None:
        return Row(**asdict(version), id=happened.id, kind=kind, name=event.name, at=version.not_after)
    holding = (other for other in row.other_versions if other.not_after > happened.time)
    return replace(row, other_versions=(*holding, version))


def _current(row: Row, number: int, happened: Happened) -> Row:
    """Return the entry of another version; the one before it may become current again."""
    version = row if number == row.version else _other(row, number)
    if version is None or (version is row and row.signed == "yes"):
        return row
    shown = _changed(version, happened) if version.was_current else version
    others = [other for other in row.other_versions if other.version != number]
    if version is not row and row.signed == "yes":
        others.append(_changed(_facts(row), happened))
    facts = {**asdict(_facts(shown)), "was_current": True}
    return replace(row, **facts, at=shown.not_after, signed="yes", other_versions=tuple(others))


def _revoked(row: Row, happened: Happened) -> Row:
    return replace(_changed(row, happened), signed="revoked")


def _without(row: Row, number: int) -> Row | None:
    if number == row.version:
        return None
    return replace(row, other_versions=tuple(other for other in row.other_versions if other.version != number))


def _other(row: Row, number: int) -> Version | None:
    return next((other for other in row.other_versions if other.version == number), None)


def _changed(version: V, happened: Happened) -> V:
    """Return a version whose entry looks otherwise from now on."""
    return replace(version, sequence=version.sequence + 1, changed_at=happened.time)


def _facts(version: Version) -> Version:
    return Version(*(getattr(version, field) for field in Version.__struct_fields__))


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
        CertificateLabelled,
        OwnerAssigned,
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
    filters=("kind", "what", "signed", "owner", "labels"),
    lookups=(),
    members=("labels",),
)
