"""Authorities: roots and the intermediates below them, and the policy under which each issues."""

import hashlib
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.authority_creation import CreateAuthority, create
from es_pki.commands.authority_revocation import RevokeAuthority, revoke
from es_pki.commands.foreign_authority import (
    AuthorityKeyElsewhere,
    ImportAuthority,
    bring_in,
    key_type_of,
    subject_of,
)
from es_pki.commands.key_guard import guarded, trusted_key
from es_pki.commands.name_space import constraints_violations
from es_pki.commands.refusals import NotSignedYet, RulesBroken, SerialNumberTaken, SigningGivenUp, taken
from es_pki.commands.rehearsal import unwritten
from es_pki.commands.terms import purpose_violations
from es_pki.commands.validity import LONGEST_DAYS
from es_pki.decider import Decider, Guard, Kind, Refused, Reservation, Violation
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityEvent,
    AuthorityImported,
    AuthorityKeyImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.reservation import NameReserved, SerialNumberReserved
from es_pki.values import (
    AttributeType,
    IssuancePolicy,
    Issuer,
    Locations,
    NameConstraints,
    Subject,
    Template,
    public_key_hash,
)
from es_pki.values.foreign import ForeignSubject

CATEGORY = "authority"


# Commands


class RecordAuthoritySignature(Struct, frozen=True):
    """The prepared certificate was signed; `certificate` is DER."""

    certificate: bytes


class RecordAuthoritySignatureFailure(Struct, frozen=True):
    """The prepared certificate can't be signed, and it is no use to try again."""

    reason: str


class SetIssuancePolicy(Struct, frozen=True):
    """Issue under this policy from now on."""

    policy: IssuancePolicy


AuthorityCommand = (
    CreateAuthority
    | ImportAuthority
    | RecordAuthoritySignature
    | RecordAuthoritySignatureFailure
    | SetIssuancePolicy
    | RevokeAuthority
)


# Refusals


class AuthorityMissing(Refused):
    """There is no authority with this id or name. `GET /api/v1/authorities` lists them."""

    kind = Kind.MISSING


class IssuerRevoked(Refused):
    """The authority, or one above it, was revoked: nobody would accept what it issues. Use another authority."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about an authority read: how it was prepared, or imported, and what became of it."""

    prepared: AuthorityPrepared | AuthorityImported | None = None
    certificate: bytes | None = None
    policy: IssuancePolicy | None = None
    failure: str | None = None
    revoked: AuthorityRevoked | None = None


def evolve(state: State, event: AuthorityEvent) -> State:
    """Fold one event."""
    match event:
        case AuthorityPrepared():
            return replace(state, prepared=event)
        case AuthorityImported(certificate=certificate):
            return replace(state, prepared=event, certificate=certificate)
        case AuthorityKeyImported(key_id=key_id) if isinstance(state.prepared, AuthorityImported):
            return replace(state, prepared=replace(state.prepared, key_id=key_id))
        case AuthorityKeyImported():
            return state
        case AuthorityCreated(certificate=certificate):
            return replace(state, certificate=certificate)
        case AuthoritySigningFailed(reason=reason):
            return replace(state, failure=reason)
        case IssuancePolicyAdopted(policy=policy):
            return replace(state, policy=policy)
        case AuthorityRevoked():
            return replace(state, revoked=event)


def issuer_of(
    state: State, *, authority_id: str, version: int, locations: Locations, above: tuple[NameConstraints, ...] = ()
) -> Issuer:
    """Return the authority as those see it who ask it for a certificate; `above`: its issuers' name constraints.

    Raises `AuthorityMissing`, `NotSignedYet`, `SigningGivenUp`, `IssuerRevoked` and `AuthorityKeyElsewhere` for an
    authority that can't issue.
    """
    prepared, certificate, policy = _created(state, authority_id)
    check_holds(state)
    key_id, key_type = prepared.key_id, key_type_of(prepared)
    if key_id is None or key_type is None:
        detail = f"the private key of {prepared.name} is not here: it verifies, but signs nothing"
        raise AuthorityKeyElsewhere(detail, Violation("authority", "who signs has a key", detail))
    return Issuer(
        authority_id=authority_id,
        version=version,
        name=prepared.name,
        subject=subject_of(prepared),
        certificate=certificate,
        key_id=key_id,
        key_type=key_type,
        public_key_hash=public_key_hash(prepared.public_key),
        not_before=prepared.not_before,
        not_after=prepared.not_after,
        path_length=prepared.path_length,
        name_constraints=(prepared.name_constraints, *above),
        policy=policy,
        locations=locations,
    )


def check_holds(state: State) -> None:
    """Raise `IssuerRevoked` for an authority that was revoked: it issues nothing, nor does one below it."""
    if state.revoked is not None and state.prepared is not None:
        detail = f"the authority {state.prepared.name} was revoked at {state.revoked.revoked_at:%F %T}Z"
        raise IssuerRevoked(detail, Violation("authority", "RFC 5280 section 6.1.3", detail))


# Decide


