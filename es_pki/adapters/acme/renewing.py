"""One attempt to renew: sent as a command under a key of its own, so that the same attempt is the same order.

What became of an attempt is read from its order. Nothing is remembered here.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct

from es_pki.adapters.entropy import fraction
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, ACME_RENEWAL
from es_pki.adapters.intake.requests import RenewACME
from es_pki.adapters.signing import ACTOR
from es_pki.commands.acme_account import is_open
from es_pki.commands.acme_order import ACMEOrderUnderWay, placed
from es_pki.commands.acme_problems import is_lasting, is_of_directory
from es_pki.commands.acme_renewal import (
    ACMERenewalCommand,
    RecordACMERenewalFailure,
    RecordACMERenewalMissed,
    State,
    last_moment,
)
from es_pki.commands.acme_steps import State as OrderState
from es_pki.decider import Refused
from es_pki.projections.inventory import Row
from es_pki.values import Role
from es_pki.values.acme import ACME_REFUSED_HERE, ACMEProblem

LOG = logging.getLogger("es_pki.acme")

TOLERATED = 6
"""How often an order is hindered, within about half an hour, before that is told as a renewal that failed."""

ITSELF = Caller(ACTOR, frozenset(Role))


class Begin(Struct, frozen=True):
    """An order is to be placed, with this Idempotency-Key."""

    request: RenewACME
    key: str


class Wait(Struct, frozen=True):
    """An order is under way, or did what it should."""


class Passed(Struct, frozen=True):
    """An order did what it should."""


class Failed(Struct, frozen=True):
    """The attempt came to nothing."""

    problem: ACMEProblem


class Renewing:
    """Makes attempts and records what they fail for. `take` is the desk's door."""

    def __init__(
        self,
        aggregates: Aggregates,
        take: Callable[[RenewACME, Asked], Awaitable[Answer]],
        now: Callable[[], datetime],
    ) -> None:
        self._aggregates = aggregates
        self._take = take
        self._now = now

    def is_due(self, row: Row, state: State) -> bool:
        """Tell whether the moment has come to attempt it, for the first time or again."""
        plan, failure, now = state.plan, state.failure, self._now()
        if plan is None or plan.version != row.version or plan.at > now:
            return False
        if failure is None or failure.version != row.version:
            return True
        return failure.next_attempt is not None and failure.next_attempt <= now

    async def next(self, row: Row, state: State) -> Begin | Wait | Failed:
        """Return what an attempt that is due needs next: after a failure a rehearsal, with an account for that."""
        under_way = await self._under_way(row)
        if under_way is not None:
            trouble = under_way.trouble if under_way.hindered >= TOLERATED else None
            return Wait() if trouble is None else Failed(trouble.problem)
        number = _attempt(state, row)
        which = f"{row.id}, version {row.version} of {row.versions}, attempt {number}"
        if number > 1 and await self._has_test_account(row):
            step = await self._standing(RenewACME(row.id, rehearse=True), f"rehearsal of the renewal of {which}")
            # A directory for tests that is away says nothing about the other.
            is_silent = isinstance(step, Failed) and is_of_directory(step.problem)
            if not isinstance(step, Passed) and not is_silent:
                return step
        step = await self._standing(RenewACME(row.id), f"renewal of {which}")
        return Wait() if isinstance(step, Passed) else step

    async def _under_way(self, row: Row) -> OrderState | None:
        """Return the order that is under way for a certificate, whoever placed it, None without one."""
        order_id = await self._aggregates.owner(f"acme_order_for-{row.id}")
        return None if order_id is None else (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state

    async def _standing(self, request: RenewACME, key: str) -> "Begin | Wait | Failed | Passed":
        """Return how an order of an attempt stands."""
        order = (await self._aggregates.load(ACME_ORDER, self._asked(key).new_id(), afresh=True)).state
        if order.placed is None:
            return Begin(request, key)
        if order.failure is not None:
            return Failed(order.failure)
        return Passed() if order.is_over else Wait()

    async def _has_test_account(self, row: Row) -> bool:
        """Tell whether the account that orders names another for tests, which is open."""
        order = placed((await self._aggregates.load(ACME_ORDER, row.order_id or "")).state)
        test_account_id = (await self._aggregates.load(ACME_ACCOUNT, order.account_id)).state.test_account_id
        return bool(test_account_id) and is_open((await self._aggregates.load(ACME_ACCOUNT, test_account_id)).state)

    async def attempt(self, row: Row, state: State) -> None:
        """Go through with an attempt, as far as it goes for now."""
        step = await self.next(row, state)
        while isinstance(step, Begin):
            try:
                await self._take(step.request, self._asked(step.key))
            except ACMEOrderUnderWay:
                return
            except Refused as refused:
                step = Failed(ACMEProblem(ACME_REFUSED_HERE, refused.detail))
            else:
                step = await self.next(row, state)
        if isinstance(step, Failed):
            await self.fail(row, state, step.problem)

    async def fail(self, row: Row, state: State, problem: ACMEProblem) -> None:
        """Record what an attempt failed for, and when the next is made."""
        attempt = _attempt(state, row)
        command = RecordACMERenewalFailure(
            version=row.version,
            attempt=attempt,
            problem=problem,
            is_lasting=is_lasting(problem),
            not_after=row.not_after,
            fraction=fraction(),
            now=self._now(),
        )
        await self._record(row, command)
        LOG.warning("a renewal failed", extra={"fields": {"certificate": row.id, "attempt": attempt}})

    async def notice_end(self, row: Row, state: State) -> None:
        """Record that a version ends now and nothing came in its place."""
        is_over = last_moment(row.not_before, row.not_after) <= self._now()
        if is_over and (state.missed is None or state.missed.version != row.version):
            await self._record(row, RecordACMERenewalMissed(row.version, row.not_after))
            LOG.error("a certificate ends and was not renewed", extra={"fields": {"certificate": row.id}})

    def _asked(self, key: str) -> Asked:
        return Asked(ITSELF, self._now(), key)

    async def _record(self, row: Row, command: ACMERenewalCommand) -> None:
        async def ask() -> ACMERenewalCommand:
            return command

        await self._aggregates.handle(ACME_RENEWAL, row.id, ask, actor=ACTOR)


def _attempt(state: State, row: Row) -> int:
    """Return the number of the next attempt to replace a version."""
    failure = state.failure
    return 1 if failure is None or failure.version != row.version else failure.attempt + 1
