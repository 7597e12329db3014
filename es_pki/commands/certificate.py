"""Certificates: asked for by name with a key made here, by CSR, or signed by themselves; then version by version.

Every version passes the same door, `preparation.py`, whichever command asks for it. How a lineage goes on stands in
`renewal.py`, what is decided about it as a whole (its names, its end, which version is current) in `lineage.py`.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from es_pki.commands import acme_revocation, lineage, revocation, supersession, usage
from es_pki.commands.acme_revocation import RecordACMERevocation, RecordACMERevocationRefusal
from es_pki.commands.description import DescribeCertificate, describe
from es_pki.commands.export import ExportPrivateKey, export
from es_pki.commands.importing import AlreadyManaged, ImportCertificate, bring_in
from es_pki.commands.key_guard import guarded, trusted_key
from es_pki.commands.lineage import (
    DeleteCertificate,
    RecordKeysDiscarded,
    RenameCertificate,
    RollBackCertificate,
    State,
)
from es_pki.commands.obtaining import ObtainCertificate, obtain
from es_pki.commands.preparation import Wanted, drafted, prepared, was_decided
from es_pki.commands.refusals import SerialNumberTaken, SigningGivenUp, taken
from es_pki.commands.rehearsal import unwritten
from es_pki.commands.renewal import ReissueCertificate, RenewCertificate, draft_of_next, reissue, renew
from es_pki.commands.revocation import HoldCertificate, ReleaseCertificate, RevokeCertificate
from es_pki.commands.rules import Draft
from es_pki.commands.supersession import PlanSupersession, RecordSupersessionHeldUp, WithdrawSupersession
from es_pki.commands.usage import BeginUse, EndUse
from es_pki.commands.versions import Version
from es_pki.decider import Claim, Decider, Guard, Kind, Refused, Release, Reservation, Violation
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateEvent,
    CertificateImported,
    CertificateIssued,
    CertificatePrepared,
    CertificateRenamed,
    SigningFailed,
)
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.values import Issuer, Template

CATEGORY = "certificate"


# Commands


class IssueCertificate(Struct, frozen=True):
    """Certify a key that was made here and lies in the key store under `key_id`."""

    wanted: Wanted
    issuer: Issuer
    key_id: str


class SignCSR(Struct, frozen=True):
    """Certify the key of a CSR whose own signature was checked; its names are only wishes (RFC 2986).

    `approval` records with it that the signing request is answered, where the CSR was kept as one. `key_id` names the
    private key if that was kept with it.
    """

    wanted: Wanted
    issuer: Issuer
    approval: Guard | None = None
    key_id: str | None = None


class SelfSignCertificate(Struct, frozen=True):
    """Make a certificate that a key made here signs for itself: no authority, no policy."""

    wanted: Wanted
    key_id: str


class RecordSignature(Struct, frozen=True):
    """The prepared version was signed; `certificate` is DER."""

    version: int
    certificate: bytes


class RecordSignatureFailure(Struct, frozen=True):
    """The prepared version can't be signed, and it is no use to try again."""

    version: int
    reason: str


Making = IssueCertificate | SignCSR | SelfSignCertificate | RenewCertificate | ReissueCertificate
"""The commands that make a version of a certificate."""

CertificateCommand = (
    Making
    | ImportCertificate
    | ObtainCertificate
    | RecordSignature
    | RecordSignatureFailure
    | RollBackCertificate
    | RenameCertificate
    | DescribeCertificate
    | DeleteCertificate
    | RecordKeysDiscarded
    | ExportPrivateKey
    | RevokeCertificate
    | HoldCertificate
    | ReleaseCertificate
    | PlanSupersession
    | WithdrawSupersession
    | RecordSupersessionHeldUp
    | RecordACMERevocation
    | RecordACMERevocationRefusal
    | BeginUse
    | EndUse
)


# Refusals


class CertificateMissing(Refused):
    """There is no certificate with this id or name. `GET /api/v1/certificates` lists them."""

    kind = Kind.MISSING


# State


def model(state: State) -> Version:
    """Return the version after which the next one is made. Raises `CertificateMissing`."""
    if state.model is None:
        detail = "there is no such certificate"
        raise CertificateMissing(detail, Violation("certificate", "certificates are named", detail))
    return state.model


