"""How an order at an ACME directory goes on: its steps, and the state that they and all else about it read.

How orders are placed and called off stands in `acme_order.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderEvent,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.values.acme import ACMEProblem, ChallengeType, server_name


class RecordACMEOrderCreated(Struct, frozen=True):
    """The directory took the order."""

    url: str
    authorizations: tuple[str, ...]
    expires: datetime | None


class RecordACMEChallengePresented(Struct, frozen=True):
    """An answer to this challenge is about to be in its place."""

    presented: ACMEChallengePresented


class RecordACMEChallengeSeen(Struct, frozen=True):
    """The answer was found in its place."""

    authorization: str


class RecordACMEAuthorizationValidated(Struct, frozen=True):
    """The directory was convinced."""

    authorization: str


class RecordACMEChallengeCleanedUp(Struct, frozen=True):
    """The answer was taken away."""

    authorization: str


class RecordACMEOrderFinalized(Struct, frozen=True):
    """The directory has the CSR."""


class RecordACMECertificateObtained(Struct, frozen=True):
    """The certificate is the lineage's version; recorded with that, in one append."""

    version: int


class RecordACMEHindrance(Struct, frozen=True):
    """The order can't go on for now."""

    problem: ACMEProblem
    next_attempt: datetime


class RecordACMEOrderMove(Struct, frozen=True):
    """The order goes on with another account, for what the directory answered; what was presented was cleaned up."""

    account_id: str
    problem: ACMEProblem


class RecordACMERehearsalPassed(Struct, frozen=True):
    """The directory made the certificate that was rehearsed."""


class RecordACMEOrderFailure(Struct, frozen=True):
    """The order can never go on; whatever it presented was cleaned up."""

    problem: ACMEProblem


Step = (
    RecordACMEOrderCreated
    | RecordACMEChallengePresented
    | RecordACMEChallengeSeen
    | RecordACMEAuthorizationValidated
    | RecordACMEChallengeCleanedUp
    | RecordACMEOrderFinalized
    | RecordACMECertificateObtained
    | RecordACMERehearsalPassed
    | RecordACMEHindrance
    | RecordACMEOrderMove
    | RecordACMEOrderFailure
)


class Challenge(Struct, frozen=True):
    """A challenge that is or was answered, and how far it has come."""

    presented: ACMEChallengePresented
    is_seen: bool = False
    is_cleaned_up: bool = False


