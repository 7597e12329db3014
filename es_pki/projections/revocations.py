"""The revocations: which certificates and authorities are revoked or held, since when, and why."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.authority import AuthorityRevoked
from es_pki.events.certificate import CertificateHeld, CertificateReleased, CertificateRevoked
from es_pki.events.happened import Happened
from es_pki.projections.view import View
from es_pki.values import CRLReason

NAME = "revocations"
VERSION = 1


class Kind(StrEnum):
    """What is revoked."""

    AUTHORITY = "authority"
    CERTIFICATE = "certificate"


class RevocationStatus(StrEnum):
    """Whether it is for ever."""

    REVOKED = "revoked"
    HELD = "held"


class Row(Struct, frozen=True):
    """One revocation. `authority_id` is the issuer's, "" where an ACME directory revoked what it issued.

    `id` is that of the certificate or authority, which was `name`d so. `revoked_at` is since when it doesn't hold;
    `revoked_by` decided it last. `crl_shard` is the number of the CRL that the certificate names as its own.
    """

    authority_id: str
    serial_number: str
    kind: Kind
    id: str
    name: str
    version: int
    status: RevocationStatus
    reason: CRLReason
    revoked_at: datetime
    not_after: datetime
    revoked_by: str
    invalidity_date: datetime | None = None
    crl_shard: int = 0


def row_key(authority_id: str, serial_number: str) -> str:
    """Return the key of a revocation: what makes a certificate unique (RFC 5280 section 4.1.2.2)."""
    return f"{authority_id}/{serial_number}"


def key(happened: Happened) -> str:
    """Key revocations by issuer and serial number; what a directory revoked, by its own id instead of the issuer's."""
    match happened.event:
        case CertificateRevoked(issuer_id="", serial_number=serial_number):
            return row_key(happened.id, serial_number)
        case CertificateHeld() | CertificateReleased() | CertificateRevoked() | AuthorityRevoked() as event:
            return row_key(event.issuer_id, event.serial_number)
        case _:
            return happened.id


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the revocation after an event; what was released is none."""
    match happened.event:
        case CertificateRevoked() | CertificateHeld() as event:
            return _of_certificate(event, happened)
        case AuthorityRevoked() as event:
            return Row(
                authority_id=event.issuer_id,
                serial_number=event.serial_number,
                kind=Kind.AUTHORITY,
                id=happened.id,
                name=event.name,
                version=1,
                status=RevocationStatus.REVOKED,
                reason=event.reason,
                revoked_at=event.revoked_at,
                not_after=event.not_after,
                revoked_by=happened.actor,
                invalidity_date=event.invalidity_date,
            )
        case CertificateReleased():
            return None
        case _:
            return row


def _of_certificate(event: CertificateRevoked | CertificateHeld, happened: Happened) -> Row:
    row = Row(
        authority_id=event.issuer_id,
        serial_number=event.serial_number,
        kind=Kind.CERTIFICATE,
        id=happened.id,
        name=event.name,
        version=event.version,
        status=RevocationStatus.HELD,
        reason=CRLReason.CERTIFICATE_HOLD,
        revoked_at=event.held_at if isinstance(event, CertificateHeld) else event.revoked_at,
        not_after=event.not_after,
        revoked_by=happened.actor,
        crl_shard=event.crl_shard,
    )
    if isinstance(event, CertificateHeld):
        return row
    return replace(row, status=RevocationStatus.REVOKED, reason=event.reason, invalidity_date=event.invalidity_date)


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(CertificateHeld, CertificateReleased, CertificateRevoked, AuthorityRevoked),
    key=key,
    evolve=evolve,
    order_by="revoked_at",
    filters=("authority_id", "serial_number", "kind", "id", "name", "status", "reason", "revoked_by"),
    lookups=("serial_number", "id", "name"),
)
