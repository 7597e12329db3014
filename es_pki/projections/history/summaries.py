"""What an event is about, in a few words: one function an aggregate, and the type checker names a forgotten event."""

from typing import assert_never

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountEvent,
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
    ACMEOrderEvent,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderPlaced,
)
from es_pki.events.acme_renewal import ACMERenewalEvent, ACMERenewalFailed, ACMERenewalPlanned
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityEvent,
    AuthorityImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateEvent,
    CertificateHeld,
    CertificateImported,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
    UseBegun,
    UseEnded,
)
from es_pki.events.codec import Event
from es_pki.events.dns_provider import (
    DNSCredentialsReplaced,
    DNSProviderAdded,
    DNSProviderEvent,
    DNSProviderRemoved,
)
from es_pki.events.key_compromise import KeyCompromiseEvent, KeyUsesRevoked
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent, LogRestored
from es_pki.events.ocsp_responder import (
    OCSPResponderCertified,
    OCSPResponderEvent,
    OCSPResponderPrepared,
    OCSPResponderSigningFailed,
)
from es_pki.events.principal import PrincipalEvent, TokenCreated, TokenRevoked
from es_pki.events.profile import ProfileDefined, ProfileEvent, ProfileRetired
from es_pki.events.reservation import ReservationEvent
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, RevocationListEvent
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    InstallationAdopted,
    ServiceEvent,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestEvent,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated, TrustStoreEvent


def summary(event: Event) -> str:
    """Say in a few words what an event is about."""
    if isinstance(event, AuthorityEvent):
        return _of_authority(event)
    if isinstance(event, CertificateEvent):
        return _of_certificate(event)
    if isinstance(event, SigningRequestEvent):
        return _of_signing_request(event)
    if isinstance(event, TrustStoreEvent):
        return _of_trust_store(event)
    if isinstance(event, RevocationListEvent):
        return _of_revocation_list(event)
    if isinstance(event, OCSPResponderEvent):
        return _of_ocsp_responder(event)
    if isinstance(event, ServiceEvent):
        return _of_service(event)
    if isinstance(event, ACMEAccountEvent | ACMEOrderEvent | ACMERenewalEvent):
        return _of_acme(event)
    if isinstance(event, DNSProviderEvent):
        return _of_dns_provider(event)
    if isinstance(event, PrincipalEvent):
        return _of_principal(event)
    if isinstance(event, ProfileEvent):
        return _of_profile(event)
    if isinstance(event, LogKeyEvent):
        return _of_log_key(event)
    if isinstance(event, KeyCompromiseEvent):
        return f"{event.count} revoked" if isinstance(event, KeyUsesRevoked) else event.reason
    if isinstance(event, ReservationEvent):
        return event.owner
    assert_never(event)


def _of_authority(event: AuthorityEvent) -> str:
    match event:
        case AuthorityPrepared():
            return f"{event.name}: {event.key_type}, serial number {event.serial_number}, until {event.not_after:%F}"
        case AuthorityCreated():
            return "signed"
        case AuthoritySigningFailed():
            return event.reason
        case IssuancePolicyAdopted():
            return f"at most {event.policy.maximum_validity_days} days"
        case AuthorityImported():
            key = "with its key" if event.key_id else "without its key"
            return f"{event.name}: made elsewhere, {key}, until {event.not_after:%F}"
        case AuthorityRevoked():
            return f"{event.reason}, since {event.revoked_at:%F %T}Z"


def _of_certificate(event: CertificateEvent) -> str:
    match event:
        case CertificatePrepared():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, {event.profile} {event.profile_version}, {until}"
        case CertificateIssued():
            return "signed"
        case SigningFailed():
            return event.reason
        case CertificateImported():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, made elsewhere, {until}"
        case CertificateRolledBack():
            return f"version {event.version} is the current one again"
        case CertificateRevoked():
            return f"version {event.version}: {event.reason}, since {event.revoked_at:%F %T}Z"
        case CertificateHeld() | CertificateReleased():
            return f"version {event.version}"
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


def _of_signing_request(event: SigningRequestEvent) -> str:
    match event:
        case SigningRequestCreated() | SigningRequestImported():
            return f"{event.name}: {event.key_type}"
        case SigningRequestApproved():
            return f"certificate {event.certificate_id}"
        case SigningRequestSigned():
            return "signed elsewhere"
        case SigningRequestKeyDiscarded():
            return "private key discarded"
        case SigningRequestRejected():
            return event.reason


def _of_trust_store(event: TrustStoreEvent) -> str:
    match event:
        case TrustStoreCreated():
            return event.name
        case CertificateTrusted(anchor=anchor):
            return f"{anchor.subject_name}: {anchor.fingerprint}"
        case CertificateDistrusted():
            return f"{event.fingerprint}: {event.reason}"


