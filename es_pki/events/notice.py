"""What happens to a notice: one occasion, told to one channel. Stream `notice-<id>`.

The id follows from the occasion and the channel, so the stream itself says whether it was told already.
"""

from datetime import datetime

from msgspec import Struct

from es_pki.values.notices import Occasion


class NoticeBegun(Struct, frozen=True, omit_defaults=True):
    """The notice is about to be sent for the `attempt`-th time; it is durable before anything is sent."""

    channel_id: str
    channel: str
    occasion: Occasion
    attempt: int = 1


class NoticeSent(Struct, frozen=True, omit_defaults=True):
    """The channel took the notice. `detail` says what it didn't take: recipients that a mail server refused."""

    attempt: int
    detail: str = ""


class NoticeFailed(Struct, frozen=True, omit_defaults=True):
    """The notice was not taken, or nobody knows whether it was. It is not tried again without a `next_attempt`."""

    attempt: int
    reason: str
    next_attempt: datetime | None = None


NoticeEvent = NoticeBegun | NoticeSent | NoticeFailed
