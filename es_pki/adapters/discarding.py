"""Removes the private keys of a deleted certificate, and records it.

The request that deleted it comes here at once; after a crash in between, the reactions do.
"""

from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.keyring import KeyRing
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.lineage import RecordKeysDiscarded, State
from es_pki.events.certificate import CertificateEvent


async def discard_keys(
    aggregates: Aggregates, keys: KeyRing, certificate_id: str, key_ids: tuple[str, ...], *, actor: str
) -> Handled[State, CertificateEvent]:
    """Remove keys of a certificate whose end is recorded; keys that are gone are found gone."""
    for key_id in key_ids:
        await keys.discard(key_id)

    async def command() -> CertificateCommand:
        return RecordKeysDiscarded(key_ids)

    return await aggregates.handle(CERTIFICATE, certificate_id, command, actor=actor)