def _of_revocation_list(event: RevocationListEvent) -> str:
    match event:
        case CRLPrepared():
            return f"CRL {event.crl_number}, until {event.next_update:%F %T}Z"
        case CRLIssued():
            return f"CRL {event.crl_number}: {event.complete.entries} entries"


def _of_ocsp_responder(event: OCSPResponderEvent) -> str:
    match event:
        case OCSPResponderPrepared():
            return f"version {event.version}: serial number {event.serial_number}, until {event.not_after:%F}"
        case OCSPResponderCertified():
            return "signed"
        case OCSPResponderSigningFailed():
            return event.reason


def _of_service(event: ServiceEvent) -> str:
    match event:
        case ServiceRegistered():
            return f"{event.name}: {event.kind}"
        case InstallationAdopted():
            return f"{len(event.installation.files)} files, mode {event.installation.mode}"
        case CertificateBound() | CertificateUnbound():
            return f"certificate {event.certificate_id}"
        case ServiceStopped() | ServiceRetired():
            return event.reason
        case ServiceResumed():
            return f"certificate {event.certificate_id}" if event.certificate_id else "nothing bound"
        case DeploymentStarted():
            key = ", with its private key" if event.leaves_key else ""
            return f"version {event.version} of the certificate {event.certificate_id}{key}"
        case CertificateDeployed():
            return "seen on the wire" if event.was_seen else "not looked at"
        case CHAPSecretPrepared():
            return "another secret for the target, and one of its own" if event.target_key_id else "another secret"
        case CHAPSecretRotated():
            return "seen by a login" if event.was_seen else "not tried"
        case DeploymentFailed() | DeploymentRolledBack() | CHAPRotationFailed():
            return f"{event.step}: {event.reason}"
        case ServiceObserved():
            return f"serves {event.fingerprint or 'nothing'}: {', '.join(event.drift) or 'as it should'}"


def _of_acme(event: ACMEAccountEvent | ACMEOrderEvent | ACMERenewalEvent) -> str:
    if isinstance(event, ACMEAccountEvent):
        return _of_acme_account(event)
    if isinstance(event, ACMEOrderEvent):
        return _of_acme_order(event)
    return _of_acme_renewal(event)


def _of_acme_account(event: ACMEAccountEvent) -> str:
    match event:
        case ACMEAccountPrepared():
            return f"{event.name}: {event.directory}"
        case ACMEAccountRegistered():
            return event.url
        case ACMEAccountKeyPrepared():
            return event.key_type.value
        case ACMEAccountKeyRolledOver():
            return f"key {event.key_id}"
        case ACMERegistrationFailed() | ACMEKeyRollOverFailed():
            return f"{event.problem.type}: {event.problem.detail}"
        case ACMEDeactivationRequested():
            return event.reason
        case ACMEAccountDeactivated():
            return "closed"


def _of_dns_provider(event: DNSProviderEvent) -> str:
    match event:
        case DNSProviderAdded():
            return f"{event.name}: {', '.join(event.zones)}"
        case DNSCredentialsReplaced():
            return "other credentials"
        case DNSProviderRemoved():
            return f"{event.name}: {event.reason}".removesuffix(": ")


def _of_acme_order(event: ACMEOrderEvent) -> str:
    match event:
        case ACMEOrderPlaced():
            names = (*event.subject_alt_names.dns_names, *event.subject_alt_names.ip_addresses)
            return f"{event.name}: {', '.join(names)}"
        case ACMEOrderCreated():
            return event.url
        case ACMEChallengePresented():
            return f"{event.identifier}: {event.type}"
        case ACMEChallengeSeen() | ACMEAuthorizationValidated() | ACMEChallengeCleanedUp():
            return event.authorization
        case ACMEOrderFinalized():
            return "the directory has the CSR"
        case ACMECertificateObtained():
            return f"version {event.version}"
        case ACMEOrderHindered() | ACMEOrderFailed():
            return f"{event.problem.type}: {event.problem.detail}"
        case ACMEOrderAbandoned():
            return event.reason


def _of_acme_renewal(event: ACMERenewalEvent) -> str:
    match event:
        case ACMERenewalPlanned():
            return f"{event.name}: version {event.version} at {event.at:%F %T}Z"
        case ACMERenewalFailed():
            return f"version {event.version}: {event.problem.type}: {event.problem.detail}"


def _of_principal(event: PrincipalEvent) -> str:
    match event:
        case TokenCreated():
            return f"{event.name}: {', '.join(event.roles)}"
        case TokenRevoked():
            return event.reason


def _of_profile(event: ProfileEvent) -> str:
    match event:
        case ProfileDefined():
            return f"{event.name}: version {event.version}"
        case ProfileRetired():
            return event.reason


def _of_log_key(event: LogKeyEvent) -> str:
    match event:
        case LogKeyAdopted():
            return f"{event.origin}: {event.public_key.hex()}"
        case LogRestored():
            return f"{event.size} records of {event.origin}, from now on {event.next_origin}: {event.reason}"
