"""What is known of a certificate's revocation."""

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """Whether a certificate is revoked, as far as is known."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Known(Struct, frozen=True):
    """What is known of a certificate; `why` says what was not used, and what a revocation's reason is."""

    status: Status
    why: tuple[str, ...] = ()
