"""Brings orders to their ends, one step after the other, each recorded before the next begins.

The request that placed an order comes here at once and waits for a while; after a crash, or when something hindered it,
the reactions do. Within a process everybody who comes for an order waits for the same work.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from es_pki.adapters.acme.attempt import Attempt, Delivered
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.pacing import jittered
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.solver import Solver, not_set_up
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER
from es_pki.adapters.postponed import Postponed
from es_pki.adapters.signing import ACTOR
from es_pki.commands.acme_account import ACMEAccountUnusable, is_open, usable
from es_pki.commands.acme_order import ACMEOrderShared, placed
from es_pki.commands.acme_problems import is_of_directory
from es_pki.commands.acme_steps import RecordACMEHindrance, RecordACMEOrderFailure, RecordACMEOrderMove, State
from es_pki.decider import Refused
from es_pki.values.acme import ACME_GIVEN_UP, ACME_REFUSED_HERE, ACMEProblem, ChallengeType

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)

PATIENCE_FINALIZED = 3
"""How often a directory that has the CSR may hinder an order before it goes on with another account."""

MOST_HINDRANCES = 40
"""How often in a row an order may be hindered before it fails: about a week, as long as directories keep orders."""

SHARED = "urn:es-pki:acme:shared"


class Orders:
    """The orders under way. `deliver` makes an order's certificate the next version of its lineage."""

    def __init__(
        self,
        aggregates: Aggregates,
        directories: Directories,
        solvers: tuple[Solver, ...],
        deliver: Delivered,
        now: Callable[[], datetime],
    ) -> None:
        self._aggregates = aggregates
        self._directories = directories
        self._solvers: dict[ChallengeType, Solver] = {solver.type: solver for solver in solvers}
        self._deliver = deliver
        self._now = now
        self._running: dict[str, asyncio.Task[State]] = {}

    def check(self, challenge: ChallengeType) -> None:
        """Require that names can be proved this way. Raises `ChallengeNotSetUp`."""
        if challenge not in self._solvers:
            raise not_set_up(challenge)

    async def close(self) -> None:
        """Leave what is under way where it is: every step that was done is recorded."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def advance(self, order_id: str, *, actor: str = ACTOR, is_new: bool = False) -> State:
        """Bring an order to its end; return its state. `is_new`: no directory can have heard of it.

        Raises `Postponed` while something hinders it, and what the stores raise.
        """
        task = self._running.get(order_id)
        if task is None:
            task = asyncio.create_task(self._advanced(order_id, actor, is_new=is_new))
            self._running[order_id] = task
            task.add_done_callback(lambda _: self._running.pop(order_id, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Postponed(self._now(), "it was interrupted") from None
            raise

    async def interrupt(self, order_id: str) -> None:
        """Stop what this process does for an order, so that what was decided since is heeded."""
        task = self._running.get(order_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _advanced(self, order_id: str, actor: str, *, is_new: bool) -> State:
        state = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        placed(state)
        while not state.is_over:
            state = await self._attempted(order_id, state, actor, is_new=is_new)
            is_new = False
        return state

    async def _attempted(self, order_id: str, state: State, actor: str, *, is_new: bool) -> State:
        """Go on with an order's present account: to the end, or until it goes on with another."""
        account = await self._aggregates.load(ACME_ACCOUNT, state.account_id, afresh=True)
        attempt = Attempt(
            self._aggregates,
            self._directories.client(state.account_id, account.state),
            self._solvers,
            self._deliver,
            order_id=order_id,
            thumbprint=self._directories.key(state.account_id, account.state.key).thumbprint,
            actor=actor,
        )
        try:
            if state.abandoned is not None:
                return await self._failed(
                    attempt, state, ACMEProblem(ACME_GIVEN_UP, state.abandoned.reason or "it was called off")
                )
            if state.trouble is not None and state.trouble.next_attempt > self._now():
                raise Postponed(state.trouble.next_attempt, state.trouble.problem.detail)
            usable(account.state)
            return await attempt.proceed(state, is_new=is_new)
        except DirectoryFailed as failed:
            return await self._troubled(attempt, await attempt.state(), failed)
        except ACMEAccountUnusable as unusable:
            problem = ACMEProblem(ACME_REFUSED_HERE, unusable.detail)
            return await self._troubled(attempt, state, DirectoryFailed(problem, is_final=True), is_directory=True)
        except ACMEOrderShared as shared:
            raise await self._hindered(attempt, state, ACMEProblem(SHARED, shared.detail), None) from None
        except Refused as refused:
            return await self._failed(attempt, state, ACMEProblem(ACME_REFUSED_HERE, refused.detail))

    async def _troubled(
        self, attempt: Attempt, state: State, failed: DirectoryFailed, *, is_directory: bool = False
    ) -> State:
        """Go on with the next account, end the order, or leave it for later, when it begins with the first again."""
        if is_directory or is_of_directory(failed.problem):
            # A directory that has the CSR makes the certificate: it is given some time for that.
            is_patient = state.is_finalized and not failed.is_final and state.hindered < PATIENCE_FINALIZED
            later = "" if is_patient else await self._next_account(state)
            if later:
                return await self._moved(attempt, state, later, failed.problem)
        is_rehearsal = placed(state).is_rehearsal
        if failed.is_final or is_rehearsal or state.hindered >= MOST_HINDRANCES:
            return await self._failed(attempt, state, failed.problem)
        if state.account_id != state.accounts[0] and not state.is_finalized:
            state = await self._moved(attempt, state, state.accounts[0], failed.problem)
        raise await self._hindered(attempt, state, failed.problem, failed.retry_at) from None

    async def _next_account(self, state: State) -> str:
        """Return the id of the next account that is open, "" for none."""
        for account_id in state.later_accounts:
            if is_open((await self._aggregates.load(ACME_ACCOUNT, account_id, afresh=True)).state):
                return account_id
        return ""

    async def _moved(self, attempt: Attempt, state: State, account_id: str, problem: ACMEProblem) -> State:
        """Clean up and record that the order goes on with another account, or what hinders its clean-up."""
        try:
            await attempt.clean_up()
        except DirectoryFailed as failed:
            raise await self._hindered(attempt, state, failed.problem, failed.retry_at) from None
        return await attempt.record(RecordACMEOrderMove(account_id, problem))

    async def _failed(self, attempt: Attempt, state: State, problem: ACMEProblem) -> State:
        """Clean up and record that the order is over, or what hinders its clean-up."""
        try:
            await attempt.clean_up()
        except DirectoryFailed as failed:
            raise await self._hindered(attempt, state, failed.problem, failed.retry_at) from None
        return await attempt.record(RecordACMEOrderFailure(problem))

    async def _hindered(
        self, attempt: Attempt, state: State, problem: ACMEProblem, retry_at: datetime | None
    ) -> Postponed:
        """Record what hinders the order and when it is tried again: later each time, and not before it is allowed."""
        pause = min(FIRST_PAUSE * 2.0 ** min(state.hindered, 20), LONGEST_PAUSE)
        again = self._now() + timedelta(seconds=round(jittered(pause.total_seconds())))
        if retry_at is not None:
            again = max(again, retry_at)
        again = again.replace(microsecond=0)
        await attempt.record(RecordACMEHindrance(problem, again))
        return Postponed(again, problem.detail)
