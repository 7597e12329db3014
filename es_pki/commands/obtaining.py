"""Certificates that were ordered from an ACME directory: the next version of their lineage, or its first.

The order said which names and which key; nothing of that is judged again, since nobody could send it back.
"""

import hashlib

from msgspec import Struct

from es_pki.commands.importing import Foreign, ImportCertificate, imported, known_version
from es_pki.commands.lineage import State, check_is_there
from es_pki.decider import Guard
from es_pki.events.certificate import CertificateEvent


class ObtainCertificate(Struct, frozen=True):
    """Keep what an order brought. `order` records with it, at the order's version, that the order is over."""

    name: str
    foreign: Foreign
    key_id: str
    order_id: str
    order: Guard


def obtain(command: ObtainCertificate, state: State) -> list[CertificateEvent]:
    """Decide on the version; nothing when it is one already. Raises `AlreadyDeleted`."""
    if known_version(state, command.foreign.certificate) is not None:
        return []
    check_is_there(state)
    brought = ImportCertificate(
        name=state.name or command.name,
        foreign=command.foreign,
        issuer_id=None,
        key_id=command.key_id,
        request_id=command.order_id,
        request_digest=hashlib.sha256(command.foreign.certificate).digest(),
    )
    return [imported(brought, max(state.versions, default=0) + 1, command.key_id, order_id=command.order_id)]
