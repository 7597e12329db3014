"""The signing requests: CSRs that are kept, and what each was answered."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.projections.view import View, own_id
from es_pki.values import KeyType, Subject, SubjectAltNames

NAME = "signing_requests"
VERSION = 2


class Status(StrEnum):
    """What a signing request was answered."""

    OPEN = "open"
    SIGNED = "signed"
    REJECTED = "rejected"


class Row(Struct, frozen=True):
    """One signing request. `key_is_here` tells whether the private key is kept for it; what certifies it has its own.

    `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex; `profile` is None for a CSR from elsewhere;
    `attributes` are the object identifiers of what else it says. Where an authority here signs it, `certificate_id` is
    the certificate's; what an outside one returned are the DER `certificate` and `chain`.
    """

    id: str
    name: str
    status: Status
    subject: Subject
    subject_alt_names: SubjectAltNames
    profile: str | None
    key_type: KeyType
    public_key_hash: str
    key_is_here: bool
    attributes: tuple[str, ...]
    requested_by: str
    requested_at: datetime
    answered_by: str | None = None
    answered_at: datetime | None = None
    reason: str | None = None
    certificate_id: str | None = None
    certificate: bytes | None = None
    chain: tuple[bytes, ...] = ()


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the signing request's row after an event."""
    match happened.event:
        case SigningRequestCreated() as event:
            return _kept(event, happened, profile=event.profile, key_is_here=True)
        case SigningRequestImported() as event:
            return _kept(event, happened, attributes=event.attributes, key_is_here=event.key_id is not None)
        case _ if row is None:
            return None
        case SigningRequestApproved(certificate_id=certificate_id):
            return replace(_answered(row, Status.SIGNED, happened), certificate_id=certificate_id)
        case SigningRequestSigned(certificate=certificate, chain=chain):
            return replace(_answered(row, Status.SIGNED, happened), certificate=certificate, chain=chain)
        case SigningRequestRejected(reason=reason):
            return replace(_answered(row, Status.REJECTED, happened), reason=reason)
        case SigningRequestKeyDiscarded():
            return replace(row, key_is_here=False)
        case _:
            return row


def _kept(
    event: SigningRequestCreated | SigningRequestImported,
    happened: Happened,
    *,
    profile: str | None = None,
    key_is_here: bool = False,
    attributes: tuple[str, ...] = (),
) -> Row:
    return Row(
        id=happened.id,
        name=event.name,
        status=Status.OPEN,
        subject=event.subject,
        subject_alt_names=event.subject_alt_names,
        profile=profile,
        key_type=event.key_type,
        public_key_hash=event.public_key_hash,
        key_is_here=key_is_here,
        attributes=attributes,
        requested_by=happened.actor,
        requested_at=happened.time,
    )


def _answered(row: Row, status: Status, happened: Happened) -> Row:
    return replace(row, status=status, answered_by=happened.actor, answered_at=happened.time)


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        SigningRequestCreated,
        SigningRequestImported,
        SigningRequestApproved,
        SigningRequestSigned,
        SigningRequestRejected,
        SigningRequestKeyDiscarded,
    ),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "status", "key_type", "public_key_hash", "certificate_id"),
    lookups=("name", "public_key_hash", "certificate_id"),
)
