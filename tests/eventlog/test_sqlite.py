import asyncio
import contextlib
import signal
import sqlite3
import sys

import pytest

from eventlog import Damaged, LogError, NewEvent, Unavailable, clock, verify
from eventlog.sqlite import SQLiteLog
from tests.eventlog.contract import ISSUED, LogContract, SharedLogContract, everything, follow_until, write
from tests.eventlog.following import FollowingContract
from tests.eventlog.restoring import RestoringContract


class Store:
    def __init__(self, path):
        self.path = path
        self.opened = []

    async def open(self, *, now=clock.now):
        log = await SQLiteLog.open(self.path, now=now)
        self.opened.append(log)
        return log


@pytest.fixture
async def store(tmp_path):
    store = Store(tmp_path / "log.db")
    yield store
    for log in store.opened:
        await log.close()


@pytest.fixture
def shell(store):
    """What somebody with the sqlite3 shell can do."""
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        yield connection


class TestSQLiteLog(LogContract, RestoringContract):
    pass


class TestSharedSQLiteLog(SharedLogContract):
    pass


class TestFollowingSQLiteLog(FollowingContract):
    pass


async def appender(store, name):
    """Start a process that appends as quickly as it can and prints the positions that it was told."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.eventlog.appender", store.path, name, stdout=asyncio.subprocess.PIPE
    )


async def acknowledged(process, at_least):
    lines = [await process.stdout.readline() for _ in range(at_least)]
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return {tuple(line.split()) for line in lines if line.endswith(b"\n")}


async def test_what_was_acknowledged_survives_a_killed_process(store):
    told = await acknowledged(await appender(store, "killed"), 300)
    log = await store.open()
    stored = {(b"%d" % r.position, r.stream.encode()) for r in await everything(log)}
    assert told <= stored
    assert (await verify(log)).findings == ()
    await log.append(write("after", 0))


async def test_a_follower_misses_nothing_of_racing_processes(store):
    log = await store.open()
    processes = [await appender(store, name) for name in ("one", "two")]
    own = [await log.append(write(f"own-{number}", 0)) for number in range(50)]
    told = await asyncio.gather(*(acknowledged(process, 300) for process in processes))
    records, _ = await asyncio.wait_for(follow_until(log, (await log.head()).size), 10)
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    stored = {(b"%d" % record.position, record.stream.encode()) for record in records}
    assert set.union(*told) <= stored
    assert len(own) + sum(map(len, told)) <= len(records)
    assert (await verify(log)).findings == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET data = x'00'",
        "DELETE FROM event",
        "UPDATE stream SET name = 'b'",
        "DELETE FROM stream",
        "UPDATE type SET name = 'b'",
        "DELETE FROM type",
        "UPDATE head SET size = 0",
        "DELETE FROM head",
    ],
)
async def test_the_database_itself_refuses_to_change_the_past(store, shell, statement):
    await (await store.open()).append(write("a", 0))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        shell.execute(statement)


async def test_a_file_of_somebody_else_is_refused(store, shell):
    shell.execute("CREATE TABLE somebody(thing)")
    with pytest.raises(LogError, match="not an event log"):
        await store.open()


async def test_a_later_format_is_refused(store, shell):
    await (await store.open()).close()
    shell.execute("PRAGMA user_version = 99")
    with pytest.raises(LogError, match="format 99"):
        await store.open()


async def test_a_file_that_is_no_database_is_an_alarm(store):
    store.path.write_bytes(b"no database" * 1_000)
    with pytest.raises(Damaged):
        await store.open()


async def test_a_waiting_writer_gets_its_turn(store, shell):
    log = await store.open()
    shell.execute("BEGIN IMMEDIATE")
    appending = asyncio.create_task(log.append(write("a", 0)))
    await asyncio.sleep(0.05)
    assert not appending.done()
    shell.execute("ROLLBACK")
    assert await asyncio.wait_for(appending, 10) == (1,)


async def test_a_full_disk_stores_nothing_and_the_log_goes_on(store):
    log = await store.open()
    await log.append(write("a", 0))
    connection = log._writer._connection
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(Unavailable):
        await log.append(write("a", 1, *[ISSUED] * 1_000))
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await log.append(write("a", 1)) == (2,)
    assert (await verify(log)).findings == ()


async def test_the_write_ahead_log_stays_short_and_becomes_database(store):
    log = await store.open()
    large = NewEvent("large.v1", bytes(30_000))

    async def append(name):
        for version in range(20):
            await log.append(write(name, version, large))

    for burst in range(10):
        await asyncio.gather(*(append(f"{burst}-{number}") for number in range(8)))
    written = 10 * 8 * 20 * len(large.data)
    assert store.path.with_name("log.db-wal").stat().st_size < written / 2
    assert store.path.stat().st_size > written / 2


async def test_an_append_to_a_truncated_log_is_an_alarm(store, shell):
    log = await store.open()
    await log.append(write("a", 0, ISSUED, ISSUED))
    shell.execute("DROP TRIGGER event_no_delete")
    shell.execute("DELETE FROM event WHERE position = 2")
    with pytest.raises(Damaged):
        await log.append(write("b", 0))
    with pytest.raises(Damaged, match="position 2"):
        await everything(log)
    with pytest.raises(Damaged, match="missing"):
        await log.leaf_hashes(0, 2)
