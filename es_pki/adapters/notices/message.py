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
    """A channel didn't take a message. The reason names no secret, and is one line whatever the channel said.

    `in_doubt`: it may have taken it all the same, and trying again could tell somebody twice.
    """

    def __init__(self, reason: str, *, in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.reason = one_line(reason)
        self.in_doubt = in_doubt


def one_line(text: str) -> str:
    """Return what others said in one line, with its control characters escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
