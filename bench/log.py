"""The SQLite log beside raw `sqlite3` of the same durability: `python -m bench.log [--folder F] [--rounds N]`.

Rounds are interleaved, so that whatever else the machine does falls on both. Raw: one table with a primary key
and a unique index of (stream, version), as many rows a transaction as there are appenders.
"""

import argparse
import asyncio
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

import uvloop

from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog

APPENDERS = {1: 2_000, 16: 8_000, 256: 25_600}
"""Events of a round, for each number of concurrent appenders."""

EVENT = NewEvent("certificate.issued.v1", b'{"certificate":"%s"}' % (b"x" * 380))
METADATA = b'{"principal":"bench"}'

_RAW = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE event(position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, type TEXT, time INTEGER,
  metadata BLOB, data BLOB, UNIQUE(stream, version));
"""

_streams = map("certificate-{:012}".format, itertools.count())


class Raw:
    """What the ratios are of."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_RAW)
        self._positions = itertools.count(1)

    async def append(self, events: int, appenders: int) -> None:
        """Insert rows, `appenders` a transaction."""
        streams = [next(_streams) for _ in range(appenders)]
        execute = self._connection.execute
        for version in range(1, events // appenders + 1):
            now = time.time_ns() // 1_000
            rows = [
                (next(self._positions), stream, version, EVENT.type, now, METADATA, EVENT.data) for stream in streams
            ]
            execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            execute("COMMIT")

    async def replay(self) -> int:
        """Scan the table."""
        return sum(1 for _ in self._connection.execute("SELECT * FROM event ORDER BY position"))


class Ours:
    """The log."""

    def __init__(self, log: SQLiteLog) -> None:
        self._log = log

    async def append(self, events: int, appenders: int) -> None:
        """Append from so many tasks, one event each time."""

        async def appender(stream: str) -> None:
            for version in range(events // appenders):
                await self._log.append([Write(stream, version, (EVENT,))], metadata=METADATA)

        await asyncio.gather(*(appender(next(_streams)) for _ in range(appenders)))

    async def replay(self) -> int:
        """Read all pages."""
        return sum([len(page.records) async for page in self._log.read_all()])


async def rate(work: Awaitable[object], events: int) -> float:
    """Return events a second."""
    started = time.perf_counter()
    await work
    return events / (time.perf_counter() - started)


def show(name: str, ours: list[float], raw: list[float]) -> None:
    """Print the medians, and the median of the rounds' ratios."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, raw, strict=True))
    print(f"{name:<24}{statistics.median(ours):>12,.0f}{statistics.median(raw):>12,.0f}{ratio:>9.2f}")


async def compare(folder: Path, rounds: int) -> None:
    """Measure in files of this folder."""
    raw, log = Raw(folder / "raw.db"), await SQLiteLog.open(folder / "log.db")
    stores: tuple[Ours | Raw, ...] = (Ours(log), raw)
    print(f"{'events/s':<24}{'log':>12}{'raw':>12}{'ratio':>9}")
    for appenders, events in APPENDERS.items():
        measured: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for rates, store in zip(measured, stores, strict=True):
                rates.append(await rate(store.append(events, appenders), events))
        show(f"append, {appenders} at a time", *measured)
    measured = ([], [])
    stored = (await log.head()).size
    for _ in range(rounds):
        for rates, store in zip(measured, stores, strict=True):
            rates.append(await rate(store.replay(), stored))
    show("replay", *measured)
    await log.close()


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        uvloop.run(compare(Path(folder), arguments.rounds))


if __name__ == "__main__":
    main()
