"""OCSP responders: for each authority a key that answers for it, certified for a short time, one after the other.

The authority's own key signs no answers: strangers would decide how often it is used. Users don't ask for these
certificates; what an authority's issuance policy says is about users, so it doesn't apply (docs/adr/0023).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.key_guard import trusted_keys
from es_pki.commands.refusals import RulesBroken, SerialNumberTaken, SigningGivenUp
from es_pki.commands.rehearsal import unwritten
from es_pki.commands.validity import period
from es_pki.decider import Decider, Guard, Kind, Refused, Reservation, Violation
from es_pki.events.ocsp_responder import (
    OCSPResponderCertified,
    OCSPResponderEvent,
    OCSPResponderPrepared,
    OCSPResponderSigningFailed,
)
from es_pki.events.reservation import SerialNumberReserved
from es_pki.values import (
    Attribute,
    AttributeType,
    Issuer,
    KeyUsage,
    NameConstraints,
    PublicKey,
    Subject,
    SubjectAltNames,
    Template,
    serial_hex,
)

CATEGORY = "ocsp_responder"

VALIDITY_DAYS = 30
"""Nobody can revoke a responder: who has stolen its key can say "good" until then (RFC 6960 section 4.2.2.2.1)."""


# Commands


class CertifyOCSPResponder(Struct, frozen=True):
    """Have another key answer for the authority, unless the one that does is young. It lies here under `key_id`."""

    issuer: Issuer
    public_key: PublicKey
    key_id: str
    serial_number: int
    now: datetime


class RecordOCSPResponderSignature(Struct, frozen=True):
    """The prepared certificate was signed; `certificate` is DER."""

    version: int
    certificate: bytes


class RecordOCSPResponderSignatureFailure(Struct, frozen=True):
    """The prepared certificate can't be signed, and it is no use to try again."""

    version: int
    reason: str


OCSPResponderCommand = CertifyOCSPResponder | RecordOCSPResponderSignature | RecordOCSPResponderSignatureFailure


# Refusals


class OCSPResponderMissing(Refused):
    """The authority has no OCSP responder of this number. One is certified when the authority's status is asked for."""

    kind = Kind.MISSING


# State


class Version(Struct, frozen=True):
    """A responder: as it was prepared, then either its DER certificate, or why it never got one."""

    prepared: OCSPResponderPrepared
    certificate: bytes | None = None
    failure: str | None = None
    key_is_gone: bool = False


class State(Struct, frozen=True):
    """What decisions about an authority's responders read: all there have been, the newest last."""

    versions: tuple[Version, ...] = ()

    def version(self, number: int) -> Version | None:
        """Return the responder of a number."""
        return next((version for version in self.versions if version.prepared.version == number), None)

    @property
    def newest(self) -> Version | None:
        """Return the one that was prepared last."""
        return self.versions[-1] if self.versions else None

    def serving(self, now: datetime) -> Version | None:
        """Return the newest one that is certified and holds."""
        holding = (v for v in reversed(self.versions) if v.certificate is not None and v.prepared.not_after > now)
        return next(holding, None)


def evolve(state: State, event: OCSPResponderEvent) -> State:
    """Fold one event."""
    match event:
        case OCSPResponderPrepared():
            return State((*state.versions, Version(event)))
        case OCSPResponderCertified(version=number, certificate=certificate, key_ids=gone):
            changed = _changed(state, number, certificate=certificate)
            return State(tuple(replace(v, key_is_gone=v.key_is_gone or v.prepared.key_id in gone) for v in changed))
        case OCSPResponderSigningFailed(version=number, reason=reason):
            return State(_changed(state, number, failure=reason))


def _changed(state: State, number: int, **changes: object) -> tuple[Version, ...]:
    return tuple(replace(v, **changes) if v.prepared.version == number else v for v in state.versions)


# Decide


def decide(
    command: OCSPResponderCommand, state: State, encode: Callable[[Template], bytes]
) -> list[OCSPResponderEvent]:
    """Turn a command into events; `encode` gives a template's to-be-signed bytes."""
    match command:
        case CertifyOCSPResponder():
            return _certify(command, state, encode)
        case RecordOCSPResponderSignature():
            return _record_signature(command, state)
        case RecordOCSPResponderSignatureFailure():
            return _record_failure(command, state)


