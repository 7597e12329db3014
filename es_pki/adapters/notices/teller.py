"""The teller: looks what is due, and has each channel told, by a task of its own: one that hangs holds up no other."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import NOTICE
from es_pki.adapters.notices.facts import facts
from es_pki.adapters.notices.sender import Receiver, Sender, id_of
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.views import ROWS_AT_ONCE, Query, ViewStore, every_row
from es_pki.commands.notice import RecordNotice, is_settled, may_begin
from es_pki.commands.notices_due import due
from es_pki.projections import notice_channels, notices
from es_pki.projections.notices import NoticeStatus
from es_pki.values.notices import Occasion, Webhook
from eventlog import Conflict

LOG = logging.getLogger("es_pki.notices")

FORSAKEN = timedelta(minutes=5)
"""An attempt that is under way for longer is nobody's any more: every way to send has a deadline well below."""

MOST_REMEMBERED = 100_000


class Teller:
    """Looks what is due. All that it remembers is which notices are settled, to look them up only once."""

    def __init__(self, aggregates: Aggregates, views: ViewStore, sender: Sender, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._views = views
        self._sender = sender
        self._now = now
        self._settled: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Begin to tell every channel what is due, unless it is being told."""
        channels = [row async for row in every_row(self._views, notice_channels.view)]
        await self._end_what_was_forsaken(channels)
        if not channels:
            return
        if len(self._settled) > MOST_REMEMBERED:
            self._settled.clear()
        now = self._now()
        occasions = list(due(await facts(self._views, now), now))
        for channel in channels:
            if channel.id not in self._running:
                self._begin(channel, occasions)

    async def settle(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Leave what was begun where it is."""
        for task in list(self._running.values()):
            task.cancel()
        await self.settle()

    def _begin(self, channel: notice_channels.Row, occasions: Sequence[Occasion]) -> None:
        task = asyncio.create_task(self._look_after(channel, occasions))
        self._running[channel.id] = task
        task.add_done_callback(lambda _: self._running.pop(channel.id, None))

    async def _look_after(self, channel: notice_channels.Row, occasions: Sequence[Occasion]) -> None:
        """Tell one channel until it fails, then leave it alone; whatever goes wrong with it concerns no other."""
        try:
            for occasion in occasions:
                is_wanted = not channel.about or occasion.kind in channel.about
                if is_wanted and not await self._is_taken(channel, occasion):
                    return
        except Conflict:
            LOG.info("another process tells the channel", extra={"fields": {"channel": channel.id}})
        except Exception:
            LOG.exception("a channel can't be told", extra={"fields": {"channel": channel.id}})

    async def _is_taken(self, channel: notice_channels.Row, occasion: Occasion) -> bool:
        """Tell the channel if that is due; False when it doesn't take it."""
        notice_id = id_of(channel.id, occasion)
        if notice_id in self._settled:
            return True
        state = (await self._aggregates.load(NOTICE, notice_id)).state
        if is_settled(state):
            self._settled.add(notice_id)
        if not may_begin(state, self._now()):
            return True
        return await self._sender.tell(notice_id, Receiver(channel.id, channel.name), occasion, actor=ACTOR)

    async def _end_what_was_forsaken(self, channels: Sequence[notice_channels.Row]) -> None:
        """Record of attempts whose process didn't live to their end that nobody knows how they ended."""
        webhooks = {channel.id for channel in channels if isinstance(channel.settings, Webhook)}
        query = Query(filters={"status": NoticeStatus.SENDING.value}, limit=ROWS_AT_ONCE)
        async for row in every_row(self._views, notices.view, query):
            if abs(self._now() - row.begun_at) >= FORSAKEN:
                problem = "es-pki was stopped while it was sent: nobody knows whether it was taken"
                is_final = row.channel_id not in webhooks
                ended = RecordNotice(row.attempt, problem, self._now(), is_final=is_final)
                await self._sender.record(row.id, ended, actor=ACTOR)
