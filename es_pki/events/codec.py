"""How events lie on disk: a written-out type name and JSON (RFC 3339 times, base64 bytes).

The names are part of the format. An event class may be renamed or moved; its name here may not.
"""

import msgspec

from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityEvent,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateEvent,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeysDiscarded,
    SigningFailed,
)
from es_pki.events.key_compromise import KeyCompromiseEvent, KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent
from es_pki.events.principal import PrincipalEvent, TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, ReservationEvent, SerialNumberReserved

Event = AuthorityEvent | CertificateEvent | KeyCompromiseEvent | LogKeyEvent | PrincipalEvent | ReservationEvent

EVENT_TYPES: dict[str, type[Event]] = {
    "authority.prepared.v1": AuthorityPrepared,
    "authority.created.v1": AuthorityCreated,
    "authority.signing_failed.v1": AuthoritySigningFailed,
    "authority.issuance_policy_adopted.v1": IssuancePolicyAdopted,
    "certificate.prepared.v1": CertificatePrepared,
    "certificate.issued.v1": CertificateIssued,
    "certificate.signing_failed.v1": SigningFailed,
    "certificate.rolled_back.v1": CertificateRolledBack,
    "certificate.renamed.v1": CertificateRenamed,
    "certificate.labelled.v1": CertificateLabelled,
    "certificate.owner_assigned.v1": OwnerAssigned,
    "certificate.deleted.v1": CertificateDeleted,
    "certificate.private_keys_discarded.v1": PrivateKeysDiscarded,
    "key_compromise.reported.v1": KeyCompromiseReported,
    "log_key.adopted.v1": LogKeyAdopted,
    "principal.token_created.v1": TokenCreated,
    "principal.token_revoked.v1": TokenRevoked,
    "reservation.name_reserved.v1": NameReserved,
    "reservation.name_released.v1": NameReleased,
    "reservation.serial_number_reserved.v1": SerialNumberReserved,
}

TYPE_NAMES: dict[type[Event], str] = {event: name for name, event in EVENT_TYPES.items()}

_ENCODER = msgspec.json.Encoder()
_DECODERS = {name: msgspec.json.Decoder(event) for name, event in EVENT_TYPES.items()}


class UnknownEvent(Exception):
    """A stored type that this release does not know: written by a newer one."""


class UndecodableEvent(Exception):
    """Stored data that is not what its type says: damage, or a broken rule of `events/__init__.py`."""


def encode(event: Event) -> tuple[str, bytes]:
    """Return the event's stored type and data."""
    return TYPE_NAMES[type(event)], _ENCODER.encode(event)


def decode(type_name: str, data: bytes) -> Event:
    """Return the event of a stored type and data. Raises `UnknownEvent` and `UndecodableEvent`."""
    decoder = _DECODERS.get(type_name)
    if decoder is None:
        raise UnknownEvent(type_name)
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UndecodableEvent(f"{type_name}: {error}") from error