class State(Struct, frozen=True):
    """What decisions about an order read. `challenges` and `validated` by the authorizations' URLs.

    `trouble` is what hindered it last; `hindered` how often something did since it last went on. `account_id` is the
    account that it is ordered with now, or that it was; `has_passed` of a rehearsal that came to a good end.
    """

    placed: ACMEOrderPlaced | None = None
    created: ACMEOrderCreated | None = None
    challenges: Mapping[str, Challenge] = {}
    validated: frozenset[str] = frozenset()
    is_finalized: bool = False
    version: int = 0
    trouble: ACMEOrderHindered | None = None
    hindered: int = 0
    abandoned: ACMEOrderAbandoned | None = None
    failure: ACMEProblem | None = None
    account_id: str = ""
    has_passed: bool = False

    @property
    def is_over(self) -> bool:
        """Tell whether it came to its end, one way or the other."""
        return bool(self.version) or self.has_passed or self.failure is not None

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the ids of the accounts that may be ordered with, the wanted one first."""
        return (self.placed.account_id, *self.placed.fallback_ids) if self.placed else ()

    @property
    def later_accounts(self) -> tuple[str, ...]:
        """Return the ids of the accounts with which it may go on where this one is of no use."""
        return self.accounts[self.accounts.index(self.account_id) + 1 :] if self.account_id in self.accounts else ()

    @property
    def replaces(self) -> str:
        """Return what is replaced, as its own directory knows it, "" for other directories (RFC 9773 section 5)."""
        if self.placed is None or self.account_id != (self.placed.former_account_id or self.placed.account_id):
            return ""
        return self.placed.replaces

    @property
    def left_behind(self) -> tuple[Challenge, ...]:
        """Return the challenges whose answers are still in their places."""
        return tuple(challenge for challenge in self.challenges.values() if not challenge.is_cleaned_up)


def evolve(state: State, event: ACMEOrderEvent) -> State:
    """Fold one event."""
    match event:
        case ACMEOrderHindered():
            return replace(state, trouble=event, hindered=state.hindered + 1)
        case ACMEOrderAbandoned():
            return replace(state, abandoned=event)
        case ACMEOrderMoved(account_id=account_id):
            state = replace(state, account_id=account_id, created=None, is_finalized=False)
            return replace(state, challenges={}, validated=frozenset())
        case _:
            return _gone_on(replace(state, trouble=None, hindered=0), event)


def _gone_on(state: State, event: ACMEOrderEvent) -> State:
    match event:
        case ACMEOrderPlaced():
            return State(placed=event, account_id=event.account_id)
        case ACMEOrderCreated():
            return replace(state, created=event)
        case ACMEChallengePresented(authorization=url):
            return replace(state, challenges={**state.challenges, url: Challenge(event)})
        case ACMEChallengeSeen(authorization=url) if url in state.challenges:
            return _with_challenge(state, url, replace(state.challenges[url], is_seen=True))
        case ACMEChallengeCleanedUp(authorization=url) if url in state.challenges:
            return _with_challenge(state, url, replace(state.challenges[url], is_cleaned_up=True))
        case ACMEAuthorizationValidated(authorization=url):
            return replace(state, validated=state.validated | {url})
        case ACMEOrderFinalized():
            return replace(state, is_finalized=True)
        case ACMECertificateObtained(version=version):
            return replace(state, version=version)
        case ACMEOrderFailed(problem=problem):
            return replace(state, failure=problem)
        case ACMERehearsalPassed():
            return replace(state, has_passed=True)
        case (
            ACMEChallengeSeen()
            | ACMEChallengeCleanedUp()
            | ACMEOrderHindered()
            | ACMEOrderAbandoned()
            | ACMEOrderMoved()
        ):
            return state


def _with_challenge(state: State, authorization: str, challenge: Challenge) -> State:
    return replace(state, challenges={**state.challenges, authorization: challenge})


def decide(command: Step, state: State, began: ACMEOrderPlaced) -> list[ACMEOrderEvent]:
    """Turn a step of an order into events; a step that is recorded, or comes after the end, adds none."""
    if state.is_over:
        return []
    return [event for event in _events(command, state, began) if event is not None]


def _events(command: Step, state: State, began: ACMEOrderPlaced) -> Iterator[ACMEOrderEvent | None]:
    match command:
        case RecordACMEOrderCreated():
            if state.created is None:
                yield ACMEOrderCreated(command.url, command.authorizations, command.expires)
        case RecordACMEChallengePresented(presented=presented):
            known = state.challenges.get(presented.authorization)
            is_there = known is not None and known.presented == presented and not known.is_cleaned_up
            yield None if is_there else presented
        case RecordACMEChallengeSeen(authorization=url):
            challenge = state.challenges.get(url)
            yield ACMEChallengeSeen(url) if challenge and not challenge.is_seen else None
        case RecordACMEAuthorizationValidated(authorization=url):
            yield ACMEAuthorizationValidated(url) if url not in state.validated else None
        case RecordACMEChallengeCleanedUp(authorization=url):
            yield _cleaned_up(state.challenges.get(url))
        case RecordACMEOrderFinalized():
            yield ACMEOrderFinalized() if not state.is_finalized else None
        case RecordACMECertificateObtained(version=version):
            yield ACMECertificateObtained(began.certificate_id, version)
        case RecordACMEHindrance(problem=problem, next_attempt=next_attempt):
            hindered = ACMEOrderHindered(problem, next_attempt)
            yield hindered if state.trouble != hindered else None
        case RecordACMERehearsalPassed():
            yield ACMERehearsalPassed(began.certificate_id)
        case RecordACMEOrderMove(account_id=account_id, problem=problem):
            yield ACMEOrderMoved(account_id, problem) if account_id != state.account_id else None
        case RecordACMEOrderFailure(problem=problem):
            yield _failed(problem, began)


def _cleaned_up(challenge: Challenge | None) -> ACMEChallengeCleanedUp | None:
    if challenge is None or challenge.is_cleaned_up:
        return None
    presented = challenge.presented
    by_name = server_name(presented.identifier) if presented.type is ChallengeType.TLS_ALPN_01 else ""
    return ACMEChallengeCleanedUp(presented.authorization, presented.token, by_name)


def _failed(problem: ACMEProblem, began: ACMEOrderPlaced) -> ACMEOrderFailed:
    return ACMEOrderFailed(problem, began.certificate_id, "" if began.renews else began.name)
