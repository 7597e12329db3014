"""The inventory: every certificate by its lineage, as its current version is."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict, replace

from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateHeld,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificateLabelled,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
    SupersessionEnded,
    SupersessionEvent,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened
from es_pki.projections.inventory.findings import Finding, of_imported, of_prepared
from es_pki.projections.view import View, own_id
from es_pki.values import CRLReason, KeyAlgorithm, SubjectAltNames
from es_pki.values.acme import ACMEProblem
from es_pki.values.foreign import ForeignSubject, shown_subject

NAME = "inventory"
VERSION = 9


class CertificateStatus(StrEnum):
    """How far a version has come. Expiry is no status: compare `not_after` with the time you ask about."""

    PREPARED = "prepared"
    ISSUED = "issued"
    HELD = "held"
    REVOKED = "revoked"
    FAILED = "failed"


class Version(Struct, frozen=True):
    """One version. `key_is_here` tells whether the private key is kept; `fingerprint` is the SHA-256 in hex.

    `profile_version` counts the terms of its profile; `security_identifier` is that of the Active Directory account it
    names ("" for none). `security_bits` is the key's strength; `public_key_hash` is the SHA-256 of the
    SubjectPublicKeyInfo in hex. `imported` is "yes" for one that was made elsewhere: then `issuer` is who issued it,
    and it may have a subject, `other_names` and a `key_type` such as nobody here makes, and perhaps no profile ("").
    `order_id` is that of the ACME order by which it came, if it came by one.
    `revoked_at` and `reason` are those of one that is revoked or held. `revocation_requested_at` is since when the
    directory that issued it is to revoke it, `revocation_problem` why it didn't, when it was asked last. One that was
    replaced is to be revoked at `revocation_due_at`, if that is set; `held_up_by` names the services that still had it
    when it was due before. `findings`: what is wrong with what it says.
    """

    version: int
    status: CertificateStatus
    authority_id: str | None
    profile: str
    profile_version: int
    subject: ForeignSubject
    subject_alt_names: SubjectAltNames
    security_identifier: str
    key_type: str
    key_algorithm: KeyAlgorithm
    security_bits: int
    public_key_hash: str
    key_is_here: bool
    serial_number: str
    not_before: datetime
    not_after: datetime
    requested_by: str
    requested_at: datetime
    issued_at: datetime | None = None
    fingerprint: str | None = None
    failure: str | None = None
    revoked_at: datetime | None = None
    reason: CRLReason | None = None
    imported: str = "no"
    order_id: str | None = None
    issuer: ForeignSubject | None = None
    other_names: tuple[str, ...] = ()
    revocation_due_at: datetime | None = None
    held_up_by: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    revocation_requested_at: datetime | None = None
    revocation_problem: ACMEProblem | None = None


class Row(Version, frozen=True, kw_only=True):
    """One lineage, with the facts of its current version; of the newest one until one was issued.

    `versions` is how many there have been; `other_versions` are those among them that are outstanding, that failed
    since, or that still hold. `aliases` are former names that lead to it.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    current_version: int | None = None
    versions: int = 1
    other_versions: tuple[Version, ...] = ()
    labels: Mapping[str, str] = {}
    owner: str = ""


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the lineage's row after an event."""
    match happened.event:
        case CertificatePrepared() as event:
            return _prepared(row, _version(event, happened), event.name, happened)
        case CertificateImported() as event:
            version = _imported(event, happened)
            row = _prepared(row, version, event.name, happened)
            return _current(row, version)
        case CertificateDeleted():
            return None
        case _ if row is None:
            return None
        case CertificateIssued() | SigningFailed() | CertificateRolledBack() as event:
            return _with_version(row, event, happened)
        case (
            CertificateHeld()
            | CertificateReleased()
            | CertificateRevoked()
            | RevocationRequested()
            | RevocationRefused()
            | CertificateKeyImported()
        ) as event:
            return _with_status(row, event)
        case SupersessionPlanned() | SupersessionHeldUp() | SupersessionEnded() as event:
            return _with_plan(row, event)
        case CertificateRenamed() as event:
            return replace(row, name=event.name, aliases=_aliases(row.aliases, event))
        case CertificateLabelled(labels=labels):
            return replace(row, labels=labels)
        case OwnerAssigned(owner=owner):
            return replace(row, owner=owner)
        case _:
            return row


