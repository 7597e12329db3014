"""What a worker is asked and answers: pure functions by name, and frames of msgpack through pipes.

A frame is its length in four octets, big-endian, then that many octets. A question is two frames, `Question` and the
encoded argument; an answer is two, `Told` and, when it says `done`, the encoded result.
"""

import importlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from es_pki.decider import Refused

A = TypeVar("A")
R = TypeVar("R")

MEMORY = 1 << 30
"""Octets of address space that a worker may have. A resting one has a quarter of that."""

LARGEST_FRAME = 64 << 20


class Work(Struct, Generic[A, R], frozen=True):
    """A pure function that workers run: `function` is `module:name`, so that asking for it imports nothing here.

    It takes one argument, annotated, and returns a result: of types that msgspec encodes. `seconds` is its deadline.
    """

    function: str
    argument: type[A]
    result: type[R]
    seconds: float


class Question(Struct, frozen=True):
    """Which function is to be called, and how many seconds of processor time it may take."""

    function: str
    seconds: float


class Outcome(StrEnum):
    """What became of a question: a result, a refusal by its name, too little memory, or an error nobody foresaw."""

    DONE = "done"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    FAILED = "failed"


class Told(Struct, frozen=True, omit_defaults=True):
    """The head of an answer. `name` is that of a refusal, or says what failed and where, never with what."""

    outcome: Outcome
    name: str = ""
    detail: str = ""
    violations: tuple[tuple[str, str, str], ...] = ()


def told_of(refused: Refused) -> Told:
    """Return a refusal as it is told."""
    violations = tuple((v.field, v.rule, v.detail) for v in refused.violations)
    return Told(Outcome.REFUSED, type(refused).__name__, refused.detail, violations)


def resolved(function: str) -> Callable[[Any], Any]:
    """Return the function of a `module:name`."""
    module, _, name = function.partition(":")
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    return found


def framed(content: bytes) -> bytes:
    """Return a frame."""
    return len(content).to_bytes(4, "big") + content


def encoded(value: object) -> bytes:
    """Return a value in msgpack."""
    return msgspec.msgpack.encode(value)
