"""What uses which public key: every authority, every version of every certificate, and every CSR that is kept.

Those replaced since are there, too; a CSR that was rejected, or that a certificate here came of, is not.
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
    CertificateImported,
    CertificateIssued,
    CertificatePrepared,
    CertificateRevoked,
    SigningFailed,
)
from es_pki.events.happened import Happened
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.projections.view import View
from es_pki.values import public_key_hash

NAME = "key_uses"
VERSION = 4


class Kind(StrEnum):
    """What uses the key."""

    AUTHORITY = "authority"
    CERTIFICATE = "certificate"
    SIGNING_REQUEST = "signing_request"


class Row(Struct, frozen=True):
    """One use. `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex; `signed` is "no" until it is.

    `revoked` is "yes" once nobody accepts it any more. A CSR has neither serial number ("") nor end (None).
    """

    id: str
    kind: Kind
    name: str
    version: int
    public_key_hash: str
    key_type: str
    serial_number: str
    not_after: datetime | None
    signed: str = "no"
    revoked: str = "no"


def key(happened: Happened) -> str:
    """Key uses by what uses the key: each version of a certificate has its own."""
    match happened.event:
        case (
            CertificatePrepared(version=version)
            | CertificateIssued(version=version)
            | SigningFailed(version=version)
            | CertificateRevoked(version=version)
            | CertificateImported(version=version)
        ):
            return f"{happened.id}/{version}"
        case _:
            return f"{happened.id}/1"


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the use after an event; what was never signed is none."""
    match happened.event:
        case CertificatePrepared() as event:
            return Row(
                id=happened.id,
                kind=Kind.CERTIFICATE,
                name=event.name,
                version=event.version,
                public_key_hash=event.public_key_hash,
                key_type=event.key_type.value,
                serial_number=event.serial_number,
                not_after=event.not_after,
            )
        case CertificateImported() as imported:
            return Row(
                id=happened.id,
                kind=Kind.CERTIFICATE,
                name=imported.name,
                version=imported.version,
                public_key_hash=imported.public_key_hash,
                key_type=imported.key.name,
                serial_number=imported.serial_number,
                not_after=imported.not_after,
                signed="yes",
            )
        case AuthorityPrepared() | AuthorityImported() as authority:
            is_imported = isinstance(authority, AuthorityImported)
            return Row(
                id=happened.id,
                kind=Kind.AUTHORITY,
                name=authority.name,
                version=1,
                public_key_hash=public_key_hash(authority.public_key),
                key_type=authority.key.name if isinstance(authority, AuthorityImported) else authority.key_type.value,
                serial_number=authority.serial_number,
                not_after=authority.not_after,
                signed="yes" if is_imported else "no",
            )
        case CertificateIssued() | AuthorityCreated() if row is not None:
            return replace(row, signed="yes")
        case CertificateRevoked() | AuthorityRevoked() if row is not None:
            return replace(row, revoked="yes")
        case SigningFailed() | AuthoritySigningFailed():
            return None
        case _:
            return _of_signing_request(row, happened)


def _of_signing_request(row: Row | None, happened: Happened) -> Row | None:
    match happened.event:
        case SigningRequestCreated() | SigningRequestImported() as csr:
            return Row(
                id=happened.id,
                kind=Kind.SIGNING_REQUEST,
                name=csr.name,
                version=1,
                public_key_hash=csr.public_key_hash,
                key_type=csr.key_type.value,
                serial_number="",
                not_after=None,
            )
        case SigningRequestSigned() if row is not None:
            return replace(row, signed="yes")
        case SigningRequestApproved() | SigningRequestRejected():
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
        AuthorityImported,
        CertificatePrepared,
        CertificateIssued,
        SigningFailed,
        CertificateImported,
        CertificateRevoked,
        AuthorityRevoked,
        SigningRequestCreated,
        SigningRequestImported,
        SigningRequestApproved,
        SigningRequestSigned,
        SigningRequestRejected,
    ),
    key=key,
    evolve=evolve,
    order_by="name",
    filters=("public_key_hash", "kind", "name", "signed", "revoked"),
    lookups=("public_key_hash", "name"),
)