def _prepared(row: Row | None, version: Version, name: str, happened: Happened) -> Row:
    if row is None:
        return Row(**asdict(version), id=happened.id, name=name)
    row = replace(row, versions=row.versions + 1)
    if row.current_version is None:
        return _shown(row, version)
    holding = (v for v in row.other_versions if v.not_after > happened.time and v.status in _HOLDING)
    return replace(row, other_versions=(*holding, version))


_HOLDING = frozenset({CertificateStatus.ISSUED, CertificateStatus.HELD})
"""What may be served again: what is held may be released."""


_Stood = (
    CertificateHeld
    | CertificateReleased
    | CertificateRevoked
    | RevocationRequested
    | RevocationRefused
    | CertificateKeyImported
)


def _with_status(row: Row, event: _Stood) -> Row:
    """Return the row after a version that it knows began or ceased to hold, that was asked for, or its key came."""
    version = next((v for v in (_facts(row), *row.other_versions) if v.version == event.version), None)
    if version is None:
        return row
    changed = _standing(version, event)
    return _shown(row, changed) if changed.version == row.version else _with_other(row, changed)


def _standing(version: Version, event: _Stood) -> Version:
    match event:
        case CertificateHeld(held_at=since):
            reason = CRLReason.CERTIFICATE_HOLD
            return replace(version, status=CertificateStatus.HELD, revoked_at=since, reason=reason)
        case CertificateRevoked(revoked_at=since, reason=reason):
            changed = replace(version, status=CertificateStatus.REVOKED, revoked_at=since, reason=reason)
            return replace(changed, revocation_requested_at=None, revocation_problem=None)
        case CertificateKeyImported():
            return replace(version, key_is_here=True)
        case CertificateReleased():
            return replace(version, status=CertificateStatus.ISSUED, revoked_at=None, reason=None)
        case RevocationRequested(revoked_at=since):
            return replace(version, revocation_requested_at=since, revocation_problem=None)
        case RevocationRefused(problem=problem):
            return replace(version, revocation_requested_at=None, revocation_problem=problem)


def _with_plan(row: Row, event: SupersessionEvent) -> Row:
    """Return the row after what is planned for a version that it knows changed."""
    version = next((v for v in (_facts(row), *row.other_versions) if v.version == event.version), None)
    if version is None:
        return row
    changed = replace(version, revocation_due_at=None, held_up_by=())
    match event:
        case SupersessionPlanned(due_at=due_at):
            changed = replace(changed, revocation_due_at=due_at)
        case SupersessionHeldUp(services=services, due_at=due_at):
            changed = replace(version, revocation_due_at=due_at, held_up_by=services)
        case SupersessionEnded():
            pass
    return _shown(row, changed) if changed.version == row.version else _with_other(row, changed)


def _with_other(row: Row, changed: Version) -> Row:
    others = (changed if other.version == changed.version else other for other in row.other_versions)
    return replace(row, other_versions=tuple(others))


def _with_version(
    row: Row, event: CertificateIssued | SigningFailed | CertificateRolledBack, happened: Happened
) -> Row:
    """Return the row after something happened to a version that it knows."""
    version = next((v for v in (_facts(row), *row.other_versions) if v.version == event.version), None)
    if version is None:
        return row
    match event:
        case CertificateIssued(certificate=certificate):
            issued = replace(
                version,
                status=CertificateStatus.ISSUED,
                issued_at=happened.time,
                fingerprint=hashlib.sha256(certificate).hexdigest(),
            )
            return _current(row, issued)
        case CertificateRolledBack():
            return _current(row, version)
        case SigningFailed(reason=reason):
            failed = replace(version, status=CertificateStatus.FAILED, failure=reason)
            return _shown(row, failed) if row.version == failed.version else _with_other(row, failed)


