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


class RevokeToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Lock a principal out: its token opens nothing any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    principal: str
    reason: str = ""


PrincipalRequest = CreateToken | RevokeToken
