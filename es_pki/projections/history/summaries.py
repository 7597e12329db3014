"""What an event is about, in a few words: one function an aggregate, and the type checker names a forgotten event."""

from typing import assert_never

from es_pki.events.acme_account import ACMEAccountEvent
from es_pki.events.acme_order import ACMEOrderEvent
from es_pki.events.acme_renewal import ACMERenewalEvent
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
from es_pki.events.certificate import CertificateEvent
from es_pki.events.codec import Event
from es_pki.events.dns_provider import (
    DNSCredentialsReplaced,
    DNSProviderAdded,
    DNSProviderEvent,
    DNSProviderRemoved,
)
from es_pki.events.key_compromise import KeyCompromiseEvent, KeyUsesRevoked
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent, LogRestored
from es_pki.events.notice import NoticeBegun, NoticeEvent, NoticeFailed, NoticeSent
from es_pki.events.notice_channel import (
    NoticeChannelAdded,
    NoticeChannelEvent,
    NoticeChannelRemoved,
    NoticeSecretReplaced,
)
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
from es_pki.projections.history.of_acme import of_acme
from es_pki.projections.history.of_certificate import of_certificate


def summary(event: Event) -> str:
    """Say in a few words what an event is about."""
    if isinstance(event, AuthorityEvent):
        return _of_authority(event)
    if isinstance(event, CertificateEvent):
        return of_certificate(event)
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
        return of_acme(event)
    if isinstance(event, DNSProviderEvent):
        return _of_dns_provider(event)
    if isinstance(event, NoticeEvent | NoticeChannelEvent):
        return _of_notice(event)
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
        case AuthorityKeyImported():
            return "its private key is here: it may sign"
        case AuthorityRevoked():
            return f"{event.reason}, since {event.revoked_at:%F %T}Z"


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


def _of_dns_provider(event: DNSProviderEvent) -> str:
    match event:
        case DNSProviderAdded():
            return f"{event.name}: {', '.join(event.zones)}"
        case DNSCredentialsReplaced():
            return "other credentials"
        case DNSProviderRemoved():
            return f"{event.name}: {event.reason}".removesuffix(": ")


def _of_notice(event: NoticeEvent | NoticeChannelEvent) -> str:
    match event:
        case NoticeBegun(channel=channel, occasion=occasion):
            return f"{channel}: {occasion.title}"
        case NoticeSent(detail=detail):
            return detail
        case NoticeFailed(reason=reason):
            return reason
        case NoticeChannelAdded():
            return f"{event.name}: {event.settings.__struct_config__.tag}"
        case NoticeSecretReplaced():
            return ""
        case NoticeChannelRemoved():
            return f"{event.name}: {event.reason}".removesuffix(": ")


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
