"""The sender: tells a channel of an occasion once, and records what became of it.

An attempt is recorded before anything is sent, in the notice's own stream: of two processes one begins it. If the one
that sends is killed, nobody knows whether the channel took the message. Then mail isn't tried again, since nobody
should be told twice; a webhook is, since its receiver knows the notice by its id. The same holds of a connection that
breaks while a channel takes a message.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from es_pki.adapters.entropy import derived_uuid
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import NOTICE
from es_pki.adapters.notices.courier import Courier
from es_pki.adapters.notices.message import Message, Undelivered
from es_pki.commands.notice import BeginNotice, NoticeCommand, RecordNotice
from es_pki.decider import Refused
from es_pki.events.notice import NoticeBegun, NoticeFailed
from es_pki.values.notices import NoticeKind, Occasion

LOG = logging.getLogger("es_pki.notices")


class Receiver(NamedTuple):
    """A channel, by id and name."""

    id: str
    name: str


class Sender:
    """Sends notices, each once."""

    def __init__(self, aggregates: Aggregates, courier: Courier, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._courier = courier
        self._now = now

    async def tell(self, notice_id: str, receiver: Receiver, occasion: Occasion, *, actor: str) -> bool:
        """Send a notice, unless that was done, isn't due again, or is another's; False when it wasn't taken."""

        async def begin() -> NoticeCommand:
            return BeginNotice(receiver.id, receiver.name, occasion, self._now())

        begun = await self._aggregates.handle(NOTICE, notice_id, begin, actor=actor)
        for event in begun.events:
            if isinstance(event, NoticeBegun):
                return await self._attempt(notice_id, event, actor=actor)
        return True

    async def record(self, notice_id: str, command: RecordNotice, *, actor: str) -> None:
        """Record what became of an attempt."""

        async def record() -> NoticeCommand:
            return command

        handled = await self._aggregates.handle(NOTICE, notice_id, record, actor=actor)
        for event in handled.events:
            told = {"notice": notice_id, "attempt": command.attempt}
            if isinstance(event, NoticeFailed):
                LOG.warning("a notice failed", extra={"fields": {**told, "because": event.reason}})
            else:
                LOG.info("a notice was sent", extra={"fields": told})

    async def _attempt(self, notice_id: str, begun: NoticeBegun, *, actor: str) -> bool:
        problem, detail, is_final = None, "", begun.occasion.kind is NoticeKind.TEST
        try:
            message = Message(notice_id, begun.occasion, self._now())
            detail = await self._courier.deliver(begun.channel_id, message)
        except Undelivered as undelivered:
            problem, is_final = undelivered.reason, is_final or undelivered.in_doubt
        except Refused as refused:  # the channel was removed meanwhile
            problem, is_final = refused.detail, True
        command = RecordNotice(begun.attempt, problem, self._now(), detail, is_final)
        await self.record(notice_id, command, actor=actor)
        return problem is None


def id_of(channel_id: str, occasion: Occasion) -> str:
    """Return the id of the notice of an occasion to a channel: however often that is asked, the same."""
    about = (occasion.kind, occasion.detail, occasion.subject_id, str(occasion.version), occasion.service_id)
    return derived_uuid("/".join(about), channel_id)
