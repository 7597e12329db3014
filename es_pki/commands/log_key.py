"""The log's own signing key: whoever trusts it can check the log without trusting es-pki. There is one: `log_key-log`.

Keys are cross-published: a new key's adoption is a record of the log, and checkpoints are signed by the newest two
keys. So whoever trusts the old key learns the new one from what the old one has signed. Only a log that was restored
without records that a checkpoint covers goes on under another name: see `LogRestored`.
"""

from msgspec import Struct

from es_pki.decider import Decider, Kind, Refused
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent, LogRestored

CATEGORY = "log_key"

THE_LOG = "log"
"""The id of the only aggregate of this kind."""


# Commands


class CreateLogKey(Struct, frozen=True):
    """Give the log its origin, for ever, and its first key. `public_key` is the 32 bytes of an Ed25519 key."""

    origin: str
    key_id: str
    public_key: bytes


class RotateLogKey(Struct, frozen=True):
    """Have another key sign from now on."""

    rotation_id: str
    key_id: str
    public_key: bytes


class RecordLogRestored(Struct, frozen=True):
    """Record that the log is one of `size` records again, where a `checkpoint` covers `checkpoint_size`."""

    size: int
    root_hash: bytes
    checkpoint: str
    checkpoint_size: int
    next_origin: str
    reason: str


LogKeyCommand = CreateLogKey | RotateLogKey | RecordLogRestored


# Refusals


class LogKeyMissing(Refused):
    """The log has no signing key yet, so nothing can be signed or rotated. `es-pki serve` makes one at its start."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about the key read: the keys adopted under the origin of now, the newest last; what began it."""

    adopted: tuple[LogKeyAdopted, ...] = ()
    restored: LogRestored | None = None


def evolve(state: State, event: LogKeyEvent) -> State:
    """Fold one event."""
    match event:
        case LogKeyAdopted():
            return State((*state.adopted, event), state.restored)
        case LogRestored():
            return State((), event)


# Decide


def decide(command: LogKeyCommand, state: State) -> list[LogKeyEvent]:
    """Turn a command into events."""
    match command:
        case CreateLogKey():
            return _create(command, state)
        case RotateLogKey():
            return _rotate(command, state)
        case RecordLogRestored():
            return _restored(command, state)


def _create(command: CreateLogKey, state: State) -> list[LogKeyEvent]:
    if state.adopted:
        return []
    origin = state.restored.next_origin if state.restored else command.origin
    return [LogKeyAdopted(origin, command.key_id, command.public_key)]


def _rotate(command: RotateLogKey, state: State) -> list[LogKeyEvent]:
    if not state.adopted:
        raise LogKeyMissing("the log has no key yet")
    if any(adopted.rotation_id == command.rotation_id for adopted in state.adopted):
        return []
    origin = state.adopted[-1].origin
    return [LogKeyAdopted(origin, command.key_id, command.public_key, command.rotation_id)]


def _restored(command: RecordLogRestored, state: State) -> list[LogKeyEvent]:
    if state.restored is not None and state.restored.checkpoint == command.checkpoint:
        return []
    if command.checkpoint_size <= command.size:
        return []
    if not state.adopted:
        raise LogKeyMissing("the log has no key yet")
    return [
        LogRestored(
            origin=state.adopted[-1].origin,
            size=command.size,
            root_hash=command.root_hash,
            checkpoint=command.checkpoint,
            next_origin=command.next_origin,
            reason=command.reason,
        )
    ]


# The aggregate


LogKeyDecider = Decider[LogKeyCommand, State, LogKeyEvent]

decider: LogKeyDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
