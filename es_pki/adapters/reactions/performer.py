"""Does what the reactions found due. Each effect finds done what was done: it may come several times."""

from es_pki.adapters import clock
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.compromise import revoke_uses
from es_pki.adapters.deployment import CHAPRotator, Deployer
from es_pki.adapters.deployment.starting import redeploy
from es_pki.adapters.discarding import discard_keys, discard_signing_request_key
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import ACTOR, Signer
from es_pki.commands.reactions import (
    AdvanceACMEOrder,
    CloseACMEAccount,
    DeployService,
    DiscardCHAPSecrets,
    DiscardKeys,
    DiscardSigningRequestKey,
    Effect,
    OpenACMEAccount,
    RedeployCertificate,
    RevokeAtDirectory,
    RevokeKeyUses,
    RollOverACMEKey,
    RotateTargetSecret,
    SignAuthority,
    SignCertificate,
    SignOCSPResponder,
)


class Performer:
    """Knows for every effect who does it."""

    def __init__(
        self,
        aggregates: Aggregates,
        keys: KeyRing,
        signer: Signer,
        acme: ACME,
        *,
        deployer: Deployer,
        rotator: CHAPRotator,
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._signer = signer
        self._acme = acme
        self._deployer = deployer
        self._rotator = rotator

    async def perform(self, effect: Effect) -> None:
        """Do an outstanding effect. Raises what those raise who do it: it is tried again."""
        match effect:
            case SignAuthority(authority_id=authority_id):
                await self._signer.sign_authority(authority_id)
            case SignCertificate(certificate_id=certificate_id, version=version):
                await self._signer.sign_certificate(certificate_id, version)
            case SignOCSPResponder(authority_id=authority_id, version=version):
                await self._signer.sign_ocsp_responder(authority_id, version)
            case DiscardKeys(certificate_id=certificate_id, key_ids=key_ids):
                await discard_keys(self._aggregates, self._keys, certificate_id, key_ids, actor=ACTOR)
            case DiscardSigningRequestKey(signing_request_id=signing_request_id, key_id=key_id):
                await discard_signing_request_key(self._aggregates, self._keys, signing_request_id, key_id, actor=ACTOR)
            case DeployService(service_id=service_id, deployment_id=deployment_id):
                await self._deployer.deploy(service_id, deployment_id)
            case RedeployCertificate(certificate_id=certificate_id, position=position):
                await redeploy(self._aggregates, certificate_id, position)
            case RotateTargetSecret(service_id=service_id, rotation_id=rotation_id):
                await self._rotator.rotate(service_id, rotation_id)
            case DiscardCHAPSecrets(key_ids=key_ids):
                await self._rotator.discard(key_ids)
            case RevokeKeyUses(public_key_hash=of_key):
                await revoke_uses(self._aggregates, of_key, clock.now(), actor=ACTOR)
            case OpenACMEAccount(account_id=account_id):
                await self._acme.accounts.heed(account_id, self._acme.accounts.register)
            case RollOverACMEKey(account_id=account_id):
                await self._acme.accounts.heed(account_id, self._acme.accounts.roll_over)
            case CloseACMEAccount(account_id=account_id):
                await self._acme.accounts.heed(account_id, self._acme.accounts.deactivate)
            case AdvanceACMEOrder(order_id=order_id):
                await self._acme.orders.advance(order_id)
            case RevokeAtDirectory(certificate_id=certificate_id, version=version):
                await self._acme.revocations.revoke(certificate_id, version)
