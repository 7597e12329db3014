"""What the tests have workers do."""

import os
import resource
import signal
import sys
import time
from pathlib import Path

from msgspec import Struct

from es_pki.adapters.worker import Work
from es_pki.commands.refusals import Malformed


class Numbers(Struct, frozen=True):
    """Some numbers."""

    numbers: tuple[int, ...]


def total(asked: Numbers) -> int:
    return sum(asked.numbers)


def refuse(field: str) -> None:
    raise Malformed.at(field, "a rule", "a detail")


def fail(secret: str) -> None:
    print(secret)
    raise ValueError(secret)


def hang(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def devour(octets: int) -> int:
    return len(bytearray(octets))


def end(status: int) -> None:
    os._exit(status)


def end_once(path: str) -> int:
    """End the process, unless another one did before."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def halves(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the half of each; an odd one ends the process."""
    if any(number % 2 for number in numbers):
        os._exit(1)
    return tuple(number // 2 for number in numbers)


def circumstances(_: int) -> tuple[list[str], list[str], int, int]:
    """Return the environment's names, the arguments, the bound of core files and the niceness."""
    return list(os.environ), sys.argv, resource.getrlimit(resource.RLIMIT_CORE)[0], os.nice(0)


HERE = "tests.adapters.worker.works"
TOTAL: Work[Numbers, int] = Work(f"{HERE}:total", Numbers, int, 20.0)
REFUSE: Work[str, None] = Work(f"{HERE}:refuse", str, type(None), 20.0)
FAIL: Work[str, None] = Work(f"{HERE}:fail", str, type(None), 20.0)
HANG: Work[float, int] = Work(f"{HERE}:hang", float, int, 0.5)
SLEEP: Work[float, int] = Work(f"{HERE}:hang", float, int, 20.0)
HALVES: Work[tuple[int, ...], tuple[int, ...]] = Work(f"{HERE}:halves", tuple[int, ...], tuple[int, ...], 20.0)
DEVOUR: Work[int, int] = Work(f"{HERE}:devour", int, int, 20.0)
END: Work[int, None] = Work(f"{HERE}:end", int, type(None), 20.0)
END_ONCE: Work[str, int] = Work(f"{HERE}:end_once", str, int, 20.0)
CIRCUMSTANCES: Work[int, tuple[list[str], list[str], int, int]] = Work(
    f"{HERE}:circumstances", int, tuple[list[str], list[str], int, int], 20.0
)
