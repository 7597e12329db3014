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


class ClientAdmitted(Struct, frozen=True, omit_defaults=True):
    """A principal was let in by its certificate, which it shows when a connection begins, instead of a token.

    Either every version of our lineage `certificate_id` opens, while it holds, or the one certificate whose SHA-256
    (hex) is `fingerprint`; the other one is "".
    """

    name: str
    roles: tuple[Role, ...]
    request_digest: bytes
    certificate_id: str = ""
    fingerprint: str = ""


class TokenRevoked(Struct, frozen=True, omit_defaults=True):
    """The principal's token, or certificate, no longer opens anything.

    `released` is what the certificate was known by, which others may be admitted with now; "" for a token.
    """

    reason: str
    released: str = ""


PrincipalEvent = TokenCreated | ClientAdmitted | TokenRevoked
