"""Authorities: roots and the intermediates below them, and the policy under which each issues."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.authority_revocation import RevokeAuthority, revoke
from es_pki.commands.built_in import INTERMEDIATE
from es_pki.commands.foreign_authority import (
    AuthorityKeyElsewhere,
    ImportAuthority,
    bring_in,
    key_type_of,
    subject_of,
)
from es_pki.commands.key_guard import trusted_key, trusted_keys
from es_pki.commands.name_space import constraints_violations
from es_pki.commands.refusals import NotSignedYet, RulesBroken, SerialNumberTaken, SigningGivenUp, taken
from es_pki.commands.rules import Draft, violations
from es_pki.commands.terms import purpose_violations
from es_pki.commands.usages import key_usages
from es_pki.commands.validity import LONGEST_DAYS, period
from es_pki.decider import Decider, Guard, Kind, Refused, RequestReused, Reservation, Violation
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityEvent,
    AuthorityImported,
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
    PublicKey,
    Subject,
    SubjectAltNames,
    Template,
    public_key_hash,
    serial_hex,
)
from es_pki.values.foreign import ForeignSubject

CATEGORY = "authority"
ROOT_DAYS = 7_305
INTERMEDIATE_DAYS = 3_652


# Commands


class CreateAuthority(Struct, frozen=True):
    """Make a root (`issuer` None: it signs for itself) or an intermediate below an authority we have."""

    authority_id: str
    name: str
    subject: Subject
    issuer: Issuer | None
    public_key: PublicKey
    key_id: str
    path_length: int | None
    name_constraints: NameConstraints
    validity_days: int | None
    serial_number: int
    now: datetime
    request_digest: bytes


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
            return _create(command, state, encode)
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


def _create(command: CreateAuthority, state: State, encode: Callable[[Template], bytes]) -> list[AuthorityEvent]:
    if state.prepared is not None:
        if state.prepared.request_digest == command.request_digest:
            return []
        raise RequestReused("this id was used for another authority")
    template = _template(command)
    draft = Draft(
        name=command.name,
        profile=INTERMEDIATE,
        template=template,
        issuer=command.issuer,
        now=command.now,
        key_is_here=True,
    )
    RulesBroken.if_any([*constraints_violations(command.name_constraints, "name_constraints"), *violations(draft)])
    return [
        AuthorityPrepared(
            name=command.name,
            subject=command.subject,
            issuer_id=command.issuer.authority_id if command.issuer else None,
            key_type=command.public_key.key_type,
            key_id=command.key_id,
            public_key=command.public_key.spki,
            serial_number=serial_hex(command.serial_number),
            not_before=template.not_before,
            not_after=template.not_after,
            path_length=template.path_length,
            name_constraints=command.name_constraints,
            to_be_signed=encode(template),
            request_digest=command.request_digest,
        )
    ]


def _template(command: CreateAuthority) -> Template:
    issuer, key_type = command.issuer, command.public_key.key_type
    not_before, not_after = period(
        now=command.now,
        asked_days=command.validity_days,
        default_days=INTERMEDIATE_DAYS if issuer else ROOT_DAYS,
        issuer=issuer,
    )
    return Template(
        serial_number=command.serial_number,
        signature_key_type=issuer.key_type if issuer else key_type,
        issuer_certificate=issuer.certificate if issuer else None,
        subject=command.subject,
        subject_alt_names=SubjectAltNames(),
        public_key=command.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=True,
        path_length=_path_length(command),
        key_usages=key_usages(INTERMEDIATE.terms, key_type),
        extended_key_usages=(),
        name_constraints=command.name_constraints,
        locations=issuer.locations.of_shard(0) if issuer else None,
    )


def _path_length(command: CreateAuthority) -> int | None:
    if command.path_length is None and command.issuer and command.issuer.path_length:
        return command.issuer.path_length - 1
    return command.path_length


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
                Reservation(
                    f"authority_name-{event.name}",
                    NameReserved(authority_id),
                    taken("name", event.name, CATEGORY),
                ),
                Reservation(
                    f"authority_subject-{subject_digest(event.subject)}",
                    NameReserved(authority_id),
                    taken(
                        "subject",
                        ", ".join(a.value for a in event.subject if a.type == AttributeType.COMMON_NAME),
                        CATEGORY,
                    ),
                ),
                Reservation(
                    f"serial_number-{issuer_id}-{event.serial_number}",
                    SerialNumberReserved(authority_id),
                    SerialNumberTaken("the issuer has used this serial number"),
                ),
            )
        case _:
            return ()


def subject_digest(subject: Subject | ForeignSubject) -> str:
    """Return what equal subjects share (RFC 5280 section 7.1: case and repeated spaces don't tell them apart)."""
    text = "\n".join(f"{a.type}={' '.join(a.value.casefold().split())}" for a in subject)
    return hashlib.sha256(text.encode()).hexdigest()


def guards(command: AuthorityCommand) -> Sequence[Guard]:
    """Return the issuer's stream and version, so that no intermediate is made on changed facts, and the keys'."""
    match command:
        case CreateAuthority(public_key=public_key, issuer=Issuer() as issuer):
            return (Guard(f"{CATEGORY}-{issuer.authority_id}", issuer.version), *trusted_keys(public_key, issuer))
        case CreateAuthority(public_key=public_key):
            return trusted_keys(public_key, None)
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
        reservations=reservations,
        guards=guards,
    )
