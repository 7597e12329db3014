"""The authorities: who issues here, under which policy, and until when."""

import hashlib
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityImported,
    AuthorityKeyImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values import (
    CRLReason,
    IssuancePolicy,
    KeyAlgorithm,
    NameConstraints,
    public_key_hash,
)
from es_pki.values.foreign import ForeignSubject, shown_subject

NAME = "authorities"
VERSION = 6


class AuthorityStatus(StrEnum):
    """How far an authority has come."""

    PREPARED = "prepared"
    ACTIVE = "active"
    REVOKED = "revoked"
    FAILED = "failed"


class Row(Struct, frozen=True):
    """One authority. `certificate` is DER, None until signed; `fingerprint` its SHA-256 in hex.

    `security_bits` is the key's strength; `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex.
    `imported` is "yes" for one that was made elsewhere; without its key (`key_is_here`) it signs nothing.
    `profile` is what it was made under, in its `profile_version`.
    """

    id: str
    name: str
    status: AuthorityStatus
    subject: ForeignSubject
    issuer_id: str | None
    key_type: str
    key_algorithm: KeyAlgorithm
    security_bits: int
    public_key_hash: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    path_length: int | None
    name_constraints: NameConstraints
    policy: IssuancePolicy | None = None
    certificate: bytes | None = None
    fingerprint: str | None = None
    failure: str | None = None
    revoked_at: datetime | None = None
    reason: CRLReason | None = None
    imported: str = "no"
    key_is_here: bool = True
    profile: str = ""
    profile_version: int = 0


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the authority's row after an event."""
    match happened.event:
        case AuthorityPrepared() as event:
            return Row(
                id=happened.id,
                name=event.name,
                status=AuthorityStatus.PREPARED,
                subject=shown_subject(event.subject),
                issuer_id=event.issuer_id,
                key_type=event.key_type.value,
                key_algorithm=event.key_type.algorithm,
                security_bits=event.key_type.security_bits,
                public_key_hash=public_key_hash(event.public_key),
                serial_number=event.serial_number,
                not_before=event.not_before,
                not_after=event.not_after,
                path_length=event.path_length,
                name_constraints=event.name_constraints,
                profile=event.profile,
                profile_version=event.profile_version,
            )
        case AuthorityImported() as event:
            return _imported(event, happened)
        case AuthorityKeyImported() if row is not None:
            return replace(row, key_is_here=True)
        case AuthorityCreated(certificate=certificate) if row is not None:
            return replace(
                row,
                status=AuthorityStatus.ACTIVE,
                certificate=certificate,
                fingerprint=hashlib.sha256(certificate).hexdigest(),
            )
        case AuthoritySigningFailed(reason=reason) if row is not None:
            return replace(row, status=AuthorityStatus.FAILED, failure=reason)
        case IssuancePolicyAdopted(policy=policy) if row is not None:
            return replace(row, policy=policy)
        case AuthorityRevoked(revoked_at=since, reason=reason) if row is not None:
            return replace(row, status=AuthorityStatus.REVOKED, revoked_at=since, reason=reason)
        case _:
            return row


def _imported(event: AuthorityImported, happened: Happened) -> Row:
    return Row(
        id=happened.id,
        name=event.name,
        status=AuthorityStatus.ACTIVE,
        subject=event.subject,
        issuer_id=event.issuer_id,
        key_type=event.key.name,
        key_algorithm=event.key.algorithm,
        security_bits=event.key.security_bits,
        public_key_hash=public_key_hash(event.public_key),
        serial_number=event.serial_number,
        not_before=event.not_before,
        not_after=event.not_after,
        path_length=event.path_length,
        name_constraints=event.name_constraints,
        certificate=event.certificate,
        fingerprint=hashlib.sha256(event.certificate).hexdigest(),
        imported="yes",
        key_is_here=event.key_id is not None,
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        AuthorityPrepared,
        AuthorityCreated,
        AuthoritySigningFailed,
        AuthorityImported,
        AuthorityKeyImported,
        IssuancePolicyAdopted,
        AuthorityRevoked,
    ),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=(
        "name",
        "status",
        "issuer_id",
        "key_type",
        "key_algorithm",
        "security_bits",
        "public_key_hash",
        "imported",
    ),
    lookups=("name",),
)