def is_due(state: State, issuer_not_after: datetime, now: datetime) -> bool:
    """Tell whether another responder is to be certified: in the last third of the newest one's life.

    One that already holds as long as its authority can't be followed by one that holds longer.
    """
    newest = state.newest
    if newest is None or newest.failure is not None:
        return True
    if newest.certificate is None:
        return False
    prepared = newest.prepared
    if prepared.not_after >= issuer_not_after:
        return False
    return now >= prepared.not_after - (prepared.not_after - prepared.not_before) / 3


def _certify(
    command: CertifyOCSPResponder, state: State, encode: Callable[[Template], bytes]
) -> list[OCSPResponderEvent]:
    issuer = command.issuer
    if not is_due(state, issuer.not_after, command.now):
        return []
    if issuer.not_after <= command.now:
        detail = f"{issuer.name} expired on {issuer.not_after:%F}"
        RulesBroken.if_any([Violation("authority", "RFC 5280 section 6.1.3", detail)])
    template = _template(command)
    return [
        OCSPResponderPrepared(
            version=len(state.versions) + 1,
            issuer_id=issuer.authority_id,
            key_type=command.public_key.key_type,
            key_id=command.key_id,
            public_key_hash=command.public_key.hash,
            serial_number=serial_hex(command.serial_number),
            not_before=template.not_before,
            not_after=template.not_after,
            to_be_signed=encode(template),
        )
    ]


def _template(command: CertifyOCSPResponder) -> Template:
    """Return what RFC 6960 section 4.2.2.2 wants; the name isn't looked at, so it needn't be unique."""
    not_before, not_after = period(now=command.now, asked_days=None, default_days=VALIDITY_DAYS, issuer=command.issuer)
    return Template(
        serial_number=command.serial_number,
        signature_key_type=command.issuer.key_type,
        issuer_certificate=command.issuer.certificate,
        subject=_subject(command.issuer),
        subject_alt_names=SubjectAltNames(),
        public_key=command.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=False,
        path_length=None,
        key_usages=(KeyUsage.DIGITAL_SIGNATURE,),
        extended_key_usages=(),
        name_constraints=NameConstraints(),
        locations=None,
        is_ocsp_responder=True,
    )


def _subject(issuer: Issuer) -> Subject:
    """Return the issuer's subject with another common name, of at most 64 characters (RFC 5280 appendix A.1)."""
    others = (a for a in issuer.subject if a.type is not AttributeType.COMMON_NAME)
    return (*others, Attribute(AttributeType.COMMON_NAME, f"{issuer.name[:48]} OCSP responder"))


def _record_signature(command: RecordOCSPResponderSignature, state: State) -> list[OCSPResponderEvent]:
    version = _version(state, command.version)
    if version.failure is not None:
        raise SigningGivenUp(version.failure)
    if version.certificate is not None:
        return []
    not_before = version.prepared.not_before
    expired = [v for v in state.versions if v.prepared.not_after < not_before and not v.key_is_gone]
    return [
        OCSPResponderCertified(
            version=command.version,
            certificate=command.certificate,
            key_ids=tuple(v.prepared.key_id for v in expired),
        )
    ]


def _record_failure(command: RecordOCSPResponderSignatureFailure, state: State) -> list[OCSPResponderEvent]:
    version = _version(state, command.version)
    if version.certificate is not None or version.failure is not None:
        return []
    return [OCSPResponderSigningFailed(version=command.version, reason=command.reason)]


def _version(state: State, number: int) -> Version:
    version = state.version(number)
    if version is None:
        raise OCSPResponderMissing("no OCSP responder was prepared that could be signed")
    return version


# The aggregate


def reservations(event: OCSPResponderEvent, authority_id: str) -> Sequence[Reservation]:
    """Return what an event claims: its serial number with its issuer (RFC 5280 section 4.1.2.2)."""
    match event:
        case OCSPResponderPrepared():
            return (
                Reservation(
                    f"serial_number-{event.issuer_id}-{event.serial_number}",
                    SerialNumberReserved(authority_id),
                    SerialNumberTaken("the issuer has used this serial number"),
                ),
            )
        case _:
            return ()


def guards(command: OCSPResponderCommand) -> Sequence[Guard]:
    """Return the authority's stream at its version (nothing is issued on facts that have changed), and the keys'."""
    match command:
        case CertifyOCSPResponder(public_key=public_key, issuer=issuer):
            return (Guard(f"authority-{issuer.authority_id}", issuer.version), *trusted_keys(public_key, issuer))
        case _:
            return ()


OCSPResponderDecider = Decider[OCSPResponderCommand, State, OCSPResponderEvent]


def decider(encode: Callable[[Template], bytes]) -> OCSPResponderDecider:
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
