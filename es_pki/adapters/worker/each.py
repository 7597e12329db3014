"""Many pieces of one work: done together, and apart where together is too much."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from es_pki.adapters.worker.pool import Workers, WorkUnbounded
from es_pki.adapters.worker.work import Work

A = TypeVar("A")
R = TypeVar("R")

MOST_TRIES = 24
"""Works that fail, before what is left is given up: a single bad piece among a thousand takes ten."""


async def do_each(
    workers: Workers, work: Work[tuple[A, ...], tuple[R, ...]], pieces: Sequence[A]
) -> list[R | WorkUnbounded]:
    """Return the result of every piece, in their order. What is unbounded is found by halving, and spoils no other.

    `work` answers every piece with one result. Raises what it raises, but for `WorkUnbounded`.
    """
    return await _Halving(workers, work).done(tuple(pieces))


class _Halving(Generic[A, R]):
    def __init__(self, workers: Workers, work: Work[tuple[A, ...], tuple[R, ...]]) -> None:
        self._workers = workers
        self._work = work
        self._failed = 0

    async def done(self, pieces: tuple[A, ...]) -> list[R | WorkUnbounded]:
        if not pieces:
            return []
        try:
            results: tuple[R, ...] = await self._workers.do(self._work, pieces)
            return list(results)
        except WorkUnbounded as unbounded:
            self._failed += 1
            if len(pieces) == 1 or self._failed > MOST_TRIES:
                return [unbounded] * len(pieces)
        half = len(pieces) // 2
        return [*await self.done(pieces[:half]), *await self.done(pieces[half:])]
