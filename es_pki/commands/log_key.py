"""The log's own signing key: whoever trusts it can check the log without trusting es-pki. There is one: `log_key-log`.

Keys are cross-published: a new key's adoption is a record of the log, and checkpoints are signed by the newest two
keys. So whoever trusts the old key learns the new one from what the old one has signed.
"""

from msgspec import Struct

from es_pki.decider import Decider, Kind, Refused
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent

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


LogKeyCommand = CreateLogKey | RotateLogKey


# Refusals


class LogKeyMissing(Refused):
    """The log has no signing key yet, so nothing can be signed or rotated. `es-pki serve` makes one at its start."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about the key read: the keys adopted so far, the newest last."""

    adopted: tuple[LogKeyAdopted, ...] = ()


def evolve(state: State, event: LogKeyEvent) -> State:
    """Fold one event."""
    return State((*state.adopted, event))


# Decide


def decide(command: LogKeyCommand, state: State) -> list[LogKeyEvent]:
    """Turn a command into events."""
    match command:
        case CreateLogKey():
            return _create(command, state)
        case RotateLogKey():
            return _rotate(command, state)


def _create(command: CreateLogKey, state: State) -> list[LogKeyEvent]:
    if state.adopted:
        return []
    return [LogKeyAdopted(command.origin, command.key_id, command.public_key)]


def _rotate(command: RotateLogKey, state: State) -> list[LogKeyEvent]:
    if not state.adopted:
        raise LogKeyMissing("the log has no key yet")
    if any(adopted.rotation_id == command.rotation_id for adopted in state.adopted):
        return []
    origin = state.adopted[-1].origin
    return [LogKeyAdopted(origin, command.key_id, command.public_key, command.rotation_id)]


# The aggregate


LogKeyDecider = Decider[LogKeyCommand, State, LogKeyEvent]

decider: LogKeyDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
