"""What is known of a certificate's revocation."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from es_pki.adapters.validation.findings import Rule

Reason = tuple[Rule[Any], str]
"""The rule that a CRL or OCSP response breaks, and what is wrong with it."""


class Status(StrEnum):
    """Whether a certificate is revoked, as far as is known."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Known(Struct, frozen=True):
    """What is known of a certificate; of a revoked one since when and why, of an unknown one what was not used."""

    status: Status
    told: str = ""
    unused: tuple[Reason, ...] = ()


class Unusable(Exception):
    """A CRL or OCSP response that says nothing of a certificate; None: it is about others, no reason to complain."""

    def __init__(self, reason: Reason | None) -> None:
        super().__init__()
        self.reason = reason
