"""The history: who did what to an authority, certificate, CSR, service, principal or key, in one line each."""

from datetime import datetime

from msgspec import Struct

from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
    UseBegun,
    UseEnded,
)
from es_pki.events.codec import Event
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.principal import TokenCreated, TokenRevoked
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    InstallationAdopted,
    ServiceObserved,
    ServiceRegistered,
    ServiceRetired,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.projections.view import View

NAME = "history"
VERSION = 5


class Row(Struct, frozen=True):
    """One thing that happened. `aggregate_id` is whose it is; `actor` the principal that caused it."""

    position: int
    category: str
    aggregate_id: str
    type: str
    time: datetime
    actor: str
    summary: str


def key(happened: Happened) -> str:
    """Key lines by position: nothing ever changes a line."""
    return f"{happened.position:019d}"


def evolve(_row: Row | None, happened: Happened) -> Row | None:
    """Return the line of an event."""
    return Row(
        position=happened.position,
        category=happened.category,
        aggregate_id=happened.id,
        type=happened.type,
        time=happened.time,
        actor=happened.actor,
        summary=summary(happened.event),
    )


def summary(event: Event) -> str:
    """Say in a few words what an event is about."""
    match event:
        case AuthorityPrepared():
            return f"{event.name}: {event.key_type}, serial number {event.serial_number}, until {event.not_after:%F}"
        case AuthorityCreated() | CertificateIssued():
            return "signed"
        case AuthoritySigningFailed() | SigningFailed() | TokenRevoked():
            return event.reason
        case IssuancePolicyAdopted():
            return f"at most {event.policy.maximum_validity_days} days"
        case CertificatePrepared():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, {event.profile}, {until}"
        case LogKeyAdopted():
            return f"{event.origin}: {event.public_key.hex()}"
        case LogRestored():
            return f"{event.size} records of {event.origin}, from now on {event.next_origin}: {event.reason}"
        case TokenCreated():
            return f"{event.name}: {', '.join(event.roles)}"
        case TokenRevoked() | KeyCompromiseReported() | SigningRequestRejected():
            return event.reason
        case SigningRequestCreated() | SigningRequestImported():
            return f"{event.name}: {event.key_type}"
        case SigningRequestApproved():
            return f"certificate {event.certificate_id}"
        case SigningRequestSigned():
            return "signed elsewhere"
        case _:
            return _of_lineage(event)


def _of_lineage(event: Event) -> str:
    match event:
        case CertificateRolledBack():
            return f"version {event.version} is the current one again"
        case CertificateRenamed():
            return f"{event.former_name} is called {event.name}"
        case CertificateLabelled():
            return ", ".join(f"{key}={value}" for key, value in event.labels.items()) or "no labels"
        case OwnerAssigned():
            return event.owner or "nobody"
        case CertificateDeleted():
            return f"{', '.join(event.names)}: {event.reason}".removesuffix(": ")
        case PrivateKeysDiscarded():
            return f"{len(event.key_ids)} private keys"
        case PrivateKeyExported():
            return f"version {event.version}, {event.format}: {event.reason}"
        case UseBegun():
            return f"used by {event.service}{' as its fallback' if event.as_fallback else ''}"
        case UseEnded():
            return f"no more used by the service {event.service_id}"
        case _:
            return _of_service(event)


def _of_service(event: Event) -> str:
    match event:
        case ServiceRegistered():
            return f"{event.name}: {event.kind}"
        case InstallationAdopted():
            return f"{len(event.installation.files)} files, mode {event.installation.mode}"
        case CertificateBound() | CertificateUnbound():
            return f"certificate {event.certificate_id}"
        case ServiceRetired():
            return event.reason
        case DeploymentStarted():
            key = ", with its private key" if event.leaves_key else ""
            return f"version {event.version} of the certificate {event.certificate_id}{key}"
        case CertificateDeployed():
            return "seen on the wire" if event.was_seen else "not looked at"
        case DeploymentFailed() | DeploymentRolledBack():
            return f"{event.step}: {event.reason}"
        case ServiceObserved():
            return f"serves {event.fingerprint or 'nothing'}: {', '.join(event.drift) or 'as it should'}"
        case _:
            return ""


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        AuthorityPrepared,
        AuthorityCreated,
        AuthoritySigningFailed,
        IssuancePolicyAdopted,
        CertificatePrepared,
        CertificateIssued,
        SigningFailed,
        CertificateRolledBack,
        CertificateRenamed,
        CertificateLabelled,
        OwnerAssigned,
        CertificateDeleted,
        PrivateKeysDiscarded,
        PrivateKeyExported,
        UseBegun,
        UseEnded,
        ServiceRegistered,
        InstallationAdopted,
        CertificateBound,
        CertificateUnbound,
        ServiceRetired,
        DeploymentStarted,
        CertificateDeployed,
        DeploymentFailed,
        DeploymentRolledBack,
        ServiceObserved,
        LogKeyAdopted,
        LogRestored,
        TokenCreated,
        TokenRevoked,
        KeyCompromiseReported,
        SigningRequestCreated,
        SigningRequestImported,
        SigningRequestApproved,
        SigningRequestSigned,
        SigningRequestRejected,
    ),
    key=key,
    evolve=evolve,
    order_by="position",
    filters=("aggregate_id", "category", "type", "actor"),
    lookups=("aggregate_id",),
)
