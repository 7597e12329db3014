"""One attempt to bring an order to its end: from where it is, which the directory knows best, to the certificate.

Every step asks the directory how things are before it does anything, and records what was done before the next one.
So an attempt may begin anywhere, and one that was cut short is gone through again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from es_pki.adapters.acme.chain import Chain, chosen
from es_pki.adapters.acme.directory import Client, Placed
from es_pki.adapters.acme.jws import encoded
from es_pki.adapters.acme.messages import Authorization, Challenge, Identifier, Order, OrderStatus
from es_pki.adapters.acme.pacing import polls
from es_pki.adapters.acme.problems import AnswerMalformed, DirectoryFailed, ProblemReported, Trouble, problem_of
from es_pki.adapters.acme.solver import Answer, Solver, not_set_up
from es_pki.adapters.acme.standing import StandingRecord, record_of
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.commands.acme_order import ACMEOrderCommand, placed, url_digest
from es_pki.commands.acme_steps import (
    RecordACMEAuthorizationValidated,
    RecordACMEChallengeCleanedUp,
    RecordACMEChallengePresented,
    RecordACMEChallengeSeen,
    RecordACMEOrderCreated,
    RecordACMEOrderFinalized,
    RecordACMERehearsalPassed,
    State,
)
from es_pki.events.acme_order import ACMEChallengePresented, ACMEOrderPlaced
from es_pki.values import SubjectAltNames
from es_pki.values.acme import ACMEProblem, ChallengeType

Delivered = Callable[[str, Chain, str], Awaitable[State]]
"""Makes an order's chain (by the order's id, for an actor) a version of its lineage, recorded in one append."""


class Attempt:
    """See the module. Everything raises `DirectoryFailed`, and `Refused` where other orders stand in the way."""

    def __init__(
        self,
        aggregates: Aggregates,
        client: Client,
        solvers: Mapping[ChallengeType, Solver],
        deliver: Delivered,
        *,
        order_id: str,
        thumbprint: str,
        actor: str,
    ) -> None:
        self._aggregates = aggregates
        self._client = client
        self._solvers = solvers
        self._deliver = deliver
        self._order_id = order_id
        self._thumbprint = thumbprint
        self._actor = actor

    async def proceed(self, state: State, *, is_new: bool) -> State:
        """Go through all steps that are left; return the state at the end."""
        began = placed(state)
        url, order = await self._at_directory(state, began, is_new=is_new)
        if order.status is OrderStatus.PENDING:
            await self._authorize(order)
            order = await self._client.settled_order(url, before=OrderStatus.PENDING)
        await self.clean_up()
        if order.status is OrderStatus.READY:
            order = await self._client.finalize(order.finalize, encoded(began.csr))
        if order.status in {OrderStatus.PROCESSING, OrderStatus.VALID}:
            await self.record(RecordACMEOrderFinalized())
        if order.status is OrderStatus.PROCESSING:
            order = await self._client.settled_order(url, before=OrderStatus.PROCESSING)
        if order.status is not OrderStatus.VALID or order.certificate is None:
            raise _invalid(order)
        if began.is_rehearsal:
            return await self.record(RecordACMERehearsalPassed())
        chains = await self._client.chains(order.certificate, alternates=bool(began.preferred_chain))
        names, preferred = began.subject_alt_names, began.preferred_chain
        chain = chosen(chains, preferred=preferred, wanted_key=began.public_key_hash, names=names)
        return await self._deliver(self._order_id, chain, self._actor)

    async def state(self) -> State:
        """Return the order's state now."""
        return (await self._aggregates.load(ACME_ORDER, self._order_id)).state

    async def clean_up(self) -> None:
        """Take away every answer that is still in its place."""
        state = (await self._aggregates.load(ACME_ORDER, self._order_id)).state
        for challenge in state.left_behind:
            solver = self._solvers.get(challenge.presented.type)
            if solver is not None:
                presented = challenge.presented
                await solver.clean_up(self._answer(placed(state), presented.identifier, presented.token))
            await self.record(RecordACMEChallengeCleanedUp(challenge.presented.authorization))

    async def record(self, command: ACMEOrderCommand) -> State:
        """Append what a step leads to; return the state after it."""

        async def ask() -> ACMEOrderCommand:
            return command

        return (await self._aggregates.handle(ACME_ORDER, self._order_id, ask, actor=self._actor)).state

    async def _at_directory(self, state: State, began: ACMEOrderPlaced, *, is_new: bool) -> Placed:
        if state.created is not None:
            return Placed(state.created.url, await self._client.order(state.created.url))
        identifiers = identifiers_of(began.subject_alt_names)
        found = None if is_new else await self._client.placed_before(identifiers, self._is_another)
        found = found or await self._placed(identifiers, began.profile, state.replaces)
        await self.record(RecordACMEOrderCreated(found.url, found.order.authorizations, found.order.expires))
        return found

    async def _is_another(self, url: str) -> bool:
        """Tell whether the directory's order belongs to another order here."""
        return await self._aggregates.owner(f"acme_order_url-{url_digest(url)}") not in {None, self._order_id}

    async def _placed(self, identifiers: Sequence[Identifier], profile: str, replaces: str) -> Placed:
        """Place the order; what it should replace never stands in its way (RFC 9773 section 5)."""
        try:
            return await self._client.place(identifiers, profile=profile, replaces=replaces)
        except ProblemReported as reported:
            if not replaces or not reported.is_final:
                raise
        return await self._client.place(identifiers, profile=profile)

    async def _authorize(self, order: Order) -> None:
        """Have every name validated, all at once; what is final counts more than what may pass."""
        works = (self._authorized(url) for url in order.authorizations)
        outcomes = await asyncio.gather(*works, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        failures.sort(key=lambda failure: not isinstance(failure, DirectoryFailed) or not failure.is_final)
        if failures:
            raise _together(failures)

    async def _authorized(self, url: str) -> None:
        authorization = await self._client.authorization(url)
        if authorization.status == "pending":
            authorization = await self._proved(url, authorization)
        if authorization.status != "valid":
            raise _unauthorized(authorization)
        await self.record(RecordACMEAuthorizationValidated(url))

    async def _proved(self, url: str, authorization: Authorization) -> Authorization:
        """Answer a challenge, and wait for what the directory makes of it."""
        began = placed((await self._aggregates.load(ACME_ORDER, self._order_id)).state)
        solver, challenge = self._offered(began, authorization)
        token = challenge.token or ""
        identifier = ("*." if authorization.wildcard else "") + authorization.identifier.value
        presented = ACMEChallengePresented(url, identifier, solver.type, challenge.url, token)
        await self.record(RecordACMEChallengePresented(presented))
        answer = self._answer(began, identifier, token)
        if solver.type is ChallengeType.DNS_PERSIST_01:
            answer = replace(answer, record=await self._record_for(began, authorization.identifier, challenge))
        await solver.present(answer)
        await _seen(solver, answer)
        await self.record(RecordACMEChallengeSeen(url))
        if challenge.status == "pending":
            await self._client.answer(challenge.url)
        return await self._client.settled_authorization(url)

    async def _record_for(self, began: ACMEOrderPlaced, identifier: Identifier, challenge: Challenge) -> StandingRecord:
        """Return the standing record that a challenge wants; one is good for a name and its wildcard."""
        is_wildcard = f"*.{identifier.value}" in began.subject_alt_names.dns_names
        return record_of(challenge, identifier, await self._client.known(), is_wildcard=is_wildcard)

    def _offered(self, began: ACMEOrderPlaced, authorization: Authorization) -> tuple[Solver, Challenge]:
        """Return the challenge that is to be answered, and who does so."""
        wanted = began.challenge_type
        solver = self._solvers.get(wanted)
        if solver is None:
            raise not_set_up(wanted)
        for challenge in authorization.challenges:
            if challenge.type == wanted and (challenge.token or wanted is ChallengeType.DNS_PERSIST_01):
                return solver, challenge
        offered = ", ".join(challenge.type for challenge in authorization.challenges)
        detail = f"{authorization.identifier.value} can't be proved by {wanted}: the directory offers {offered}"
        raise DirectoryFailed(ACMEProblem(Trouble.NO_CHALLENGE, detail), is_final=True)

    def _answer(self, began: ACMEOrderPlaced, identifier: str, token: str) -> Answer:
        authorized = f"{token}.{self._thumbprint}"
        return Answer(self._order_id, identifier.removeprefix("*."), token, authorized, began.webroot)


def identifiers_of(names: SubjectAltNames) -> tuple[Identifier, ...]:
    """Return what is to be certified (RFC 8555 section 9.7.7, RFC 8738)."""
    dns_names = (Identifier("dns", name) for name in names.dns_names)
    return (*dns_names, *(Identifier("ip", address) for address in names.ip_addresses))


async def _seen(solver: Solver, answer: Answer) -> None:
    """Wait until an answer is visible."""
    waited = 0.0
    for wait in polls():
        if await solver.is_visible(answer):
            return
        if waited > solver.patience_seconds:
            break
        await asyncio.sleep(wait)
        waited += wait
    detail = (
        f"the answer for {answer.identifier} was not found in its place within {solver.patience_seconds:.0f} seconds"
    )
    raise DirectoryFailed(ACMEProblem(Trouble.NOT_VISIBLE, detail), is_final=False)


def _together(failures: Sequence[BaseException]) -> BaseException:
    """Return the failure that counts, the first; of standing records all are named, to be published at once."""
    missing = [
        failure.problem.detail
        for failure in failures
        if isinstance(failure, DirectoryFailed) and failure.problem.type == Trouble.NOT_PUBLISHED
    ]
    if len(missing) < len(failures):
        return failures[0]
    return DirectoryFailed(ACMEProblem(Trouble.NOT_PUBLISHED, " and ".join(missing)), is_final=False)


def _invalid(order: Order) -> DirectoryFailed:
    """Return the error of an order that will never be valid."""
    if order.error:
        return DirectoryFailed(problem_of(bytes(order.error)), is_final=True)
    if order.status is OrderStatus.INVALID:
        return DirectoryFailed(ACMEProblem(Trouble.FAILING, "the order is invalid, for no reason given"), is_final=True)
    return AnswerMalformed(f"the order is {order.status} when its certificate was due")


def _unauthorized(authorization: Authorization) -> DirectoryFailed:
    """Return why a name was not proved: the problem of the challenge that failed."""
    for challenge in authorization.challenges:
        if challenge.error:
            return DirectoryFailed(problem_of(bytes(challenge.error)), is_final=True)
    detail = f"the authorization for {authorization.identifier.value} is {authorization.status}"
    return DirectoryFailed(ACMEProblem(Trouble.FAILING, detail), is_final=True)
