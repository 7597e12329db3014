"""What may be asked about the log's keys."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS
from es_pki.values import Role


class RotateLogKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a new key sign the log's checkpoints, beside the key before it, which signs as long as this one is newest.

    Whoever trusts the key before finds the new one in the log. `GET /api/v1/log/keys` lists them all.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS


LogKeyRequest = RotateLogKey
