"""What happens to an authority's OCSP responder: a key that answers for it. Stream `ocsp_responder-<authority id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import KeyType


class OCSPResponderPrepared(Struct, frozen=True, omit_defaults=True):
    """A responder's certificate was decided on, to the byte; the authority's key has not signed it yet.

    `version` counts the authority's responders from 1, each with a key of its own. `issuer_id` is the authority.
    `serial_number` and `public_key_hash` are hex. `to_be_signed` is the DER TBSCertificate.
    """

    version: int
    issuer_id: str
    key_type: KeyType
    key_id: str
    public_key_hash: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    to_be_signed: bytes


class OCSPResponderCertified(Struct, frozen=True, omit_defaults=True):
    """The prepared certificate was signed: it answers from now on. `certificate` is DER.

    `key_ids` are keys of earlier responders whose certificates had expired: nothing is signed with them any more, and
    they are to be removed from the key store.
    """

    version: int
    certificate: bytes
    key_ids: tuple[str, ...] = ()


class OCSPResponderSigningFailed(Struct, frozen=True, omit_defaults=True):
    """The prepared certificate could not be signed and never will be."""

    version: int
    reason: str


OCSPResponderEvent = OCSPResponderPrepared | OCSPResponderCertified | OCSPResponderSigningFailed
