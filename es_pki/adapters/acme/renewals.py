"""Renews what came from ACME directories in time: asks them when, draws a moment, and sends the command when it comes.

Everything that counts is in the log; what is remembered here is only when a directory was asked last. One certificate
that can't be renewed holds up no other: each is looked after by a task of its own, a few at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.pacing import jittered
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.entropy import fraction
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, ACME_RENEWAL, CERTIFICATE
from es_pki.adapters.intake.requests import RenewACME
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.views import ROWS_AT_ONCE, Query, ViewStore, every_row
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_renewal import (
    ACMERenewalCommand,
    PlanACMERenewal,
    RecordACMERenewalFailure,
    State,
    Window,
)
from es_pki.decider import Refused
from es_pki.projections import inventory
from es_pki.projections.inventory import Row
from es_pki.values import Role
from es_pki.values.acme import ACME_REFUSED_HERE, ACMEProblem

LOG = logging.getLogger("es_pki.acme")

AT_ONCE = 4

ASK_AGAIN = timedelta(hours=6)
"""When a directory is asked again about a certificate for which it didn't say when (RFC 9773 section 4.3.2)."""

SOONEST, LATEST = timedelta(minutes=1), timedelta(days=1)

ITSELF = Caller(ACTOR, frozenset(Role))


class Renewals:
    """Looks after all certificates that came from directories. `take` is the desk's door."""

    def __init__(
        self,
        aggregates: Aggregates,
        views: ViewStore,
        directories: Directories,
        take: Callable[[RenewACME, Asked], Awaitable[Answer]],
        now: Callable[[], datetime],
    ) -> None:
        self._aggregates = aggregates
        self._views = views
        self._directories = directories
        self._take = take
        self._now = now
        self._ask_again: dict[tuple[str, int], datetime] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Begin what is due, as much as may go on at once."""
        query = Query({"imported": "yes"}, limit=ROWS_AT_ONCE)
        async for row in every_row(self._views, inventory.view, query):
            if len(self._running) >= AT_ONCE:
                return
            if row.id not in self._running and await self._is_due(row):
                self._begin(row)

    async def settle(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Leave what was begun where it is."""
        for task in list(self._running.values()):
            task.cancel()
        await self.settle()

    async def _is_due(self, row: Row) -> bool:
        if row.order_id is None or row.current_version is None or row.not_after <= self._now():
            return False
        return self._is_to_be_asked_about(row) or self._is_to_be_renewed(row, await self._state(row))

    async def _state(self, row: Row) -> State:
        return (await self._aggregates.load(ACME_RENEWAL, row.id)).state

    def _is_to_be_asked_about(self, row: Row) -> bool:
        return self._ask_again.get((row.id, row.version), self._now()) <= self._now()

    def _is_to_be_renewed(self, row: Row, state: State) -> bool:
        plan, failure, now = state.plan, state.failure, self._now()
        if plan is None or plan.version != row.version or plan.at > now:
            return False
        if failure is None or failure.version != row.version:
            return True
        return failure.next_attempt is not None and failure.next_attempt <= now

    def _begin(self, row: Row) -> None:
        task = asyncio.create_task(self._looked_after(row))
        self._running[row.id] = task
        task.add_done_callback(lambda _: self._running.pop(row.id, None))

    async def _looked_after(self, row: Row) -> None:
        try:
            if self._is_to_be_asked_about(row):
                await self._plan(row)
            state = await self._state(row)
            if self._is_to_be_renewed(row, state):
                await self._renew(row, attempt=_attempt(state, row))
        except Exception:
            LOG.exception("a renewal can't be looked after", extra={"fields": {"certificate": row.id}})
            self._ask_again[row.id, row.version] = self._now() + SOONEST

    async def _plan(self, row: Row) -> None:
        """Ask the directory when the version should be replaced, and draw a moment if that is new."""
        window, explanation, again = await self._suggested(row)
        command = PlanACMERenewal(
            name=row.name,
            version=row.version,
            not_before=row.not_before,
            not_after=row.not_after,
            suggested=window,
            explanation=explanation,
            fraction=fraction(),
            now=self._now(),
        )
        await self._record(row, command)
        self._ask_again = {key: at for key, at in self._ask_again.items() if key[0] != row.id}
        self._ask_again[row.id, row.version] = again

    async def _suggested(self, row: Row) -> tuple[Window | None, str, datetime]:
        """Return the directory's window, why it wants that, and when it is asked again."""
        again = self._now() + timedelta(seconds=jittered(ASK_AGAIN.total_seconds()))
        order = placed((await self._aggregates.load(ACME_ORDER, row.order_id or "")).state)
        account = (await self._aggregates.load(ACME_ACCOUNT, order.account_id)).state
        version = (await self._aggregates.load(CERTIFICATE, row.id)).state.versions.get(row.version)
        identifier = ari_identifier(version.certificate) if version and version.certificate else ""
        if not identifier:
            return None, "", again
        try:
            found = await self._directories.client(order.account_id, account).renewal_info(identifier)
        except DirectoryFailed as failed:
            LOG.info("no renewal information", extra={"fields": {"certificate": row.id, "problem": str(failed)}})
            return None, "", again
        if found is None:
            return None, "", again
        info, reply = found
        if reply.retry_at is not None:
            again = min(max(reply.retry_at, self._now() + SOONEST), self._now() + LATEST)
        suggested = info.suggested_window
        if suggested.end <= suggested.start:  # RFC 9773 section 4.2: as if there were none
            return None, "", again
        return Window(suggested.start, suggested.end), info.explanation, again

    async def _renew(self, row: Row, attempt: int) -> None:
        """Send the command; the same attempt is the same request, however often it is sent."""
        key = f"renewal of {row.id}, version {row.version}, attempt {attempt}"
        is_lasting = False
        try:
            answer = await self._take(RenewACME(row.id), Asked(ITSELF, self._now(), key))
        except Refused as refused:
            problem, is_lasting = ACMEProblem(ACME_REFUSED_HERE, refused.detail), True
        else:
            told = answer.result["problem"]
            if answer.result["status"] != "failed" or not isinstance(told, ACMEProblem):
                return
            problem = told
        command = RecordACMERenewalFailure(
            version=row.version,
            attempt=attempt,
            problem=problem,
            is_lasting=is_lasting,
            not_after=row.not_after,
            fraction=fraction(),
            now=self._now(),
        )
        await self._record(row, command)
        LOG.warning("a renewal failed", extra={"fields": {"certificate": row.id, "attempt": attempt}})

    async def _record(self, row: Row, command: ACMERenewalCommand) -> None:
        async def ask() -> ACMERenewalCommand:
            return command

        await self._aggregates.handle(ACME_RENEWAL, row.id, ask, actor=ACTOR)


def _attempt(state: State, row: Row) -> int:
    """Return the number of the next attempt to replace a version."""
    failure = state.failure
    return 1 if failure is None or failure.version != row.version else failure.attempt + 1
