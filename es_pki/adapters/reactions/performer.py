"""Does what the reactions found due. Each effect finds done what was done: it may come several times."""

from collections.abc import Callable
from datetime import datetime

from es_pki.adapters import clock
from es_pki.adapters.compromise import revoke_uses
from es_pki.adapters.discarding import discard_keys
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import ACTOR, Signer
from es_pki.commands.reactions import DiscardKeys, Effect, RevokeKeyUses, SignAuthority, SignCertificate


class Performer:
    """Knows for every effect who does it."""

    def __init__(
        self, aggregates: Aggregates, keys: KeyRing, signer: Signer, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._signer = signer
        self._now = now

    async def perform(self, effect: Effect) -> None:
        """Do an outstanding effect. Raises what those raise who do it: it is tried again."""
        match effect:
            case SignAuthority(authority_id=authority_id):
                await self._signer.sign_authority(authority_id)
            case SignCertificate(certificate_id=certificate_id, version=version):
                await self._signer.sign_certificate(certificate_id, version)
            case DiscardKeys(certificate_id=certificate_id, key_ids=key_ids):
                await discard_keys(self._aggregates, self._keys, certificate_id, key_ids, actor=ACTOR)
            case RevokeKeyUses(public_key_hash=of_key):
                await revoke_uses(self._aggregates, of_key, self._now(), actor=ACTOR)
