"""Certificates: asked for by name with a key made here, by CSR, or signed by themselves."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.key_guard import trusted_keys
from es_pki.commands.profile import PROFILES, Draft, key_usages, violations
from es_pki.commands.refusals import RulesBroken, SerialNumberTaken, SigningGivenUp, taken
from es_pki.commands.validity import period
from es_pki.decider import Decider, Guard, Kind, Refused, RequestReused, Reservation, Violation
from es_pki.events.certificate import CertificateEvent, CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.events.reservation import NameReserved, SerialNumberReserved
from es_pki.values import (
    Issuer,
    NameConstraints,
    Profile,
    PublicKey,
    Subject,
    SubjectAltNames,
    Template,
    serial_hex,
)

CATEGORY = "certificate"


# Commands


class Wanted(Struct, frozen=True):
    """What every way of asking for a certificate has in common."""

    certificate_id: str
    name: str
    profile: Profile
    subject: Subject
    subject_alt_names: SubjectAltNames
    public_key: PublicKey
    validity_days: int | None
    serial_number: int
    now: datetime
    request_digest: bytes


class IssueCertificate(Struct, frozen=True):
    """Certify a key that was made here and lies in the key store under `key_id`."""

    wanted: Wanted
    issuer: Issuer
    key_id: str


class SignCSR(Struct, frozen=True):
    """Certify the key of a CSR whose own signature was checked; its names are only wishes (RFC 2986)."""

    wanted: Wanted
    issuer: Issuer


class SelfSignCertificate(Struct, frozen=True):
    """Make a certificate that a key made here signs for itself: no authority, no policy."""

    wanted: Wanted
    key_id: str


class RecordSignature(Struct, frozen=True):
    """The prepared certificate was signed; `certificate` is DER."""

    certificate: bytes


class RecordSignatureFailure(Struct, frozen=True):
    """The prepared certificate can't be signed, and it is no use to try again."""

    reason: str


CertificateCommand = IssueCertificate | SignCSR | SelfSignCertificate | RecordSignature | RecordSignatureFailure


# Refusals


class CertificateMissing(Refused):
    """There is no certificate with this id or name. `GET /api/v1/certificates` lists them."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about a certificate read: its newest version."""

    prepared: CertificatePrepared | None = None
    certificate: bytes | None = None
    failure: str | None = None


def evolve(state: State, event: CertificateEvent) -> State:
    """Fold one event."""
    match event:
        case CertificatePrepared():
            return State(prepared=event)
        case CertificateIssued(certificate=certificate):
            return replace(state, certificate=certificate)
        case SigningFailed(reason=reason):
            return replace(state, failure=reason)


# Decide


def decide(command: CertificateCommand, state: State, encode: Callable[[Template], bytes]) -> list[CertificateEvent]:
    """Turn a command into events; `encode` gives a template's to-be-signed bytes."""
    match command:
        case IssueCertificate():
            return _prepare(command.wanted, state, encode, issuer=command.issuer, key_id=command.key_id)
        case SignCSR():
            return _prepare(command.wanted, state, encode, issuer=command.issuer, key_id=None)
        case SelfSignCertificate():
            return _prepare(command.wanted, state, encode, issuer=None, key_id=command.key_id)
        case RecordSignature():
            return _record_signature(command, state)
        case RecordSignatureFailure():
            return _record_failure(command, state)


def _prepare(
    wanted: Wanted,
    state: State,
    encode: Callable[[Template], bytes],
    *,
    issuer: Issuer | None,
    key_id: str | None,
) -> list[CertificateEvent]:
    if state.prepared is not None:
        if state.prepared.request_digest == wanted.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another certificate")
    template = _template(wanted, issuer)
    draft = Draft(name=wanted.name, profile=wanted.profile, template=template, issuer=issuer, now=wanted.now)
    RulesBroken.if_any([*violations(draft), *_authority_violations(draft, key_id)])
    return [
        CertificatePrepared(
            version=1,
            name=wanted.name,
            issuer_id=issuer.authority_id if issuer else None,
            profile=wanted.profile,
            subject=wanted.subject,
            subject_alt_names=wanted.subject_alt_names,
            key_type=wanted.public_key.key_type,
            public_key_hash=wanted.public_key.hash,
            key_id=key_id,
            serial_number=serial_hex(wanted.serial_number),
            not_before=template.not_before,
            not_after=template.not_after,
            to_be_signed=encode(template),
            request_digest=wanted.request_digest,
        )
    ]


