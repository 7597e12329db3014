"""The keys that sign the log's checkpoints, as the log itself tells of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from es_pki.adapters.recorded import happened
from es_pki.commands.log_key import CATEGORY, THE_LOG
from es_pki.events.happened import Happened
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from eventlog import Log
from eventlog.note import VerifierKey

SIGNING = 2
"""Keys that sign a checkpoint: the newest, and the one before, by which those who trust it learn the newest."""


class Status(StrEnum):
    """What a key does for new checkpoints."""

    CURRENT = "current"
    PREVIOUS = "previous"
    RETIRED = "retired"


class LogKey(NamedTuple):
    """A key, and the position and time of its adoption.

    `ended`: the log was restored without records that its checkpoints cover; nothing is signed under that origin again.
    """

    position: int
    time: datetime
    adopted: LogKeyAdopted
    ended: bool = False

    @property
    def verifier(self) -> VerifierKey:
        """Return what has to be known to verify its signatures."""
        return VerifierKey(self.adopted.origin, self.adopted.public_key)


async def log_keys(log: Log) -> list[LogKey]:
    """Return all keys, the newest last. Raises `LogError`, and `UndecodableEvent` for damaged records."""
    return keys_of(happened(record) for record in await log.read_stream(f"{CATEGORY}-{THE_LOG}"))


def keys_of(history: Iterable[Happened]) -> list[LogKey]:
    """Return the keys that the stream of the log's key tells of, the newest last."""
    found: list[LogKey] = []
    for recorded in history:
        match recorded.event:
            case LogKeyAdopted() as adopted:
                found.append(LogKey(recorded.position, recorded.time, adopted))
            case LogRestored():
                found = [key._replace(ended=True) for key in found]
            case _:
                pass
    return found


def signing_keys(keys: Sequence[LogKey]) -> Sequence[LogKey]:
    """Return those of the keys that sign a checkpoint now, the newest last."""
    return [key for key in keys if not key.ended][-SIGNING:]


def statuses(keys: Sequence[LogKey]) -> list[Status]:
    """Return each key's status, in their order."""
    signing = len(signing_keys(keys))
    retired = [Status.RETIRED] * (len(keys) - signing)
    return [*retired, *(Status.PREVIOUS, Status.CURRENT)[SIGNING - signing :]]
