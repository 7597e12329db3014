"""Judging a checkpoint that somebody kept: whose it is and who signed it. Its root is for `eventlog.verify`."""

from collections.abc import Sequence

from es_pki.adapters.checkpoints.keys import log_keys
from es_pki.adapters.x509.keys import verify_ed25519
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from eventlog import Damaged, Finding, Log, note
from eventlog.note import NoteRefused, VerifierKey


async def problems_of(kept: str, trusted: Sequence[VerifierKey], log: Log) -> list[Finding]:
    """Return what is wrong with a note that is a checkpoint; without `trusted` keys those of the log are.

    A log that was rewritten with another key can't vouch for the checkpoint: then name the key.
    """
    known = await _known(log)
    found = []
    try:
        text = note.verified(kept, trusted or known, verify_ed25519)
    except NoteRefused as error:
        found.append(Finding(0, f"the checkpoint can't be trusted: {error}"))
        text, _ = note.parts(kept)
    origin = note.checkpoint_of(text).origin
    if known and origin != known[-1].name:
        found.append(Finding(0, f"the checkpoint is of another log: of {origin}, not of {known[-1].name}"))
    return found


async def _known(log: Log) -> list[VerifierKey]:
    """Return the keys that the log tells of; none if that can't be read: what is damaged is found elsewhere."""
    try:
        return [key.verifier for key in await log_keys(log)]
    except (Damaged, UndecodableEvent, UnknownEvent):
        return []
