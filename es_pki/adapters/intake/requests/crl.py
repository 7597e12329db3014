"""What may be asked about revocation lists."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import OPERATORS
from es_pki.values import Role


class IssueCRL(Struct, frozen=True, forbid_unknown_fields=True):
    """Issue an authority's CRLs now, with deltas; after a revocation and before their end they come by themselves.

    The answer comes once they are signed. Their numbers are higher than all before, also after a restore.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    authority: str


CRLRequest = IssueCRL
