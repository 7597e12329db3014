"""Principals: who may send which commands, known by a bearer token or a certificate."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Claim, Decider, Kind, Refused, Release, RequestReused, Reservation, Violation
from es_pki.events.principal import ClientAdmitted, PrincipalEvent, TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values import Role

CATEGORY = "principal"

CLIENT = "client_certificate"
"""The streams that reserve certificates for those who are known by them."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
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


class AdmitClient(Struct, frozen=True):
    """Let a new principal in that shows a certificate: a lineage of ours, or the one of this SHA-256 (hex)."""

    name: str
    roles: tuple[Role, ...]
    certificate_id: str
    fingerprint: str
    request_digest: bytes


class RevokeToken(Struct, frozen=True):
    """Lock the principal out."""

    reason: str


PrincipalCommand = CreateToken | AdmitClient | RevokeToken


# Refusals


class PrincipalMissing(Refused):
    """There is no principal with this id or name. `GET /api/v1/tokens` lists them."""

    kind = Kind.MISSING


class CertificateTaken(Refused):
    """The certificate is another principal's. Revoke that one first: a certificate tells one principal."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a principal read."""

    created: TokenCreated | ClientAdmitted | None = None
    revoked: bool = False


def evolve(state: State, event: PrincipalEvent) -> State:
    """Fold one event."""
    match event:
        case TokenCreated() | ClientAdmitted():
            return State(created=event)
        case TokenRevoked():
            return replace(state, revoked=True)


# Decide


def decide(command: PrincipalCommand, state: State) -> list[PrincipalEvent]:
    """Turn a command into events."""
    match command:
        case CreateToken():
            return _create(command, state)
        case AdmitClient():
            return _admit(command, state)
        case RevokeToken():
            return _revoke(command, state)


def _create(command: CreateToken, state: State) -> list[PrincipalEvent]:
    if _was_asked_before(command, state):
        return []
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


def _admit(command: AdmitClient, state: State) -> list[PrincipalEvent]:
    if _was_asked_before(command, state):
        return []
    RulesBroken.if_any(_client_violations(command))
    return [
        ClientAdmitted(
            name=command.name,
            roles=tuple(sorted(set(command.roles))),
            request_digest=command.request_digest,
            certificate_id=command.certificate_id,
            fingerprint=command.fingerprint,
        )
    ]


def _was_asked_before(command: CreateToken | AdmitClient, state: State) -> bool:
    """Tell whether this very request made the principal. Raises `RequestReused` if another one did."""
    if state.created is None:
        return False
    if state.created.request_digest != command.request_digest:
        raise RequestReused("this id or Idempotency-Key was used for another principal")
    return True


def _principal_violations(command: CreateToken | AdmitClient) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    if not command.roles:
        yield Violation("roles", "a principal has a role", f"one or more of {', '.join(Role)}")


def _client_violations(command: AdmitClient) -> Iterator[Violation]:
    yield from _principal_violations(command)
    if bool(command.certificate_id) == bool(command.fingerprint):
        yield Violation("certificate", "a client is known by one certificate", "a certificate or a fingerprint")
    if command.fingerprint and not _FINGERPRINT.fullmatch(command.fingerprint):
        yield Violation("fingerprint", "certificates are known by their SHA-256", "64 hex digits")


def _token_violations(command: CreateToken) -> Iterator[Violation]:
    yield from _principal_violations(command)
    if command.expires is not None and command.expires <= command.now:
        yield Violation("expires", "a token is good for some time", "this moment has passed")


def _revoke(command: RevokeToken, state: State) -> list[PrincipalEvent]:
    if state.created is None:
        raise PrincipalMissing("there is no such principal")
    if state.revoked:
        return []
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    return [TokenRevoked(command.reason, known_by(state.created))]


def known_by(created: TokenCreated | ClientAdmitted) -> str:
    """Return what a client's certificate is known by: its lineage's id or its fingerprint; "" for a token."""
    match created:
        case TokenCreated():
            return ""
        case ClientAdmitted(certificate_id=certificate_id, fingerprint=fingerprint):
            return certificate_id or fingerprint


# The aggregate


def reservations(event: PrincipalEvent, principal_id: str) -> Sequence[Claim]:
    """Return what an event claims for the principal, or gives up: its name, and its certificate."""
    match event:
        case TokenCreated():
            return (_name(event.name, principal_id),)
        case ClientAdmitted():
            detail = "another principal is known by this certificate"
            refusal = CertificateTaken(detail, Violation("certificate", "a certificate tells one principal", detail))
            certificate = Reservation(f"{CLIENT}-{known_by(event)}", NameReserved(principal_id), refusal)
            return (_name(event.name, principal_id), certificate)
        case TokenRevoked(released=released):
            return (Release(f"{CLIENT}-{released}", NameReleased(principal_id)),) if released else ()


def _name(name: str, principal_id: str) -> Reservation:
    return Reservation(f"principal_name-{name}", NameReserved(principal_id), taken("name", name, CATEGORY))


PrincipalDecider = Decider[PrincipalCommand, State, PrincipalEvent]

decider: PrincipalDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
