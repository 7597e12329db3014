"""What may be asked about those who are let in."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, Moment
from es_pki.values import Role


class CreateToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a new principal in with a bearer token. The answer shows the token once; it is kept nowhere."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    roles: tuple[Role, ...]
    expires: Moment | None = None


class AdmitClient(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a new principal in by a certificate, where the setting `client_trust_store` asks clients for theirs.

    `certificate` is one of ours, by name: its versions open while they hold, so renewals keep what they opened. Of a
    foreign one give the SHA-256 (`fingerprint`, in hex). A token that is sent along decides instead.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    roles: tuple[Role, ...]
    certificate: str = ""
    fingerprint: str = ""


class RevokeToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Lock a principal out: its token or certificate opens nothing any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    principal: str
    reason: str = ""


PrincipalRequest = CreateToken | AdmitClient | RevokeToken
