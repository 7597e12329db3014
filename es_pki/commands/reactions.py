"""What must happen because something happened: effects as data, done at least once by a runner outside the core."""

from collections.abc import Iterator

from msgspec import Struct

from es_pki.events import codec
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
from es_pki.events.acme_order import ACMECertificateObtained, ACMEOrderFailed, ACMEOrderPlaced, ACMERehearsalPassed
from es_pki.events.authority import AuthorityCreated, AuthorityPrepared, AuthoritySigningFailed
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificatePrepared,
    CertificateRevoked,
    CertificateRolledBack,
    PrivateKeysDiscarded,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
)
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported, KeyUsesRevoked
from es_pki.events.ocsp_responder import OCSPResponderCertified, OCSPResponderPrepared, OCSPResponderSigningFailed
from es_pki.events.service import (
    CertificateDeployed,
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    ServiceResumed,
    ServiceRetired,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)


class SignAuthority(Struct, frozen=True, tag=True):
    """Sign the prepared certificate of an authority and record it."""

    authority_id: str


class SignCertificate(Struct, frozen=True, tag=True, omit_defaults=True):
    """Sign the prepared version of a certificate and record it."""

    certificate_id: str
    version: int = 1


class SignOCSPResponder(Struct, frozen=True, tag=True):
    """Sign the prepared certificate of an authority's OCSP responder and record it."""

    authority_id: str
    version: int


class DiscardKeys(Struct, frozen=True, tag=True):
    """Remove a deleted certificate's private keys from the key store and record it."""

    certificate_id: str
    key_ids: tuple[str, ...]


class DiscardSigningRequestKey(Struct, frozen=True, tag=True):
    """Remove the private key of an answered signing request from the key store and record it."""

    signing_request_id: str
    key_id: str


class DeployService(Struct, frozen=True, tag=True):
    """Carry out a deployment that was started, to its outcome."""

    service_id: str
    deployment_id: str


class RotateTargetSecret(Struct, frozen=True, tag=True):
    """Give a target the secret that was prepared, and see that it holds."""

    service_id: str
    rotation_id: str


class DiscardCHAPSecrets(Struct, frozen=True, tag=True):
    """Remove the secrets of a target that hold no more from the key store."""

    service_id: str
    key_ids: tuple[str, ...]


class RedeployCertificate(Struct, frozen=True, tag=True):
    """Start deployments to all services of a certificate, whose current version changed at this log position."""

    certificate_id: str
    position: int


class RevokeKeyUses(Struct, frozen=True, tag=True):
    """Revoke what was certified for a compromised key, known by its SHA-256 in hex, and record it."""

    public_key_hash: str


class OpenACMEAccount(Struct, frozen=True, tag=True):
    """Open the prepared account at its directory and record it."""

    account_id: str


class RollOverACMEKey(Struct, frozen=True, tag=True):
    """Have the directory take the account's new key `key_id` and record it."""

    account_id: str
    key_id: str


class CloseACMEAccount(Struct, frozen=True, tag=True):
    """Close the account at its directory and record it."""

    account_id: str


class AdvanceACMEOrder(Struct, frozen=True, tag=True):
    """Bring the order to its end, step by step, and record each."""

    order_id: str


class RevokeAtDirectory(Struct, frozen=True, tag=True):
    """Have the ACME directory that issued a version revoke it, and record what it says."""

    certificate_id: str
    version: int


Effect = (
    SignAuthority
    | SignCertificate
    | SignOCSPResponder
    | DiscardKeys
    | DiscardSigningRequestKey
    | RevokeKeyUses
    | OpenACMEAccount
    | RollOverACMEKey
    | CloseACMEAccount
    | AdvanceACMEOrder
    | RevokeAtDirectory
    | DeployService
    | RedeployCertificate
    | RotateTargetSecret
    | DiscardCHAPSecrets
)

SETTLED_BY_DOING = (RedeployCertificate, DiscardCHAPSecrets)
"""The effects that nothing is recorded of: once they are done they are settled."""


class Due(Struct, frozen=True):
    """An effect is outstanding until something settles it; `at_once`: nobody else is about to do it."""

    effect: Effect
    at_once: bool = False


class Settled(Struct, frozen=True):
    """The effect was done, or can never be."""

    effect: Effect


REACTED_TO = codec.stored_types_of(
    AuthorityPrepared,
    AuthorityCreated,
    AuthoritySigningFailed,
    CertificatePrepared,
    CertificateIssued,
    SigningFailed,
    CertificateDeleted,
    PrivateKeysDiscarded,
    CertificateImported,
    CertificateKeyImported,
    CertificateRolledBack,
    DeploymentStarted,
    CertificateDeployed,
    DeploymentFailed,
    DeploymentRolledBack,
    ServiceResumed,
    ServiceRetired,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    CHAPRotationFailed,
    KeyCompromiseReported,
    KeyUsesRevoked,
    SigningRequestApproved,
    SigningRequestSigned,
    SigningRequestRejected,
    SigningRequestKeyDiscarded,
    OCSPResponderPrepared,
    OCSPResponderCertified,
    OCSPResponderSigningFailed,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMERegistrationFailed,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEKeyRollOverFailed,
    ACMEDeactivationRequested,
    ACMEAccountDeactivated,
    ACMEOrderPlaced,
    ACMECertificateObtained,
    ACMEOrderFailed,
    ACMERehearsalPassed,
    RevocationRequested,
    RevocationRefused,
    CertificateRevoked,
)
"""The stored types of the events that `react` looks at, old names too."""


