"""The principals: whose token or certificate opens what, until when."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.principal import ClientAdmitted, TokenCreated, TokenRevoked
from es_pki.projections.view import View, own_id
from es_pki.values import Role

NAME = "principals"
VERSION = 2


class Row(Struct, frozen=True):
    """One principal. `token_digest` is the SHA-256 of its token in hex; `expires` None means never.

    Without a token it is known by a certificate of the lineage `certificate_id`, or by that of this `fingerprint`.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    token_digest: str | None
    expires: datetime | None
    created: datetime
    certificate_id: str | None = None
    fingerprint: str | None = None
    revoked: datetime | None = None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the principal's row after an event."""
    match happened.event:
        case TokenCreated() as event:
            return Row(
                id=happened.id,
                name=event.name,
                roles=event.roles,
                token_digest=event.token_digest.hex(),
                expires=event.expires,
                created=happened.time,
            )
        case ClientAdmitted() as event:
            return Row(
                id=happened.id,
                name=event.name,
                roles=event.roles,
                token_digest=None,
                expires=None,
                created=happened.time,
                certificate_id=event.certificate_id or None,
                fingerprint=event.fingerprint or None,
            )
        case TokenRevoked() if row is not None:
            return replace(row, revoked=happened.time)
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(TokenCreated, ClientAdmitted, TokenRevoked),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "token_digest"),
    lookups=("name", "token_digest"),
)