def _current(row: Row, version: Version) -> Row:
    """Return the row with another current version; the one before it goes to the others."""
    before = () if version.version == row.version else (_facts(row),)
    others = (*(v for v in row.other_versions if v.version != version.version), *before)
    shown = _shown(row, version)
    return replace(
        shown, current_version=version.version, other_versions=tuple(sorted(others, key=lambda v: v.version))
    )


def _shown(row: Row, version: Version) -> Row:
    return replace(row, **asdict(version))


def _facts(row: Row) -> Version:
    return Version(*(getattr(row, field) for field in Version.__struct_fields__))


def _aliases(before: tuple[str, ...], event: CertificateRenamed) -> tuple[str, ...]:
    kept = before if event.former_name_released else (*before, event.former_name)
    return tuple(dict.fromkeys(name for name in kept if name != event.name))


def _version(event: CertificatePrepared, happened: Happened) -> Version:
    return Version(
        version=event.version,
        status=CertificateStatus.PREPARED,
        authority_id=event.issuer_id,
        profile=event.profile,
        profile_version=event.profile_version,
        subject=shown_subject(event.subject),
        subject_alt_names=event.subject_alt_names,
        security_identifier=event.security_identifier,
        key_type=event.key_type.value,
        key_algorithm=event.key_type.algorithm,
        security_bits=event.key_type.security_bits,
        public_key_hash=event.public_key_hash,
        key_is_here=event.key_id is not None,
        serial_number=event.serial_number,
        not_before=event.not_before,
        not_after=event.not_after,
        requested_by=happened.actor,
        requested_at=happened.time,
        findings=of_prepared(event),
    )


def _imported(event: CertificateImported, happened: Happened) -> Version:
    return Version(
        version=event.version,
        status=CertificateStatus.ISSUED,
        authority_id=event.issuer_id,
        profile=event.profile,
        profile_version=0,
        subject=event.subject,
        subject_alt_names=event.subject_alt_names,
        security_identifier="",
        key_type=event.key.name,
        key_algorithm=event.key.algorithm,
        security_bits=event.key.security_bits,
        public_key_hash=event.public_key_hash,
        key_is_here=event.key_id is not None,
        serial_number=event.serial_number,
        not_before=event.not_before,
        not_after=event.not_after,
        requested_by=happened.actor,
        requested_at=happened.time,
        issued_at=None,
        fingerprint=hashlib.sha256(event.certificate).hexdigest(),
        imported="yes",
        order_id=event.order_id or None,
        issuer=event.issuer,
        other_names=event.other_names,
        findings=of_imported(event),
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        CertificatePrepared,
        CertificateIssued,
        SigningFailed,
        CertificateImported,
        CertificateKeyImported,
        CertificateRolledBack,
        CertificateRenamed,
        CertificateLabelled,
        OwnerAssigned,
        CertificateDeleted,
        CertificateHeld,
        CertificateReleased,
        CertificateRevoked,
        SupersessionPlanned,
        SupersessionHeldUp,
        SupersessionEnded,
        RevocationRequested,
        RevocationRefused,
    ),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=(
        "name",
        "status",
        "reason",
        "authority_id",
        "profile",
        "key_type",
        "key_algorithm",
        "security_bits",
        "public_key_hash",
        "serial_number",
        "fingerprint",
        "owner",
        "labels",
        "imported",
        "findings",
    ),
    lookups=("name", "public_key_hash", "serial_number", "fingerprint"),
    members=("labels", "findings"),
    moments=("not_before", "not_after"),
)
