"""Following: how soon followers wake, and what they cost: `python -m bench.follow [--database-url URL] [--rounds N]`.

Wake-up: milliseconds from an append's answer to the page in a follower of another log on the same store, beside a
bare poll every 20 ms (SQLite), or plain LISTEN and NOTIFY by asyncpg and one query (PostgreSQL). Cost: appends a second
with many followers beside none, and what waiting costs a process that does nothing else. Rounds are interleaved.
"""

import argparse
import asyncio
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import asyncpg
import uvloop

from eventlog import Log, NewEvent, Write
from eventlog.postgres import PostgresLog
from eventlog.sqlite import SQLiteLog

EVENT = NewEvent("certificate.issued.v1", b'{"certificate":"%s"}' % (b"x" * 380))
WAKES = 40
APPENDS = 1_500
FOLLOWERS = 32
IDLE_SECONDS = 2.0
POLL_SECONDS = 0.02

_streams = map("certificate-{:012}".format, itertools.count())

Open = Callable[[], Awaitable[Log]]
Seen = Callable[[int], None]
Watch = Callable[[Seen], Awaitable[None]]


async def append(log: Log) -> int:
    """Append one event; return its position."""
    return (await log.append([Write(next(_streams), 0, (EVENT,))]))[0]


async def follow(log: Log, seen: Seen) -> None:
    """Follow, and tell each position."""
    async for page in log.follow(after=(await log.head()).size):
        seen(page.position)


def poll(path: Path) -> Watch:
    """Return a bare poll of the file."""

    async def watch(seen: Seen) -> None:
        connection, last = sqlite3.connect(path), -1
        while True:
            (position,) = connection.execute("SELECT max(position) FROM event").fetchone()
            if position != last:
                seen(position)
            last = position
            await asyncio.sleep(POLL_SECONDS)

    return watch


def listen(url: str) -> Watch:
    """Return plain LISTEN, with one query when it is notified."""

    async def watch(seen: Seen) -> None:
        connection, notified = await asyncpg.connect(url), asyncio.Event()
        await connection.add_listener("eventlog", lambda *_: notified.set())
        try:
            while True:
                await notified.wait()
                notified.clear()
                seen(await connection.fetchval("SELECT max(position) FROM eventlog.event"))
        finally:
            connection.terminate()

    return watch


async def wake_up(log: Log, watch: Watch) -> float:
    """Return the median milliseconds from an append's answer to its being seen."""
    moved, reached, delays = asyncio.Event(), 0, []

    def seen(position: int) -> None:
        nonlocal reached
        reached = position
        moved.set()

    watching = asyncio.ensure_future(watch(seen))
    await asyncio.sleep(0.2)
    for _ in range(WAKES):
        await asyncio.sleep(0.013)
        position, started = await append(log), time.perf_counter()
        while reached < position:
            moved.clear()
            await moved.wait()
        delays.append(time.perf_counter() - started)
    await end(watching)
    return statistics.median(delays) * 1_000


async def rate(log: Log) -> float:
    """Return appends a second of 16 tasks."""

    async def appender() -> None:
        for _ in range(APPENDS // 16):
            await append(log)

    started = time.perf_counter()
    await asyncio.gather(*(appender() for _ in range(16)))
    return APPENDS / (time.perf_counter() - started)


async def rate_with_followers(log: Log) -> float:
    """Return the same while others follow in this process, each looking for a type that never comes."""

    async def waiting() -> None:
        async for _ in log.follow(after=(await log.head()).size, types=["unheard.v1"]):
            await asyncio.sleep(0.01)

    tasks = [asyncio.ensure_future(waiting()) for _ in range(FOLLOWERS)]
    await asyncio.sleep(0.1)
    measured = await rate(log)
    await end(*tasks)
    return measured


async def idle(watches: list[Watch]) -> float:
    """Return the share of a core that watching takes while nothing happens, in percent."""
    tasks = [asyncio.ensure_future(watch(lambda _: None)) for watch in watches]
    await asyncio.sleep(0.2)
    before = time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    spent = time.process_time() - before
    await end(*tasks)
    return 100 * spent / IDLE_SECONDS


async def end(*tasks: asyncio.Future[None]) -> None:
    """Stop tasks that would go on for ever."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def show(name: str, ours: list[float], plain: list[float]) -> None:
    """Print the medians, and the median of the rounds' ratios."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    print(f"{name:<44}{statistics.median(ours):>10,.2f}{statistics.median(plain):>10,.2f}{ratio:>9.2f}")


async def compare(name: str, open_log: Open, plain: Watch, rounds: int) -> None:
    """Measure one backend."""
    async with AsyncExitStack() as stack:
        logs = [await open_log() for _ in range(2)]
        for log in logs:
            stack.push_async_callback(log.close)
        writing, following = logs

        async def ours(seen: Seen) -> None:
            await follow(following, seen)

        results: dict[str, tuple[list[float], list[float]]] = {}
        for _ in range(rounds):
            for what, mine, theirs in (
                ("wake-up, ms", wake_up(writing, ours), wake_up(writing, plain)),
                (f"appends/s with {FOLLOWERS} followers", rate_with_followers(writing), rate(writing)),
                ("idle, % of a core, 16 followers", idle([ours] * 16), idle([plain] * 16)),
            ):
                for measured, work in zip(results.setdefault(what, ([], [])), (mine, theirs), strict=True):
                    measured.append(await work)
        for what, measured in results.items():
            show(f"{name}: {what}", *measured)


async def run(folder: Path, url: str, rounds: int) -> None:
    """Measure both backends."""
    path = folder / "log.db"
    print(f"{'':<44}{'log':>10}{'plain':>10}{'ratio':>9}")
    await compare("SQLite", lambda: SQLiteLog.open(path), poll(path), rounds)
    if url:
        await compare("PostgreSQL", lambda: PostgresLog.open(url), listen(url), rounds)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", default="", help="an empty database of a PostgreSQL server, to measure too")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        uvloop.run(run(Path(folder), arguments.database_url, arguments.rounds))


if __name__ == "__main__":
    main()
