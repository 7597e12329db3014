"""The log beside raw drivers of the same durability and beside `eventsourcing`, in one interleaved run.

`python -m bench.log [--postgres [URL]] [--folder F] [--rounds N]`: on SQLite, or on PostgreSQL (without a URL a durable
server of its own). Rounds alternate, so that whatever else the machine does falls on all; ratios are the medians of
the rounds' ratios. What the tree costs is measured by `bench.tree`.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench.contenders import Contender, EventSourcing, Ours, RawPostgres, RawSQLite
from eventlog import verify
from eventlog.postgres import PostgresLog
from eventlog.sqlite import SQLiteLog
from tests import postgres

APPENDERS = {1: 2_000, 16: 8_000, 256: 25_600}
"""Events of a round, for each number of concurrent appenders."""

SLOWER = {1: 500, 16: 1_600, 256: 5_120}
"""Of those who commit each event by itself: fewer, so that a round of theirs takes as long."""

AGGREGATES = 1_000
REPLAYED = 100_000


class Field(NamedTuple):
    """Who takes part on a backend."""

    log: Ours
    raw: Contender
    rival: EventSourcing
    readers: EventSourcing


Measured = Mapping[str, list[float]]


async def rate(work: Awaitable[object], number: int) -> float:
    """Return how many a second."""
    started = time.perf_counter()
    await work
    return number / (time.perf_counter() - started)


def line(what: str, measured: Measured) -> None:
    """Print the medians in events a second, and the first as a ratio of each other, round by round."""
    names = list(measured)
    rates = "  ".join(f"{name} {statistics.median(measured[name]):,.0f}/s" for name in names)
    ratios = "  ".join(f"{ratio(measured, names[0], other):.2f} of {other}" for other in names[1:])
    print(f"{what:<22}{rates}   =  {ratios}", flush=True)


def ratio(measured: Measured, one: str, other: str) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(measured[one], measured[other], strict=True))


async def interleaved(rounds: int, works: Mapping[str, Callable[[], Awaitable[float]]]) -> Measured:
    """Run each work once a round; return each one's rates."""
    measured: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            measured[name].append(await work())
    return measured


async def compare_appends(field: Field, rounds: int) -> None:
    """Print a line for each number of appenders."""
    for appenders, number in APPENDERS.items():
        few = SLOWER[appenders]
        latencies: list[float] = []

        def of(contender: Contender, number: int, appenders: int = appenders) -> Callable[[], Awaitable[float]]:
            return lambda: rate(contender.append(number, appenders), number)

        def timed(number: int = number, appenders: int = appenders, into: list[float] = latencies) -> Awaitable[float]:
            return rate(field.log.append(number, appenders, into), number)

        works = {"log": timed, "raw": of(field.raw, number)}
        line(f"append, {appenders} at a time", await interleaved(rounds, {**works, "recorder": of(field.rival, few)}))
        ordered = sorted(latencies)
        p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        print(f"{'':<22}p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms = {p99 / p50:.1f} of p50", flush=True)


async def compare_reads(field: Field, rounds: int) -> None:
    """Print lines for reading, replaying, auditing and loading."""
    size = (await field.log.log.head()).size
    await field.log.append(max(REPLAYED - size, 256), 256)
    ids = await field.readers.make_aggregates(AGGREGATES)
    streams = await field.log.make_aggregates(AGGREGATES)
    size, stored, theirs = (await field.log.log.head()).size, await field.raw.scan(), await field.readers.scan()
    works: dict[str, Callable[[], Awaitable[float]]] = {
        "replay": lambda: rate(field.log.replay(), size),
        "scan": lambda: rate(field.log.scan(), size),
        "raw scan": lambda: rate(field.raw.scan(), stored),
        "notifications and mapper": lambda: rate(field.readers.replay(), theirs),
    }
    line("replay", await interleaved(rounds, works))
    works = {"audit": lambda: rate(verify(field.log.log), size), "replay": lambda: rate(field.log.replay(), size)}
    line("audit", await interleaved(rounds, works))
    works = {
        "log": lambda: rate(field.log.load(streams), AGGREGATES),
        "repository": lambda: rate(field.readers.load(ids), AGGREGATES),
    }
    line("load 4 events", await interleaved(rounds, works))


async def on_sqlite(folder: Path, rounds: int) -> None:
    """Measure in files of this folder."""
    log = await SQLiteLog.open(folder / "log.db")
    field = Field(
        Ours(log),
        RawSQLite(folder / "raw.db"),
        EventSourcing.on_sqlite(folder / "recorder.db"),
        EventSourcing.on_sqlite(folder / "readers.db"),
    )
    await compare_appends(field, rounds)
    await compare_reads(field, rounds)
    await log.close()


async def on_postgres(url: str, rounds: int) -> None:
    """Measure in fresh databases beside this one."""
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(postgres.database(url)) for _ in range(4)]
        log = await PostgresLog.open(urls[0])
        stack.push_async_callback(log.close)
        raw = await RawPostgres.connect(urls[1])
        stack.push_async_callback(raw.close)
        rivals = [EventSourcing.on_postgres(one) for one in urls[2:]]
        field = Field(Ours(log), raw, *rivals)
        await compare_appends(field, rounds)
        await compare_reads(field, rounds)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", metavar="URL", nargs="?", const="", help="measure on PostgreSQL")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.postgres is not None:
        with (
            contextlib.nullcontext(arguments.postgres) if arguments.postgres else postgres.running(durable=True) as url
        ):
            uvloop.run(on_postgres(url, arguments.rounds))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        uvloop.run(on_sqlite(Path(folder), arguments.rounds))


if __name__ == "__main__":
    main()
