"""The inventory: every certificate by its lineage, as its newest version is."""

import hashlib
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.certificate import CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values import KeyAlgorithm, KeyType, Profile, Subject, SubjectAltNames

NAME = "inventory"
VERSION = 2


class CertificateStatus(StrEnum):
    """How far the newest version has come. Expiry is no status: compare `not_after` with the time you ask about."""

    PREPARED = "prepared"
    ISSUED = "issued"
    FAILED = "failed"


class Row(Struct, frozen=True):
    """One lineage. `key_is_here` tells whether the private key is kept; `fingerprint` is the SHA-256 in hex.

    `security_bits` is the key's strength; `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex.
    """

    id: str
    name: str
    version: int
    status: CertificateStatus
    authority_id: str | None
    profile: Profile
    subject: Subject
    subject_alt_names: SubjectAltNames
    key_type: KeyType
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


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the lineage's row after an event."""
    match happened.event:
        case CertificatePrepared() as event:
            return _prepared(event, happened)
        case CertificateIssued(certificate=certificate) if row is not None:
            return replace(
                row,
                status=CertificateStatus.ISSUED,
                issued_at=happened.time,
                fingerprint=hashlib.sha256(certificate).hexdigest(),
            )
        case SigningFailed(reason=reason) if row is not None:
            return replace(row, status=CertificateStatus.FAILED, failure=reason)
        case _:
            return row


def _prepared(event: CertificatePrepared, happened: Happened) -> Row:
    return Row(
        id=happened.id,
        name=event.name,
        version=event.version,
        status=CertificateStatus.PREPARED,
        authority_id=event.issuer_id,
        profile=event.profile,
        subject=event.subject,
        subject_alt_names=event.subject_alt_names,
        key_type=event.key_type,
        key_algorithm=event.key_type.algorithm,
        security_bits=event.key_type.security_bits,
        public_key_hash=event.public_key_hash,
        key_is_here=event.key_id is not None,
        serial_number=event.serial_number,
        not_before=event.not_before,
        not_after=event.not_after,
        requested_by=happened.actor,
        requested_at=happened.time,
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(CertificatePrepared, CertificateIssued, SigningFailed),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=(
        "name",
        "status",
        "authority_id",
        "profile",
        "key_type",
        "key_algorithm",
        "security_bits",
        "public_key_hash",
        "serial_number",
        "fingerprint",
    ),
    lookups=("name", "public_key_hash", "serial_number", "fingerprint"),
)
