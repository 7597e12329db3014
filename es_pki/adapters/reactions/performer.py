"""Does what the reactions found due. Each effect finds done what was done: it may come several times."""

from es_pki.adapters.deployment import Deployer
from es_pki.adapters.deployment.starting import redeploy
from es_pki.adapters.discarding import discard_keys
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import ACTOR, Signer
from es_pki.commands.reactions import (
    DeployService,
    DiscardKeys,
    Effect,
    RedeployCertificate,
    SignAuthority,
    SignCertificate,
)


class Performer:
    """Knows for every effect who does it."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, signer: Signer, deployer: Deployer) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._signer = signer
        self._deployer = deployer

    async def perform(self, effect: Effect) -> None:
        """Do an outstanding effect. Raises what those raise who do it: it is tried again."""
        match effect:
            case SignAuthority(authority_id=authority_id):
                await self._signer.sign_authority(authority_id)
            case SignCertificate(certificate_id=certificate_id, version=version):
                await self._signer.sign_certificate(certificate_id, version)
            case DiscardKeys(certificate_id=certificate_id, key_ids=key_ids):
                await discard_keys(self._aggregates, self._keys, certificate_id, key_ids, actor=ACTOR)
            case DeployService(service_id=service_id, deployment_id=deployment_id):
                await self._deployer.deploy(service_id, deployment_id)
            case RedeployCertificate(certificate_id=certificate_id, position=position):
                await redeploy(self._aggregates, certificate_id, position)
