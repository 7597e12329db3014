"""The keys that sign the log's checkpoints, as the log itself tells of them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from es_pki.adapters.recorded import happened
from es_pki.commands.log_key import CATEGORY, THE_LOG
from es_pki.events.log_key import LogKeyAdopted
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
    """A key, and the position and time of its adoption."""

    position: int
    time: datetime
    adopted: LogKeyAdopted

    @property
    def verifier(self) -> VerifierKey:
        """Return what has to be known to verify its signatures."""
        return VerifierKey(self.adopted.origin, self.adopted.public_key)


async def log_keys(log: Log) -> list[LogKey]:
    """Return all keys, the newest last. Raises `LogError`, and `UndecodableEvent` for damaged records."""
    found = []
    for record in await log.read_stream(f"{CATEGORY}-{THE_LOG}"):
        recorded = happened(record)
        match recorded.event:
            case LogKeyAdopted() as adopted:
                found.append(LogKey(recorded.position, recorded.time, adopted))
            case _:
                pass
    return found


def statuses(keys: Sequence[LogKey]) -> list[Status]:
    """Return each key's status, in their order."""
    retired = [Status.RETIRED] * (len(keys) - SIGNING)
    return [*retired, *(Status.PREVIOUS, Status.CURRENT)[-len(keys) :]] if keys else []
