"""Renews what came from ACME directories in time: asks them when, draws a moment, and sends the command when it comes.

Everything that counts is in the log. Each certificate is looked after by a task of its own, and each directory has its
own turns: a certificate that can't be renewed, or a directory that hangs, holds up no other.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.renewing import Begin, Failed, Renewing
from es_pki.adapters.acme.suggestions import Suggestions
from es_pki.adapters.acme.turns import Pace, Turns
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Answer, Asked
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, ACME_RENEWAL, CERTIFICATE
from es_pki.adapters.intake.requests import RenewACME
from es_pki.adapters.views import ROWS_AT_ONCE, Query, ViewStore, every_row
from es_pki.commands.acme_account import opened
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_renewal import AFTERLIFE, State, last_resort
from es_pki.projections import inventory
from es_pki.projections.inventory import CertificateStatus, Row

LOG = logging.getLogger("es_pki.acme")

PACE = Pace()


class Renewals:
    """Looks after all certificates that came from directories. `take` is the desk's door."""

    def __init__(
        self,
        aggregates: Aggregates,
        views: ViewStore,
        directories: Directories,
        take: Callable[[RenewACME, Asked], Awaitable[Answer]],
        now: Callable[[], datetime],
        *,
        pace: Pace = PACE,
    ) -> None:
        self._aggregates = aggregates
        self._views = views
        self._now = now
        self._pace = pace
        self._suggestions = Suggestions(aggregates, directories, now)
        self._renewing = Renewing(aggregates, take, now)
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[Due | None]] = {}

    async def look(self) -> None:
        """Begin what is due, as much as may begin now; more of it begins as that comes to its end."""
        waiting: dict[str, list[Due]] = defaultdict(list)
        async for row in every_row(self._views, inventory.view, Query({"imported": "yes"}, limit=ROWS_AT_ONCE)):
            if row.order_id is None or row.id in self._running:
                continue
            try:
                due = await self._due(row)
                if due is not None:
                    waiting[await self._directory(row)].append(due)
            except Exception:
                LOG.exception("a renewal can't be looked after", extra={"fields": {"certificate": row.id}})
        for directory in {*self._lanes, *waiting}:
            lane = self._lanes.setdefault(directory, Lane(Turns(self._pace, self._now())))
            lane.waiting = sorted(waiting[directory], key=lambda due: due.urgency)
            self._fill(lane)

    async def settle(self) -> None:
        """Wait for what was begun, and for what begins after it."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Leave what was begun where it is."""
        for lane in self._lanes.values():
            lane.waiting = []
        for task in list(self._running.values()):
            task.cancel()
        await self.settle()

    async def _due(self, row: Row) -> "Due | None":
        """Return what is to be done about a certificate at its directory; do what needs no directory."""
        if row.current_version != row.version or row.not_after + AFTERLIFE <= self._now():
            return None
        # A view lags: what the log says of the lineage counts.
        if (await self._aggregates.load(CERTIFICATE, row.id)).state.current != row.version:
            return None
        state = await self._state(row)
        if _is_revoked(row) and not (state.plan and state.plan.version == row.version and state.plan.revoked):
            state = await self._suggestions.plan_at_once(row)
        await self._renewing.notice_end(row, state)
        if self._renewing.is_due(row, state):
            step = await self._renewing.next(row, state)
            if isinstance(step, Begin):
                return self._renewal(row, state)
            if isinstance(step, Failed):
                await self._renewing.fail(row, state, step.problem)
        return Due(row, _LEAST, is_renewal=False) if self._suggestions.is_due(row) else None

    def _renewal(self, row: Row, state: State) -> "Due":
        at = state.plan.at if state.plan else row.not_after
        is_late = last_resort(row.not_before, row.not_after) <= self._now()
        return Due(row, (2 if _is_revoked(row) else 1 if is_late else 0, -at.timestamp()), is_renewal=True)

    async def _state(self, row: Row) -> State:
        return (await self._aggregates.load(ACME_RENEWAL, row.id)).state

    async def _attempt(self, row: Row) -> None:
        """Attempt to renew, unless somebody else did while this waited."""
        state = await self._state(row)
        lineage = (await self._aggregates.load(CERTIFICATE, row.id, afresh=True)).state
        if lineage.current == row.version and not lineage.is_deleted and self._renewing.is_due(row, state):
            await self._renewing.attempt(row, state)

    async def _directory(self, row: Row) -> str:
        """Return the address of the directory from which the current version came."""
        order = placed((await self._aggregates.load(ACME_ORDER, row.order_id or "")).state)
        return opened((await self._aggregates.load(ACME_ACCOUNT, order.account_id)).state).prepared.directory

    def _fill(self, lane: "Lane") -> None:
        """Begin what waits at a directory, the most urgent first, as far as there are turns."""
        while lane.waiting and lane.running < self._pace.at_once:
            if lane.waiting[-1].is_renewal and not lane.turns.take(self._now()):
                # Asking takes no turns.
                lane.waiting = [due for due in lane.waiting if not due.is_renewal]
                continue
            self._begin(lane, lane.waiting.pop())

    def _begin(self, lane: "Lane", due: "Due") -> None:
        task = asyncio.create_task(self._looked_after(due))
        self._running[due.row.id] = task
        lane.running += 1

        def ended(task: asyncio.Task["Due | None"]) -> None:
            lane.running -= 1
            del self._running[due.row.id]
            if not task.cancelled() and (further := task.result()) is not None:
                lane.waiting.append(further)
            self._fill(lane)

        task.add_done_callback(ended)

    async def _looked_after(self, due: "Due") -> "Due | None":
        """Do what is due; return what is due after that."""
        row = due.row
        try:
            if due.is_renewal:
                await self._attempt(row)
            elif self._renewing.is_due(row, state := await self._suggestions.ask(row)):
                return self._renewal(row, state)
        except Exception:
            LOG.exception("a renewal can't be looked after", extra={"fields": {"certificate": row.id}})
            self._suggestions.postpone(row)
        return None


class Due(NamedTuple):
    """What is to be done about a certificate: to be renewed, or to ask its directory when it should be."""

    row: Row
    urgency: tuple[float, float]
    is_renewal: bool


_LEAST = (-1.0, 0.0)


class Lane:
    """What goes on at one directory, and what waits there: the last first."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.running = 0
        self.waiting: list[Due] = []


def _is_revoked(row: Row) -> bool:
    return row.status is CertificateStatus.REVOKED or row.revocation_requested_at is not None