def decide(command: AuthorityCommand, state: State, encode: Callable[[Template], bytes]) -> list[AuthorityEvent]:
    """Turn a command into events; `encode` gives a template's to-be-signed bytes."""
    match command:
        case CreateAuthority():
            return create(command, state.prepared, encode)
        case ImportAuthority():
            return bring_in(command, state.prepared, state.certificate)
        case RecordAuthoritySignature():
            return _record_signature(command, state)
        case RecordAuthoritySignatureFailure():
            return _record_failure(command, state)
        case SetIssuancePolicy():
            return _set_policy(command, state)
        case RevokeAuthority():
            prepared, _, _ = _created(state, "")
            return revoke(command, prepared, state.revoked)


def _record_signature(command: RecordAuthoritySignature, state: State) -> list[AuthorityEvent]:
    if state.prepared is None:
        raise AuthorityMissing("nothing was prepared that could be signed")
    if state.failure is not None:
        raise SigningGivenUp(state.failure)
    if state.certificate is not None:
        return []
    return [AuthorityCreated(command.certificate), IssuancePolicyAdopted(IssuancePolicy())]


def _record_failure(command: RecordAuthoritySignatureFailure, state: State) -> list[AuthorityEvent]:
    if state.prepared is None:
        raise AuthorityMissing("nothing was prepared that could fail")
    if state.certificate is not None or state.failure is not None:
        return []
    return [AuthoritySigningFailed(command.reason)]


def _set_policy(command: SetIssuancePolicy, state: State) -> list[AuthorityEvent]:
    _, _, policy = _created(state, "")
    if policy == command.policy:
        return []
    RulesBroken.if_any(_policy_violations(command.policy))
    return [IssuancePolicyAdopted(command.policy)]


def _policy_violations(policy: IssuancePolicy) -> Sequence[Violation]:
    found = [
        *constraints_violations(policy.names, "policy.names"),
        *purpose_violations(policy.extended_key_usages, "policy.extended_key_usages"),
    ]
    if not 1 <= policy.maximum_validity_days <= LONGEST_DAYS:
        found.append(Violation("policy.maximum_validity_days", "issuance policy", f"1 to {LONGEST_DAYS} days"))
    if not policy.key_types:
        found.append(Violation("policy.key_types", "issuance policy", "at least one key type"))
    return found


def _created(state: State, authority_id: str) -> tuple[AuthorityPrepared | AuthorityImported, bytes, IssuancePolicy]:
    if state.prepared is None:
        raise AuthorityMissing(f"there is no authority {authority_id}".rstrip())
    if state.failure is not None:
        raise SigningGivenUp(f"the authority {state.prepared.name} was never signed: {state.failure}")
    if state.certificate is None or state.policy is None:
        raise NotSignedYet(f"the authority {state.prepared.name} waits for its signature")
    return state.prepared, state.certificate, state.policy


# The aggregate


def reservations(event: AuthorityEvent, authority_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the authority: its name, its subject, and its serial number with its issuer."""
    match event:
        case AuthorityPrepared() | AuthorityImported():
            issuer_id = event.issuer_id or authority_id
            return (
                *claims_of(authority_id, event.name, event.subject),
                Reservation(
                    f"serial_number-{issuer_id}-{event.serial_number}",
                    SerialNumberReserved(authority_id),
                    SerialNumberTaken("the issuer has used this serial number"),
                ),
            )
        case _:
            return ()


def claims_of(authority_id: str, name: str, subject: Subject | ForeignSubject) -> tuple[Reservation, Reservation]:
    """Return what makes an authority known: its name and its subject."""
    called = ", ".join(a.value for a in subject if a.type == AttributeType.COMMON_NAME)
    reserved = NameReserved(authority_id)
    return (
        Reservation(f"authority_name-{name}", reserved, taken("name", name, CATEGORY)),
        Reservation(f"authority_subject-{subject_digest(subject)}", reserved, taken("subject", called, CATEGORY)),
    )


def subject_digest(subject: Subject | ForeignSubject) -> str:
    """Return what equal subjects share (RFC 5280 section 7.1: case and repeated spaces don't tell them apart)."""
    text = "\n".join(f"{a.type}={' '.join(a.value.casefold().split())}" for a in subject)
    return hashlib.sha256(text.encode()).hexdigest()


def guards(command: AuthorityCommand) -> Sequence[Guard]:
    """Return the streams of issuer, profile and keys: so that no authority is made on facts that have changed."""
    match command:
        case CreateAuthority(public_key=public_key, issuer=issuer, profile=profile):
            return guarded(public_key, issuer, profile)
        case ImportAuthority(public_key_hash=of_key):
            return (trusted_key(of_key, "certificate.public_key"),)
        case RevokeAuthority(report=Guard() as report):
            return (report,)
        case _:
            return ()


AuthorityDecider = Decider[AuthorityCommand, State, AuthorityEvent]


def decider(encode: Callable[[Template], bytes]) -> AuthorityDecider:
    """Return the aggregate, with the encoder of to-be-signed certificates."""
    return Decider(
        category=CATEGORY,
        initial=State(),
        evolve=evolve,
        decide=lambda command, state: decide(command, state, encode),
        rehearse=lambda command, state: decide(command, state, unwritten),
        reservations=reservations,
        guards=guards,
    )
