import asyncio

import asyncpg
import pytest

from eventlog import Closed, Conflict, Damaged, LogError, batch, clock, verify
from eventlog.postgres import PostgresLog, writer
from tests.eventlog.contract import ISSUED, LogContract, SharedLogContract, everything, follow_until, write
from tests.eventlog.following import FollowingContract
from tests.eventlog.restoring import RestoringContract


class Store:
    def __init__(self, url):
        self.url = url
        self.opened = []

    async def open(self, *, now=clock.now):
        log = await PostgresLog.open(self.url, now=now)
        self.opened.append(log)
        return log


@pytest.fixture
async def store(postgres_url):
    store = Store(postgres_url)
    yield store
    for log in store.opened:
        await log.close()


@pytest.fixture
async def shell(store):
    """What somebody with psql can do."""
    connection = await asyncpg.connect(store.url)
    yield connection
    await connection.close()


class TestPostgresLog(LogContract, RestoringContract):
    pass


class TestSharedPostgresLog(SharedLogContract):
    pass


class TestFollowingPostgresLog(FollowingContract):
    pass


async def terminate(shell):
    """End every other connection to the database."""
    await shell.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE eventlog.event SET data = ''",
        "DELETE FROM eventlog.event",
        "TRUNCATE eventlog.event",
        "UPDATE eventlog.head SET size = 0",
        "DELETE FROM eventlog.head",
        "TRUNCATE eventlog.head",
    ],
)
async def test_the_database_itself_refuses_to_change_the_past(store, shell, statement):
    await (await store.open()).append(write("a", 0))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
        await shell.execute(statement)


async def test_a_query_under_way_while_the_log_closes_is_answered_or_told(store):
    """Each round closes it just when the server has begun to answer: some queries are between two messages."""
    for _ in range(30):
        log = await store.open()
        asking = [asyncio.create_task(log.position_at(now)) for now in range(8)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await log.close()
        for answer in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(answer, int | Closed)


async def test_a_later_format_is_refused(store, shell):
    await store.open()
    await shell.execute("ALTER TABLE eventlog.head DISABLE TRIGGER ALL; UPDATE eventlog.head SET format = 99")
    with pytest.raises(LogError, match="format 99"):
        await store.open()


async def test_killed_connections_lose_and_repeat_nothing(store, shell):
    logs = [await store.open() for _ in range(2)]
    reader = await store.open()
    following = asyncio.create_task(follow_until(reader, 16 * 40))

    async def append(log, name):
        return [(await log.append(write(name, version)))[0] for version in range(40)]

    appending = asyncio.gather(*(append(log, f"{n}-{task}") for n, log in enumerate(logs) for task in range(8)))
    for number in range(10):
        await terminate(shell)
        await asyncio.sleep(0.02 * number)
    told = sorted(position for positions in await appending for position in positions)
    assert told == list(range(1, 16 * 40 + 1))
    records, _ = await asyncio.wait_for(following, 20)
    assert [record.position for record in records] == told
    assert (await verify(reader)).findings == ()


async def test_a_later_position_is_never_seen_before_an_earlier_one(store, shell):
    """A writer that is slow to commit holds up those behind it, rather than being overtaken and missed."""
    log = await store.open()
    late = batch.prepare(write("late", 0), b"{}", asyncio.get_running_loop().create_future())
    outcome = batch.plan([late], batch.EMPTY_HEAD, 1, {}.get)
    async with shell.transaction():
        row = await shell.fetchrow(writer._APPEND, *writer._arguments(outcome, batch.EMPTY_HEAD, hopeful=False))
        assert row["stored"]
        following = asyncio.create_task(follow_until(log, 2))
        appending = asyncio.create_task(log.append(write("early", 0)))
        await asyncio.sleep(0.2)
        assert (appending.done(), (await log.head()).size) == (False, 0)
    assert await asyncio.wait_for(appending, 10) == (2,)
    records, _ = await asyncio.wait_for(following, 10)
    assert [(record.position, record.stream) for record in records] == [(1, "late"), (2, "early")]


async def test_an_answer_lost_after_the_commit_is_found_out(store, shell):
    log = await store.open()
    await log.append(write("a", 0))
    connection = log._writer._connection
    fetchrow = connection.fetchrow

    async def lose_the_answer(*arguments):
        await fetchrow(*arguments)
        raise ConnectionResetError

    log._writer._connection = type("Losing", (), {"fetchrow": staticmethod(lose_the_answer)})()
    log._writer._connection.terminate = connection.terminate
    assert await log.append(write("a", 1)) == (2,)
    assert await log.append(write("a", 2)) == (3,)
    assert len(await everything(log)) == 3


async def test_reading_survives_a_killed_connection(store, shell):
    log = await store.open()
    await log.append(write("a", 0))
    await everything(log)
    await terminate(shell)
    assert len(await everything(log)) == 1
    assert (await log.head()).size == 1


async def test_a_transaction_in_another_database_stops_no_follower(store, postgres_server):
    other = await asyncpg.connect(postgres_server)
    async with other.transaction():
        await other.execute("SELECT pg_current_xact_id()")
        log = await store.open()
        await log.append(write("a", 0))
        records, _ = await asyncio.wait_for(follow_until(log, 1), 10)
        assert len(records) == 1
    await other.close()


async def test_an_append_to_a_truncated_log_is_an_alarm(store, shell):
    log = await store.open()
    await log.append(write("a", 0, ISSUED, ISSUED))
    await shell.execute("ALTER TABLE eventlog.event DISABLE TRIGGER ALL; DELETE FROM eventlog.event WHERE position = 2")
    with pytest.raises(Damaged):
        await log.append(write("b", 0))
    with pytest.raises(Damaged, match="position 2"):
        await everything(log)
    with pytest.raises(Damaged, match="missing"):
        await log.leaf_hashes(0, 2)


async def test_a_conflict_with_another_writer_is_told_to_who_was_late(store):
    one, other = await store.open(), await store.open()
    outcomes = await asyncio.gather(
        *(log.append(write(f"s-{number}", 0)) for number in range(100) for log in (one, other)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 100
    assert (await one.head()).size == 100


async def test_versions_are_remembered_only_as_long_as_nobody_else_appends(postgres_url):
    """What a writer remembers must not let a stream skip or repeat a version."""
    one, other = [await PostgresLog.open(postgres_url) for _ in range(2)]
    try:
        await one.append(write("a", 0))
        await one.append(write("a", 1))
        await other.append(write("a", 2))
        with pytest.raises(Conflict):
            await one.append(write("a", 2))
        with pytest.raises(Conflict):
            await other.append(write("a", 0))
        await one.append(write("a", 3))
        assert [record.version for record in await other.read_stream("a")] == [1, 2, 3, 4]
        assert (await verify(one)).findings == ()
    finally:
        await one.close()
        await other.close()
