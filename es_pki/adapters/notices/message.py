"""What a channel is given to deliver, and how that fails."""

from datetime import datetime

from msgspec import Struct

from es_pki.values.notices import Occasion


class Message(Struct, frozen=True):
    """A notice on its way: its id is the same at every attempt. `at` is now."""

    id: str
    occasion: Occasion
    at: datetime


class Undelivered(Exception):
    """A channel didn't take a message. The reason names no secret.

    `in_doubt`: it may have taken it all the same, and trying again could tell somebody twice.
    """

    def __init__(self, reason: str, *, in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.in_doubt = in_doubt
