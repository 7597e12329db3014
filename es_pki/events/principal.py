"""What happens to a principal: somebody or something that sends commands. Stream `principal-<id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import Role


class TokenCreated(Struct, frozen=True, omit_defaults=True):
    """A principal was given a bearer token; only the token's SHA-256 is known here. `expires` is None for never."""

    name: str
    roles: tuple[Role, ...]
    token_digest: bytes
    expires: datetime | None
    request_digest: bytes


class TokenRevoked(Struct, frozen=True, omit_defaults=True):
    """The principal's token no longer opens anything."""

    reason: str


PrincipalEvent = TokenCreated | TokenRevoked
