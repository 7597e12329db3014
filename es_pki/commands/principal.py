"""Principals: who may send which commands, known by a bearer token."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Decider, Kind, Refused, RequestReused, Reservation, Violation
from es_pki.events.principal import PrincipalEvent, TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReserved
from es_pki.values import Role

CATEGORY = "principal"

_REASON = re.compile(r"[^\x00-\x1f\x7f]{0,200}")


# Commands


class CreateToken(Struct, frozen=True):
    """Let a new principal in; `token_digest` is the SHA-256 of a bearer token with 256 bits of randomness."""

    principal_id: str
    name: str
    roles: tuple[Role, ...]
    token_digest: bytes
    expires: datetime | None
    now: datetime
    request_digest: bytes


class RevokeToken(Struct, frozen=True):
    """Lock the principal out."""

    reason: str


PrincipalCommand = CreateToken | RevokeToken


# Refusals


class PrincipalMissing(Refused):
    """There is no principal with this id or name. `GET /api/v1/tokens` lists them."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about a principal read."""

    created: TokenCreated | None = None
    revoked: bool = False


def evolve(state: State, event: PrincipalEvent) -> State:
    """Fold one event."""
    match event:
        case TokenCreated():
            return State(created=event)
        case TokenRevoked():
            return replace(state, revoked=True)


# Decide


def decide(command: PrincipalCommand, state: State) -> list[PrincipalEvent]:
    """Turn a command into events."""
    match command:
        case CreateToken():
            return _create(command, state)
        case RevokeToken():
            return _revoke(command, state)


def _create(command: CreateToken, state: State) -> list[PrincipalEvent]:
    if state.created is not None:
        if state.created.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another token")
    RulesBroken.if_any(_token_violations(command))
    return [
        TokenCreated(
            name=command.name,
            roles=tuple(sorted(set(command.roles))),
            token_digest=command.token_digest,
            expires=command.expires,
            request_digest=command.request_digest,
        )
    ]


def _token_violations(command: CreateToken) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    if not command.roles:
        yield Violation("roles", "a principal has a role", f"one or more of {', '.join(Role)}")
    if command.expires is not None and command.expires <= command.now:
        yield Violation("expires", "a token is good for some time", "this moment has passed")


def _revoke(command: RevokeToken, state: State) -> list[PrincipalEvent]:
    if state.created is None:
        raise PrincipalMissing("there is no such principal")
    if state.revoked:
        return []
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    return [TokenRevoked(command.reason)]


# The aggregate


def reservations(event: PrincipalEvent, principal_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the principal: its name."""
    match event:
        case TokenCreated():
            return (
                Reservation(
                    f"principal_name-{event.name}",
                    NameReserved(principal_id),
                    taken("name", event.name, CATEGORY),
                ),
            )
        case _:
            return ()


PrincipalDecider = Decider[PrincipalCommand, State, PrincipalEvent]

decider: PrincipalDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
