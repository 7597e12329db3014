"""What is trusted: every certificate of every trust store, with why and since when it no longer is."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted
from es_pki.projections.view import View

NAME = "trust"
VERSION = 1


class TrustStatus(StrEnum):
    """Whether chains may end at a certificate: `limited` is for those issued until `issued_after`."""

    TRUSTED = "trusted"
    LIMITED = "limited"
    DISTRUSTED = "distrusted"


class Row(Struct, frozen=True):
    """A certificate in a store. `fingerprint` and `public_key_hash` are SHA-256 in hex, `subject_name` as in RFC 4514.

    `authority_id`: which of our own authorities it is the certificate of, "" for none.
    """

    trust_store_id: str
    fingerprint: str
    subject_name: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    public_key_hash: str
    authority_id: str
    certificate: bytes
    status: TrustStatus
    trusted: datetime
    distrusted: datetime | None = None
    issued_after: datetime | None = None
    reason: str = ""


def key(happened: Happened) -> str:
    """Key rows by the store and the certificate's fingerprint."""
    match happened.event:
        case CertificateTrusted(anchor=anchor):
            return f"{happened.id}/{anchor.fingerprint}"
        case CertificateDistrusted(fingerprint=fingerprint):
            return f"{happened.id}/{fingerprint}"
        case _:
            return happened.id


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the certificate's row after an event."""
    match happened.event:
        case CertificateTrusted(anchor=anchor):
            return Row(
                trust_store_id=happened.id,
                fingerprint=anchor.fingerprint,
                subject_name=anchor.subject_name,
                serial_number=anchor.serial_number,
                not_before=anchor.not_before,
                not_after=anchor.not_after,
                public_key_hash=anchor.public_key_hash,
                authority_id=anchor.authority_id,
                certificate=anchor.certificate,
                status=TrustStatus.TRUSTED,
                trusted=happened.time,
            )
        case CertificateDistrusted() as event if row is not None:
            return replace(
                row,
                status=TrustStatus.DISTRUSTED if event.issued_after is None else TrustStatus.LIMITED,
                distrusted=happened.time,
                issued_after=event.issued_after,
                reason=event.reason,
            )
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(CertificateTrusted, CertificateDistrusted),
    key=key,
    evolve=evolve,
    order_by="subject_name",
    filters=("trust_store_id", "status", "fingerprint", "public_key_hash"),
    lookups=("trust_store_id", "fingerprint", "public_key_hash"),
)