def number_of(state: State, request_id: str) -> int:
    """Return the number of the version that a request to go on with a lineage made. Raises `CertificateMissing`."""
    for number, version in state.versions.items():
        if version.prepared.request_id == request_id:
            return number
    raise CertificateMissing("no version was made for this request")


def draft_of(command: Making, state: State) -> Draft:
    """Return the version that a command would make, before anyone agreed to it. Raises as the command does."""
    match command:
        case IssueCertificate(wanted=wanted, issuer=issuer):
            return drafted(wanted, issuer=issuer, key_is_here=True)
        case SignCSR(wanted=wanted, issuer=issuer, key_id=key_id):
            return drafted(wanted, issuer=issuer, key_is_here=key_id is not None)
        case SelfSignCertificate(wanted=wanted):
            return drafted(wanted, issuer=None, key_is_here=True)
        case RenewCertificate() | ReissueCertificate():
            return draft_of_next(command, state, model(state))


def new_name(command: Making) -> str:
    """Return the name that a command gives to a new certificate, "" for the next version of one that has its name."""
    match command:
        case IssueCertificate(wanted=wanted) | SignCSR(wanted=wanted) | SelfSignCertificate(wanted=wanted):
            return wanted.name
        case RenewCertificate() | ReissueCertificate():
            return ""


# Decide


def decide(command: CertificateCommand, state: State, encode: Callable[[Template], bytes]) -> list[CertificateEvent]:
    """Turn a command into events; `encode` gives a template's to-be-signed bytes."""
    match command:
        case IssueCertificate() | SignCSR():
            return _begin(command.wanted, state, encode, issuer=command.issuer, key_id=command.key_id)
        case SelfSignCertificate():
            return _begin(command.wanted, state, encode, issuer=None, key_id=command.key_id)
        case ImportCertificate():
            return bring_in(command, state)
        case ObtainCertificate():
            return obtain(command, state)
        case RenewCertificate():
            return renew(command, state, model(state), encode)
        case ReissueCertificate():
            return reissue(command, state, model(state), encode)
        case RecordSignature():
            return _record_signature(command, state)
        case RecordSignatureFailure():
            return _record_failure(command, state)
        case ExportPrivateKey():
            model(state)
            return export(command, state)
        case RevokeCertificate() | HoldCertificate() | ReleaseCertificate():
            model(state)
            return revocation.decide(command, state)
        case PlanSupersession() | WithdrawSupersession() | RecordSupersessionHeldUp():
            model(state)
            return supersession.decide(command, state)
        case DescribeCertificate():
            model(state)
            return describe(command, state)
        case RecordACMERevocation() | RecordACMERevocationRefusal():
            return acme_revocation.decide(command, state)
        case BeginUse() | EndUse():
            model(state)
            return usage.decide(command, state)
        case RollBackCertificate() | RenameCertificate() | DeleteCertificate() | RecordKeysDiscarded():
            model(state)
            return lineage.decide(command, state)


def _begin(
    wanted: Wanted,
    state: State,
    encode: Callable[[Template], bytes],
    *,
    issuer: Issuer | None,
    key_id: str | None,
) -> list[CertificateEvent]:
    if was_decided(state.versions.get(1), wanted.request_digest):
        return []
    return [prepared(wanted, encode, issuer=issuer, key_id=key_id)]


def _record_signature(command: RecordSignature, state: State) -> list[CertificateEvent]:
    version = state.versions.get(command.version)
    if version is None:
        raise CertificateMissing("nothing was prepared that could be signed")
    if version.failure is not None:
        raise SigningGivenUp(version.failure)
    if version.certificate is not None:
        return []
    issued = CertificateIssued(version=command.version, certificate=command.certificate)
    if not isinstance(version.prepared, CertificatePrepared):
        return [issued]
    return [issued, *supersession.after_issuing(version.prepared, state.served)]


def _record_failure(command: RecordSignatureFailure, state: State) -> list[CertificateEvent]:
    version = state.versions.get(command.version)
    if version is None:
        raise CertificateMissing("nothing was prepared that could fail")
    if not version.is_outstanding:
        return []
    return [SigningFailed(version=command.version, reason=command.reason)]


# The aggregate