def _template(wanted: Wanted, issuer: Issuer | None) -> Template:
    terms, key_type = PROFILES[wanted.profile], wanted.public_key.key_type
    default_days = terms.default_validity_days
    if issuer and not terms.is_authority:
        default_days = min(default_days, issuer.policy.maximum_validity_days)
    not_before, not_after = period(
        now=wanted.now, asked_days=wanted.validity_days, default_days=default_days, issuer=issuer
    )
    return Template(
        serial_number=wanted.serial_number,
        signature_key_type=issuer.key_type if issuer else key_type,
        issuer_certificate=issuer.certificate if issuer else None,
        subject=wanted.subject,
        subject_alt_names=wanted.subject_alt_names,
        public_key=wanted.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=terms.is_authority,
        path_length=0 if terms.is_authority else None,
        key_usages=key_usages(wanted.profile, key_type),
        extended_key_usages=terms.extended_key_usages,
        name_constraints=NameConstraints(),
        locations=issuer.locations if issuer else None,
    )


def _authority_violations(draft: Draft, key_id: str | None) -> Iterator[Violation]:
    """Let only CSRs become authorities, and only where the policy says so: our own are made by CreateAuthority."""
    if not draft.template.is_authority:
        return
    if key_id is not None:
        yield Violation("profile", "authorities are created", "use CreateAuthority for an authority of your own")
    elif draft.issuer and not draft.issuer.policy.subordinate_authorities:
        yield Violation("profile", "issuance policy", f"{draft.issuer.name} signs no other authorities")


def _record_signature(command: RecordSignature, state: State) -> list[CertificateEvent]:
    if state.prepared is None:
        raise CertificateMissing("nothing was prepared that could be signed")
    if state.failure is not None:
        raise SigningGivenUp(state.failure)
    if state.certificate is not None:
        return []
    return [CertificateIssued(version=state.prepared.version, certificate=command.certificate)]


def _record_failure(command: RecordSignatureFailure, state: State) -> list[CertificateEvent]:
    if state.prepared is None:
        raise CertificateMissing("nothing was prepared that could fail")
    if state.certificate is not None or state.failure is not None:
        return []
    return [SigningFailed(version=state.prepared.version, reason=command.reason)]


# The aggregate


def reservations(event: CertificateEvent, certificate_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the certificate: its name, and its serial number with its issuer."""
    match event:
        case CertificatePrepared(issuer_id=None):
            return (_name(event, certificate_id),)
        case CertificatePrepared():
            return (
                _name(event, certificate_id),
                Reservation(
                    f"serial_number-{event.issuer_id}-{event.serial_number}",
                    SerialNumberReserved(certificate_id),
                    SerialNumberTaken("the issuer has used this serial number"),
                ),
            )
        case _:
            return ()


def _name(event: CertificatePrepared, certificate_id: str) -> Reservation:
    return Reservation(
        f"certificate_name-{event.name}", NameReserved(certificate_id), taken("name", event.name, CATEGORY)
    )


def guards(command: CertificateCommand) -> Sequence[Guard]:
    """Return the issuer's stream and version, so that nothing is issued on facts that have changed, and the keys'."""
    match command:
        case IssueCertificate(wanted=wanted, issuer=issuer) | SignCSR(wanted=wanted, issuer=issuer):
            of_authority = Guard(f"authority-{issuer.authority_id}", issuer.version)
            return (of_authority, *trusted_keys(wanted.public_key, issuer))
        case SelfSignCertificate(wanted=wanted):
            return trusted_keys(wanted.public_key, None)
        case _:
            return ()


CertificateDecider = Decider[CertificateCommand, State, CertificateEvent]


def decider(encode: Callable[[Template], bytes]) -> CertificateDecider:
    """Return the aggregate, with the encoder of to-be-signed certificates."""
    return Decider(
        category=CATEGORY,
        initial=State(),
        evolve=evolve,
        decide=lambda command, state: decide(command, state, encode),
        reservations=reservations,
        guards=guards,
    )
