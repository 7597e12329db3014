"""An authority's OCSP responders: certified by itself, without anybody's asking."""

from es_pki.adapters.entropy import serial_number
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.deciders import OCSP_RESPONDER
from es_pki.adapters.intake.office import Office
from es_pki.adapters.keyring import MadeKey
from es_pki.commands.ocsp_responder import CertifyOCSPResponder, OCSPResponderCommand


async def certify(office: Office, authority_id: str, asked: Asked) -> None:
    """Have an authority certify a responder, with a key like its own, if one is due; sign what was left unsigned.

    Keys of responders that have expired leave the key store. Raises `Refused`, and as `Signer` does.
    """
    serial = serial_number()

    async def command(key: MadeKey) -> OCSPResponderCommand:
        issuer = await office.issuer(authority_id)
        return CertifyOCSPResponder(issuer, key.public_key, key.key_id, serial, asked.now)

    key_type = (await office.issuer(authority_id)).key_type
    await office.with_new_key(OCSP_RESPONDER, authority_id, key_type, command, actor=asked.caller.name)
    newest = (await office.aggregates.load(OCSP_RESPONDER, authority_id, afresh=True)).state.newest
    if newest is None or newest.certificate is not None:
        return
    signed = await office.signer.sign_ocsp_responder(authority_id, newest.prepared.version, actor=asked.caller.name)
    for version in signed.state.versions:
        if version.key_is_gone:
            await office.keys.discard(version.prepared.key_id)
