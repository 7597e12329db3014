"""The history: who did what to an authority, a certificate, a CSR, a principal or a key, in one line each."""

from datetime import datetime

from msgspec import Struct

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
)
from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderPlaced,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalPlanned
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
)
from es_pki.events.codec import Event
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.principal import TokenCreated, TokenRevoked
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
        case CertificateImported():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, made elsewhere, {until}"
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
        case _:
            return _of_acme(event)


def _of_acme(event: Event) -> str:
    match event:
        case ACMEAccountPrepared():
            return f"{event.name}: {event.directory}"
        case ACMEAccountRegistered():
            return event.url
        case ACMEAccountKeyPrepared():
            return event.key_type.value
        case ACMERenewalPlanned():
            return f"version {event.version} at {event.at:%F %T}Z"
        case (
            ACMERegistrationFailed()
            | ACMEKeyRollOverFailed()
            | ACMEOrderFailed()
            | ACMEOrderHindered()
            | ACMERenewalFailed()
        ):
            return f"{event.problem.type}: {event.problem.detail}"
        case ACMEDeactivationRequested() | ACMEOrderAbandoned():
            return event.reason
        case ACMEOrderPlaced():
            names = (*event.subject_alt_names.dns_names, *event.subject_alt_names.ip_addresses)
            return f"{event.name}: {', '.join(names)}"
        case ACMEOrderCreated():
            return event.url
        case ACMEChallengePresented():
            return f"{event.identifier}: {event.type}"
        case ACMEChallengeSeen() | ACMEAuthorizationValidated() | ACMEChallengeCleanedUp():
            return event.authorization
        case ACMECertificateObtained():
            return f"version {event.version}"
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
        CertificateImported,
        CertificateRolledBack,
        CertificateRenamed,
        CertificateLabelled,
        OwnerAssigned,
        CertificateDeleted,
        PrivateKeysDiscarded,
        PrivateKeyExported,
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
        ACMEAccountPrepared,
        ACMEAccountRegistered,
        ACMERegistrationFailed,
        ACMEAccountKeyPrepared,
        ACMEAccountKeyRolledOver,
        ACMEKeyRollOverFailed,
        ACMEDeactivationRequested,
        ACMEAccountDeactivated,
        ACMEOrderPlaced,
        ACMEOrderCreated,
        ACMEChallengePresented,
        ACMEChallengeSeen,
        ACMEAuthorizationValidated,
        ACMEChallengeCleanedUp,
        ACMEOrderFinalized,
        ACMECertificateObtained,
        ACMEOrderHindered,
        ACMEOrderAbandoned,
        ACMEOrderFailed,
        ACMERenewalPlanned,
        ACMERenewalFailed,
    ),
    key=key,
    evolve=evolve,
    order_by="position",
    filters=("aggregate_id", "category", "type", "actor"),
    lookups=("aggregate_id",),
)
