"""The notices: what was told to whom, and what could not be."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.notice import NoticeBegun, NoticeFailed, NoticeSent
from es_pki.projections.view import View, own_id
from es_pki.values.notices import NoticeKind

NAME = "notices"
VERSION = 1


class NoticeStatus(StrEnum):
    """How far a notice has come: what failed is tried again, what was given up is not."""

    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    GIVEN_UP = "given-up"


class Row(Struct, frozen=True):
    """One notice to one channel, that `concerns` a certificate or authority.

    `first_at` is when it was begun first, `begun_at` when the newest `attempt` was, `ended_at` when that ended;
    `problem` is why it failed, `remark` what of it wasn't taken.
    """

    id: str
    channel_id: str
    channel: str
    kind: NoticeKind
    detail: str
    concerns_id: str
    concerns: str
    version: int
    service_id: str
    service: str
    title: str
    text: str
    status: NoticeStatus
    attempt: int
    first_at: datetime
    begun_at: datetime
    ended_at: datetime | None = None
    next_attempt: datetime | None = None
    problem: str = ""
    remark: str = ""


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the notice's row after an event."""
    match happened.event:
        case NoticeBegun() as begun:
            return _begun(row, begun, happened)
        case NoticeSent(detail=remark) if row is not None:
            ended = replace(row, ended_at=happened.time, next_attempt=None, problem="")
            return replace(ended, status=NoticeStatus.SENT, remark=remark)
        case NoticeFailed(reason=problem, next_attempt=again) if row is not None:
            status = NoticeStatus.GIVEN_UP if again is None else NoticeStatus.FAILED
            return replace(row, status=status, ended_at=happened.time, next_attempt=again, problem=problem)
        case _:
            return row


def _begun(row: Row | None, begun: NoticeBegun, happened: Happened) -> Row:
    occasion = begun.occasion
    return Row(
        id=happened.id,
        channel_id=begun.channel_id,
        channel=begun.channel,
        kind=occasion.kind,
        detail=occasion.detail,
        concerns_id=occasion.subject_id,
        concerns=occasion.subject,
        version=occasion.version,
        service_id=occasion.service_id,
        service=occasion.service,
        title=occasion.title,
        text=occasion.text,
        status=NoticeStatus.SENDING,
        attempt=begun.attempt,
        first_at=happened.time if row is None else row.first_at,
        begun_at=happened.time,
        problem="" if row is None else row.problem,
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(NoticeBegun, NoticeSent, NoticeFailed),
    key=own_id,
    evolve=evolve,
    order_by="first_at",
    filters=("channel", "channel_id", "kind", "status", "concerns", "concerns_id", "service"),
    lookups=("concerns_id",),
)