def reservations(event: CertificateEvent, certificate_id: str) -> Sequence[Claim]:
    """Return what an event claims for the certificate, its names and its serial numbers, and what it gives up."""
    match event:
        case CertificatePrepared(version=1):
            return (_name(event.name, certificate_id), *_serial_number(event, certificate_id))
        case CertificatePrepared():
            return tuple(_serial_number(event, certificate_id))
        case CertificateImported():
            own_name = (_name(event.name, certificate_id),) if event.version == 1 and not event.order_id else ()
            return (*own_name, *_imported(event, certificate_id))
        case CertificateRenamed(former_name_released=False):
            return (_name(event.name, certificate_id),)
        case CertificateRenamed():
            return (
                _name(event.name, certificate_id),
                _release(f"certificate_name-{event.former_name}", certificate_id),
            )
        case CertificateDeleted():
            fingerprints = (f"certificate_fingerprint-{each}" for each in event.fingerprints)
            names = (f"certificate_name-{name}" for name in event.names)
            return tuple(_release(stream, certificate_id) for stream in (*names, *fingerprints))
        case _:
            return ()


def _name(name: str, certificate_id: str) -> Reservation:
    return Reservation(f"certificate_name-{name}", NameReserved(certificate_id), taken("name", name, CATEGORY))


def _release(stream: str, certificate_id: str) -> Release:
    return Release(stream, NameReleased(certificate_id))


def _imported(event: CertificateImported, certificate_id: str) -> Iterator[Reservation]:
    """Claim what makes a certificate from elsewhere this one: its bytes, and its serial number with an issuer here."""
    detail = "this certificate is here already, under another name"
    stream = f"certificate_fingerprint-{lineage.fingerprint(event.certificate)}"
    refusal = AlreadyManaged(detail, Violation("certificate", "a certificate is kept once", detail))
    yield Reservation(stream, NameReserved(certificate_id), refusal)
    if event.issuer_id is not None:
        detail = (
            f"the serial number {event.serial_number} of its authority is that of a certificate here, or one deleted"
        )
        refusal = AlreadyManaged(detail, Violation("certificate", "RFC 5280 section 4.1.2.2", detail))
        stream = f"serial_number-{event.issuer_id}-{event.serial_number}"
        yield Reservation(stream, SerialNumberReserved(certificate_id), refusal)


def _serial_number(event: CertificatePrepared, certificate_id: str) -> Iterator[Reservation]:
    """RFC 5280 section 4.1.2.2: unique for each issuer; who signs for itself has its own to itself."""
    if event.issuer_id is not None:
        yield Reservation(
            f"serial_number-{event.issuer_id}-{event.serial_number}",
            SerialNumberReserved(certificate_id),
            SerialNumberTaken("the issuer has used this serial number"),
        )


def guards(command: CertificateCommand) -> Sequence[Guard]:
    """Return the streams of issuer, profile and keys: so that nothing is issued on facts that have changed."""
    match command:
        case IssueCertificate(wanted=wanted, issuer=issuer) | SignCSR(wanted=wanted, issuer=issuer, approval=None):
            return guarded(wanted.public_key, issuer, wanted.profile)
        case SignCSR(wanted=wanted, issuer=issuer, approval=Guard() as approval):
            return (*guarded(wanted.public_key, issuer, wanted.profile), approval)
        case ImportCertificate(foreign=foreign):
            return (trusted_key(foreign.public_key_hash, "certificate.public_key"),)
        case ObtainCertificate(order=order):
            return (order,)
        case SelfSignCertificate(wanted=wanted):
            return guarded(wanted.public_key, None, wanted.profile)
        case RenewCertificate(further=further) | ReissueCertificate(further=further):
            return guarded(further.public_key, further.issuer, further.profile)
        case RollBackCertificate(public_key_hash=public_key_hash) if public_key_hash:
            return (trusted_key(public_key_hash, "version"),)
        case RevokeCertificate(report=Guard() as report):
            return (report,)
        case _:
            return ()


CertificateDecider = Decider[CertificateCommand, State, CertificateEvent]


def decider(encode: Callable[[Template], bytes]) -> CertificateDecider:
    """Return the aggregate, with the encoder of to-be-signed certificates."""
    return Decider(
        category=CATEGORY,
        initial=State(),
        evolve=lineage.evolve,
        decide=lambda command, state: decide(command, state, encode),
        rehearse=lambda command, state: decide(command, state, unwritten),
        reservations=reservations,
        guards=guards,
    )
