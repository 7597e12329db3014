"""Compromised keys: reported once, blocked for ever. The aggregate's id is the public key's hash."""

import re

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.key_guard import CATEGORY
from es_pki.commands.refusals import NotFound, RulesBroken
from es_pki.decider import Decider, Refused, Violation
from es_pki.events.key_compromise import KeyCompromiseEvent, KeyCompromiseReported, KeyUsesRevoked

_HASH = re.compile("[0-9a-f]{64}")
_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")


# Commands


class ReportKeyCompromise(Struct, frozen=True):
    """Block a key: `public_key_hash` is the SHA-256 of its SubjectPublicKeyInfo in hex."""

    public_key_hash: str
    reason: str


class RecordUsesRevoked(Struct, frozen=True):
    """What was certified for the key was revoked: `count` of them just now."""

    count: int


KeyCompromiseCommand = ReportKeyCompromise | RecordUsesRevoked


# Refusals


class KeyUnnamed(Refused):
    """The request names no key, or names it twice. Give one of certificate, authority, public_key, public_key_hash."""


# State


class State(Struct, frozen=True):
    """What decisions about a key read: whether it was reported, and what used it revoked."""

    is_reported: bool = False
    are_uses_revoked: bool = False


def evolve(state: State, event: KeyCompromiseEvent) -> State:
    """Fold one event."""
    match event:
        case KeyCompromiseReported():
            return replace(state, is_reported=True)
        case KeyUsesRevoked():
            return replace(state, are_uses_revoked=True)


# Decide


def decide(command: KeyCompromiseCommand, state: State) -> list[KeyCompromiseEvent]:
    """Turn a command into events."""
    match command:
        case ReportKeyCompromise():
            return _report(command, state)
        case RecordUsesRevoked(count=count):
            if not state.is_reported:
                raise NotFound("the key was never reported as compromised")
            return [] if state.are_uses_revoked else [KeyUsesRevoked(count)]


def _report(command: ReportKeyCompromise, state: State) -> list[KeyCompromiseEvent]:
    if state.is_reported:
        return []
    found = []
    if not _HASH.fullmatch(command.public_key_hash):
        found.append(Violation("public_key_hash", "keys are known by SHA-256", "64 hexadecimal digits, lower case"))
    if not _REASON.fullmatch(command.reason):
        found.append(Violation("reason", "a reason is one line", "1 to 200 printable characters"))
    RulesBroken.if_any(found)
    return [KeyCompromiseReported(command.reason)]


# The aggregate


KeyCompromiseDecider = Decider[KeyCompromiseCommand, State, KeyCompromiseEvent]

decider: KeyCompromiseDecider = Decider(category=CATEGORY, initial=State(), evolve=evolve, decide=decide)
