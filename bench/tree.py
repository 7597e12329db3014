"""The tree over a SQLite log beside `pymerkle`'s SQLite tree: `python -m bench.tree [--records N] [--rounds N]`.

Both hold the same number of leaves in a file. "build": from the stored leaf hashes to the root, with nothing in
memory before. "cold": inclusion proofs of records all over the log, each of another block. "warm": of the newest
block. "append": what the tree costs those who append: the log with its leaf hashes and frontier, and with somebody who
asks for a proof ten times a second, beside the same log without any of that. Rounds alternate between the two, so
that whatever else the machine does falls on both.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import uvloop
from pymerkle import SqliteTree

from eventlog import NewEvent, Write, entry, merkle
from eventlog.proof import verify_inclusion
from eventlog.sqlite import SQLiteLog
from eventlog.tree import Tree

EVENT = NewEvent("certificate.issued.v1", b'{"certificate":"%s"}' % (b"x" * 380))
BATCH = 1_000

APPENDERS = {1: 2_000, 256: 25_600}
"""Events of a round, for each number of concurrent appenders."""

PROOFS = 200
"""Of a round, as far as the rival makes them within `PATIENCE` seconds."""

PATIENCE = 2.0

_streams = map("stream-{:012}".format, itertools.count())

Measure = tuple[list[float], list[float]]


async def fill(folder: Path, records: int) -> tuple[SQLiteLog, Path]:
    """Put as many leaves into both files."""
    log = await SQLiteLog.open(folder / "log.db")
    for number in range(records // BATCH):
        await log.append([Write(f"certificate-{number:012}", 0, (EVENT,) * BATCH)])
    theirs = folder / "pymerkle.db"
    tree = SqliteTree(str(theirs))
    tree.append_entries(itertools.repeat(EVENT.data, records))
    tree.close()
    return log, theirs


async def seconds(work: Awaitable[object]) -> float:
    """Return how long it took."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def rate(prove: Callable[[int], Awaitable[object]], positions: Iterable[int]) -> float:
    """Return proofs a second."""
    started = time.perf_counter()
    for count, position in enumerate(positions, 1):
        await prove(position)
        if (passed := time.perf_counter() - started) > PATIENCE:
            return count / passed
    return count / (time.perf_counter() - started)


def show(name: str, ours: list[float], theirs: list[float], *, digits: int = 1) -> None:
    """Print the medians, and the median of the rounds' ratios."""
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    print(f"{name:<28}{statistics.median(ours):>14,.0f}{statistics.median(theirs):>14,.0f}{ratio:>10.{digits}f}")


async def compare(folder: Path, records: int, rounds: int) -> None:
    """Measure in files of this folder."""
    log, path = await fill(folder, records)
    build, cold, warm = (([], []), ([], []), ([], []))  # type: tuple[Measure, Measure, Measure]
    dice = random.Random(0)  # noqa: S311 - which records are proved is no secret
    for _ in range(rounds):
        tree, rival = Tree(log), SqliteTree(str(path))
        build[0].append(records / await seconds(tree.root(records)))
        build[1].append(records / await seconds(_in_coroutine(rival.get_root, records)))

        async def ours(position: int, tree: Tree = tree) -> object:
            return await tree.inclusion(position, records)

        async def theirs(position: int, rival: SqliteTree = rival) -> object:
            return rival.prove_inclusion(position, records)

        anywhere = [256 * block + 1 for block in dice.sample(range(records // 256), PROOFS)]
        newest = [records - number for number in range(PROOFS)]
        for measure, positions in ((cold, anywhere), (warm, newest)):
            measure[0].append(await rate(ours, positions))
            measure[1].append(await rate(theirs, positions))
        proof = await tree.inclusion(7, records)
        if not verify_inclusion(6, records, await tree.leaf_hash(7), proof, await tree.root(records)):
            raise RuntimeError("what was measured proves nothing")
        rival.close()
    print(f"{f'{records:,} records':<28}{'log':>14}{'pymerkle':>14}{'ratio':>10}")
    show("build, leaves/s", *build)
    show("inclusion proofs/s, cold", *cold)
    show("inclusion proofs/s, warm", *warm)
    print(f"a cold proof takes {1_000 / statistics.median(cold[0]):.2f} ms")
    await log.close()


@contextlib.contextmanager
def without_hashes() -> Iterator[None]:
    """Append without a leaf hash or a frontier while the context lasts; such a log is good for nothing else."""
    kept = entry.leaf_hash_at, merkle.extend
    entry.leaf_hash_at = lambda _before, _time, _after: merkle.EMPTY_ROOT
    merkle.extend = lambda _size, _frontier, _leaves: ()
    try:
        yield
    finally:
        entry.leaf_hash_at, merkle.extend = kept


async def append(log: SQLiteLog, appenders: int, events: int) -> float:
    """Append from so many tasks, one event each time; return events a second."""

    async def appender(stream: str) -> None:
        for version in range(events // appenders):
            await log.append([Write(stream, version, (EVENT,))])

    started = time.perf_counter()
    await asyncio.gather(*(appender(next(_streams)) for _ in range(appenders)))
    return events / (time.perf_counter() - started)


async def keep_proving(log: SQLiteLog, tree: Tree) -> None:
    """Prove the newest record ten times a second, as an eager auditor would."""
    while True:
        size = (await log.head()).size
        if size:
            await tree.inclusion(size, size)
        await asyncio.sleep(0.1)


async def compare_appends(folder: Path, rounds: int) -> None:
    """Measure appends with and without the tree."""
    proved, bare = await SQLiteLog.open(folder / "proved.db"), await SQLiteLog.open(folder / "bare.db")
    tree = Tree(proved)
    for appenders, events in APPENDERS.items():
        measured: Measure = ([], [])
        for _ in range(rounds):
            proving = asyncio.create_task(keep_proving(proved, tree))
            measured[0].append(await append(proved, appenders, events))
            proving.cancel()
            with without_hashes():
                measured[1].append(await append(bare, appenders, events))
        show(f"append, {appenders} at a time", *measured, digits=2)
    await proved.close()
    await bare.close()


async def _in_coroutine(work: Callable[[int], object], argument: int) -> object:
    return work(argument)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        uvloop.run(compare(Path(folder), arguments.records, arguments.rounds))
        print(f"\n{'events/s':<28}{'with the tree':>14}{'without':>14}{'ratio':>10}")
        uvloop.run(compare_appends(Path(folder), arguments.rounds))


if __name__ == "__main__":
    main()
