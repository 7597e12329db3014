"""Requests about compromised keys."""

from es_pki.adapters.compromise import revoke_uses
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, KEY_COMPROMISE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import ReportKeyCompromise
from es_pki.adapters.x509.keys import read_public_key, spki_of
from es_pki.commands import key_compromise
from es_pki.commands.authority import AuthorityMissing
from es_pki.commands.certificate import model
from es_pki.commands.key_compromise import KeyCompromiseCommand, KeyUnnamed
from es_pki.decider import Violation
from es_pki.values import public_key_hash


async def report(office: Office, request: ReportKeyCompromise, asked: Asked) -> Answer:
    """Block a key, however it is named, and revoke what uses it."""
    hash_of_key = await _hash(office, request)

    async def command() -> KeyCompromiseCommand:
        return key_compromise.ReportKeyCompromise(hash_of_key, request.reason)

    actor = asked.caller.name
    handled = await office.aggregates.handle(KEY_COMPROMISE, hash_of_key, command, actor=actor)
    done = await revoke_uses(office.aggregates, hash_of_key, asked.now, actor=actor)
    return Answer(
        position=done.position,
        stream=KEY_COMPROMISE.stream(hash_of_key),
        events=answered((*handled.events, *done.events)),
        result={"public_key_hash": hash_of_key},
    )


async def _hash(office: Office, request: ReportKeyCompromise) -> str:
    match (request.certificate, request.authority, request.public_key, request.public_key_hash):
        case (str(certificate), None, None, None):
            return await _of_certificate(office, certificate)
        case (None, str(authority), None, None):
            return await _of_authority(office, authority)
        case (None, None, str(text), None):
            return public_key_hash(spki_of(read_public_key(text, "public_key")))
        case (None, None, None, str(text)):
            return text.lower().replace(":", "")
        case _:
            detail = "give one of certificate, authority, public_key and public_key_hash"
            raise KeyUnnamed(detail, Violation("public_key_hash", "one key is named, once", detail))


async def _of_certificate(office: Office, name_or_id: str) -> str:
    certificate_id = await office.certificate_id(name_or_id)
    prepared = model((await office.aggregates.load(CERTIFICATE, certificate_id)).state).prepared
    if not prepared.public_key_hash:
        detail = "which key it has was not noted when it was made: give its public_key"
        raise KeyUnnamed(detail, Violation("certificate", "one key is named, once", detail))
    return prepared.public_key_hash


async def _of_authority(office: Office, name_or_id: str) -> str:
    authority_id = await office.authority_id(name_or_id, "authority")
    prepared = (await office.aggregates.load(AUTHORITY, authority_id)).state.prepared
    if prepared is None:
        raise AuthorityMissing(f"there is no authority {authority_id}")
    return public_key_hash(prepared.public_key)