def react(happened: Happened) -> Iterator[Due | Settled]:
    """Yield what an event makes due and what it settles."""
    match happened.event:
        case AuthorityPrepared():
            yield Due(SignAuthority(happened.id))
        case AuthorityCreated() | AuthoritySigningFailed():
            yield Settled(SignAuthority(happened.id))
        case CertificatePrepared(version=version):
            yield Due(SignCertificate(happened.id, version))
        case CertificateIssued(version=version) | SigningFailed(version=version):
            yield Settled(SignCertificate(happened.id, version))
            if version > 1 and isinstance(happened.event, CertificateIssued):
                yield Due(RedeployCertificate(happened.id, happened.position), at_once=True)
        case CertificateImported(version=version) if version > 1:
            yield Due(RedeployCertificate(happened.id, happened.position), at_once=True)
        case CertificateRolledBack() | CertificateKeyImported():
            yield Due(RedeployCertificate(happened.id, happened.position), at_once=True)
        case OCSPResponderPrepared(version=version):
            yield Due(SignOCSPResponder(happened.id, version))
        case OCSPResponderCertified(version=version) | OCSPResponderSigningFailed(version=version):
            yield Settled(SignOCSPResponder(happened.id, version))
        case CertificateDeleted(key_ids=key_ids) if key_ids:
            yield Due(DiscardKeys(happened.id, key_ids))
        case PrivateKeysDiscarded(key_ids=key_ids):
            yield Settled(DiscardKeys(happened.id, key_ids))
        case KeyCompromiseReported():
            yield Due(RevokeKeyUses(happened.id))
        case KeyUsesRevoked():
            yield Settled(RevokeKeyUses(happened.id))
        case _:
            yield from _of_service(happened)
            yield from _of_signing_request(happened)
            yield from _of_acme(happened)


def _of_service(happened: Happened) -> Iterator[Due | Settled]:
    match happened.event:
        case DeploymentStarted(deployment_id=deployment_id):
            yield Due(DeployService(happened.id, deployment_id), at_once=True)
        case CertificateDeployed() | DeploymentFailed() | DeploymentRolledBack():
            yield Settled(DeployService(happened.id, happened.event.deployment_id))
        case ServiceResumed(certificate_id=certificate_id) if certificate_id:
            yield Due(RedeployCertificate(certificate_id, happened.position), at_once=True)
        case CHAPSecretPrepared(rotation_id=rotation_id):
            yield Due(RotateTargetSecret(happened.id, rotation_id), at_once=True)
        case CHAPSecretRotated() | CHAPRotationFailed() | ServiceRetired() as event:
            if not isinstance(event, ServiceRetired):
                yield Settled(RotateTargetSecret(happened.id, event.rotation_id))
            if event.key_ids:
                yield Due(DiscardCHAPSecrets(happened.id, event.key_ids), at_once=True)
        case _:
            pass


def _of_signing_request(happened: Happened) -> Iterator[Due | Settled]:
    match happened.event:
        case SigningRequestKeyDiscarded(key_ids=key_ids):
            yield from (Settled(DiscardSigningRequestKey(happened.id, key_id)) for key_id in key_ids)
        case SigningRequestApproved() | SigningRequestSigned() | SigningRequestRejected() as answer:
            for key_id in answer.key_ids:
                yield Due(DiscardSigningRequestKey(happened.id, key_id), at_once=True)
        case _:
            pass


def _of_acme(happened: Happened) -> Iterator[Due | Settled]:
    match happened.event:
        case ACMEAccountPrepared():
            yield Due(OpenACMEAccount(happened.id))
        case ACMEAccountRegistered() | ACMERegistrationFailed():
            yield Settled(OpenACMEAccount(happened.id))
        case ACMEAccountKeyPrepared(key_id=key_id):
            yield Due(RollOverACMEKey(happened.id, key_id))
        case ACMEAccountKeyRolledOver(key_id=key_id) | ACMEKeyRollOverFailed(key_ids=(key_id,)):
            yield Settled(RollOverACMEKey(happened.id, key_id))
        case ACMEDeactivationRequested():
            yield Due(CloseACMEAccount(happened.id))
        case ACMEAccountDeactivated():
            yield Settled(CloseACMEAccount(happened.id))
        case ACMEOrderPlaced():
            yield Due(AdvanceACMEOrder(happened.id))
        case ACMECertificateObtained() | ACMEOrderFailed() | ACMERehearsalPassed():
            yield Settled(AdvanceACMEOrder(happened.id))
        case RevocationRequested(version=version):
            yield Due(RevokeAtDirectory(happened.id, version))
        case RevocationRefused(version=version) | CertificateRevoked(issuer_id="", version=version):
            yield Settled(RevokeAtDirectory(happened.id, version))
        case _:
            pass
