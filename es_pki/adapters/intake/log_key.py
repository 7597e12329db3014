"""Requests about the log's own signing key."""

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import LOG_KEY
from es_pki.adapters.intake.office import Office
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509.keys import raw_ed25519
from es_pki.commands import log_key
from es_pki.commands.log_key import THE_LOG, LogKeyCommand
from es_pki.values import KeyType
from eventlog.note import VerifierKey


async def create(office: Office, origin: str, *, actor: str) -> str:
    """Give the log its origin and first key, unless it has them; return its origin."""

    async def command(key: MadeKey) -> LogKeyCommand:
        return log_key.CreateLogKey(origin, key.key_id, raw_ed25519(key.public_key.spki))

    await office.with_new_key(LOG_KEY, THE_LOG, KeyType.ED25519, command, actor=actor)
    return (await office.aggregates.load(LOG_KEY, THE_LOG)).state.adopted[0].origin


async def rotate(office: Office, asked: Asked) -> Answer:
    """Make a new key and adopt it."""
    rotation_id = asked.new_id()

    async def command(key: MadeKey) -> LogKeyCommand:
        return log_key.RotateLogKey(rotation_id, key.key_id, raw_ed25519(key.public_key.spki))

    events = await office.with_new_key(LOG_KEY, THE_LOG, KeyType.ED25519, command, actor=asked.caller.name)
    loaded = await office.aggregates.load(LOG_KEY, THE_LOG)
    adopted = next(each for each in loaded.state.adopted if each.rotation_id == rotation_id)
    return Answer(
        position=loaded.position,
        stream=LOG_KEY.stream(THE_LOG),
        events=answered(events),
        result={"origin": adopted.origin, "vkey": str(VerifierKey(adopted.origin, adopted.public_key))},
    )
