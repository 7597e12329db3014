"""Judging a checkpoint that somebody kept: whose it is and who signed it. Its root is for `eventlog.verify`."""

from collections.abc import Sequence
from typing import NamedTuple

from es_pki.adapters.checkpoints.keys import log_keys
from es_pki.adapters.x509.keys import verify_ed25519
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from eventlog import Damaged, Finding, Log, note
from eventlog.note import Checkpoint, NoteRefused, VerifierKey


class Kept(NamedTuple):
    """A checkpoint kept elsewhere, a note ("" for none), and the keys to trust; none: those that the log tells of."""

    note: str
    keys: tuple[VerifierKey, ...]

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Return what the note commits a log to. Raises `NoteRefused`."""
        return note.checkpoint_of(note.parts(self.note)[0]) if self.note else None


async def problems_of(kept: str, trusted: Sequence[VerifierKey], log: Log) -> list[Finding]:
    """Return what is wrong with a note that is a checkpoint; without `trusted` keys those of the log are.

    A log that was rewritten with another key can't vouch for the checkpoint: then name the key.
    """
    return problems_with(kept, trusted, await _known(log))


def problems_with(kept: str, trusted: Sequence[VerifierKey], known: Sequence[VerifierKey]) -> list[Finding]:
    """Return the same, of a log that tells of the `known` keys."""
    found = []
    try:
        text = note.verified(kept, trusted or known, verify_ed25519)
    except NoteRefused as error:
        found.append(Finding(0, f"the checkpoint can't be trusted: {error}"))
        text, _ = note.parts(kept)
    origin = note.checkpoint_of(text).origin
    if known and origin not in {key.name for key in known}:
        found.append(Finding(0, f"the checkpoint is of another log: of {origin}, not of {known[-1].name}"))
    return found


async def _known(log: Log) -> list[VerifierKey]:
    """Return the keys that the log tells of; none if that can't be read: what is damaged is found elsewhere."""
    try:
        return [key.verifier for key in await log_keys(log)]
    except (Damaged, UndecodableEvent, UnknownEvent):
        return []
