"""Removes the private keys of a deleted certificate or an answered signing request, and records it.

The request that deleted it comes here at once; after a crash in between, the reactions do. So they do with those of
signing requests: whatever certifies such a key has a copy of its own.
"""

from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import CERTIFICATE, SIGNING_REQUEST
from es_pki.adapters.keyring import KeyRing
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.lineage import RecordKeysDiscarded, State
from es_pki.commands.signing_request import RecordKeyDiscarded, SigningRequestCommand
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


async def discard_signing_request_key(
    aggregates: Aggregates, keys: KeyRing, signing_request_id: str, key_id: str, *, actor: str
) -> None:
    """Remove the key of a signing request whose answer is recorded; a key that is gone is found gone."""
    await keys.discard(key_id)

    async def command() -> SigningRequestCommand:
        return RecordKeyDiscarded(key_id)

    await aggregates.handle(SIGNING_REQUEST, signing_request_id, command, actor=actor)
