"""Workers as those see them who have work: started when there is something to do, ended when they rest for long.

Order      Whoever comes first gets the next free worker.
Deadline   A work that isn't done by its deadline is ended with its process, and refused (`WorkUnbounded`).
Memory     So is what needs more memory than a worker has, or ends its process twice.
Secrets    Arguments and results go through pipes, from memory to memory.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from es_pki.adapters import child
from es_pki.adapters.child import Child
from es_pki.adapters.worker.work import LARGEST_FRAME, Outcome, Question, Told, Work, encoded, framed
from es_pki.decider import Refused, Violation

A = TypeVar("A")
R = TypeVar("R")

AT_A_TIME = 2
"""Workers at most."""

RESTING_SECONDS = 60.0
"""A worker that has had nothing to do for so long is ended."""

GONE = (BrokenPipeError, ConnectionResetError, asyncio.IncompleteReadError)


class WorkUnbounded(Refused):
    """What was sent takes more time or memory to read than anything sound does. Send it in a plainer form."""


class WorkFailed(Exception):
    """A worker met an error that nobody foresaw; the message says which and where."""


class Workers:
    """Belongs to one event loop; `close` ends all processes."""

    def __init__(self, at_a_time: int = AT_A_TIME) -> None:
        self._turns = asyncio.Semaphore(at_a_time)
        self._resting: dict[Child, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def do(self, work: Work[A, R], argument: A) -> R:
        """Return the result of a work. Raises the `Refused` that it raised, `WorkUnbounded` and `WorkFailed`."""
        content = framed(encoded(Question(work.function, work.seconds))) + framed(encoded(argument))
        async with self._turns:
            try:
                told, result = await self._asked(content, work.seconds)
            except GONE:
                try:  # it may have been ended from outside
                    told, result = await self._asked(content, work.seconds)
                except GONE:
                    raise _unbounded("it ended the process that read it") from None
        match told.outcome:
            case Outcome.DONE:
                answer: R = msgspec.msgpack.decode(result, type=work.result)
                return answer
            case Outcome.REFUSED:
                raise refusal_of(told)
            case Outcome.EXHAUSTED:
                raise _unbounded("it takes too much memory")
            case Outcome.FAILED:
                raise WorkFailed(f"{work.function}: {told.name}")

    async def close(self) -> None:
        """End all workers. None may be working."""
        for timer in self._resting.values():
            timer.cancel()
        resting = list(self._resting)
        self._resting.clear()
        await asyncio.gather(*map(child.end, resting), *self._ending)

    async def _asked(self, content: bytes, seconds: float) -> tuple[Told, bytes]:
        worker = await self._worker()
        try:
            async with asyncio.timeout(seconds):
                told, result = await _exchange(worker, content)
        except TimeoutError:
            await child.end(worker)
            raise _unbounded(f"it takes longer than {seconds:.0f} seconds") from None
        except BaseException:  # also when cancelled: its answer would be taken for the next one's
            await child.end(worker)
            raise
        if told.outcome is Outcome.EXHAUSTED:
            await child.end(worker)
        else:
            loop = asyncio.get_running_loop()
            self._resting[worker] = loop.call_later(RESTING_SECONDS, self._let_go, worker)
        return told, result

    async def _worker(self) -> Child:
        if self._resting:
            worker, timer = self._resting.popitem()
            timer.cancel()
            return worker
        return await child.start("es_pki.adapters.worker.process")

    def _let_go(self, worker: Child) -> None:
        del self._resting[worker]
        ending = asyncio.ensure_future(child.end(worker))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _exchange(worker: Child, content: bytes) -> tuple[Told, bytes]:
    if worker.stdin is None or worker.stdout is None:
        raise BrokenPipeError("the worker has no pipes")
    worker.stdin.write(content)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end shows in what it answers
        await worker.stdin.drain()
    told: Told = msgspec.msgpack.decode(await _frame(worker.stdout), type=Told)
    return told, await _frame(worker.stdout)


async def _frame(source: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await source.readexactly(4), "big")
    if length > LARGEST_FRAME:
        raise BrokenPipeError("that is no answer")
    return await source.readexactly(length)


def _unbounded(why: str) -> WorkUnbounded:
    return WorkUnbounded(f"this can't be read: {why}", Violation("body", "work is bounded", why))


def refusal_of(told: Told) -> Refused:
    """Return a refusal as it was raised; its name is looked up among those that there are. Raises `WorkFailed`."""
    refusal = next((each for each in _refusals(Refused) if each.__name__ == told.name), None)
    if refusal is None:
        raise WorkFailed(f"there is no refusal {told.name}")
    made = refusal.__new__(refusal)
    Refused.__init__(made, told.detail, *(Violation(*each) for each in told.violations))
    return made


def _refusals(family: type[Refused]) -> Iterator[type[Refused]]:
    for refusal in family.__subclasses__():
        yield refusal
        yield from _refusals(refusal)
