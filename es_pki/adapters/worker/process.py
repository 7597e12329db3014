"""A worker: `python -m es_pki.adapters.worker.process`. It does what it is asked on standard input, and nothing else.

Its memory, the processor time of each work and its open files are bounded; it leaves no core file. It ends with its
input. What goes wrong is told by its kind and place: an error's own words may repeat what was sent.
"""

import os
import resource
import sys
import traceback
from typing import BinaryIO, get_type_hints

import msgspec

from es_pki.adapters.worker.work import (
    LARGEST_FRAME,
    MEMORY,
    Outcome,
    Question,
    Told,
    encoded,
    framed,
    resolved,
    told_of,
)
from es_pki.decider import Refused

NICENESS = 10
OPEN_FILES = 64


def main() -> None:
    """Work until nobody asks any more."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    for output in (1, 2):  # what a library prints is no answer, and may repeat what was sent, as a panic does
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    _bound()
    try:
        while (question := _frame(source)) is not None:
            told, result = _answer(msgspec.msgpack.decode(question, type=Question), _frame(source) or b"")
            target.write(framed(encoded(told)) + framed(result))
            target.flush()
            if told.outcome is Outcome.EXHAUSTED:
                return  # what is left of this process may lack something
    except BrokenPipeError:
        os._exit(0)


def _bound() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def _answer(question: Question, argument: bytes) -> tuple[Told, bytes]:
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    limit = int(used + question.seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))  # for when nobody is left to end us
    try:
        function = resolved(question.function)
        kinds = [kind for name, kind in get_type_hints(function).items() if name != "return"]
        result = encoded(function(msgspec.msgpack.decode(argument, type=kinds[0])))
    except Refused as refused:
        return told_of(refused), b""
    except MemoryError:
        return Told(Outcome.EXHAUSTED), b""
    except Exception as error:  # noqa: BLE001 - the asking process raises it again
        return Told(Outcome.FAILED, f"{type(error).__name__} at {_place(error)}"), b""
    if len(result) > LARGEST_FRAME:
        return Told(Outcome.EXHAUSTED), b""
    return Told(Outcome.DONE), result


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames[-3:])


def _frame(source: BinaryIO) -> bytes | None:
    """Return the next frame, None at the end."""
    length = source.read(4)
    return source.read(int.from_bytes(length, "big")) if len(length) == 4 else None


if __name__ == "__main__":
    main()
