"""Whoever can write to the store behind the log's back is found out, with the position."""

import contextlib
import sqlite3

import asyncpg
import pytest

from eventlog import NewEvent, Write, entry, merkle, verify
from eventlog.memory import MemoryLog
from eventlog.note import Checkpoint
from eventlog.postgres import PostgresLog
from eventlog.sqlite import SQLiteLog
from tests.eventlog import reference

SIZE = 11  # three subtrees: 1 to 8, 9 to 10, 11

CHANGES = {
    "a byte of the data": ("UPDATE event SET data = CAST('a change' AS {bytes}) WHERE position = 5", 5),
    "the metadata": ("UPDATE event SET metadata = CAST('[]' AS {bytes}) WHERE position = 5", 5),
    "the time": ("UPDATE event SET time = time - 1 WHERE position = 5", 5),
    "the last time": ("UPDATE event SET time = time + 1 WHERE position = 11", 11),
    "the version": ("UPDATE event SET version = 9 WHERE position = 5", 5),
    "a negative version": ("UPDATE event SET version = -1 WHERE position = 5", 5),
    "the leaf hash": ("UPDATE event SET leaf_hash = CAST('short' AS {bytes}) WHERE position = 5", 5),
    "the position of the last": ("UPDATE event SET position = 12 WHERE position = 11", 11),
    "the position of the first": ("UPDATE event SET position = 0 WHERE position = 1", 0),
    "a record removed": ("DELETE FROM event WHERE position = 5", 5),
    "the first removed": ("DELETE FROM event WHERE position = 1", 1),
    "the last removed": ("DELETE FROM event WHERE position = 11", 11),
    "everything removed": ("DELETE FROM event", 1),
    "the end removed with the head's size": ("DELETE FROM event WHERE position > 8; UPDATE head SET size = 8", 0),
    "another tree of that size": ("UPDATE head SET frontier = (SELECT leaf_hash FROM event LIMIT 1), size = 1", 2),
    "the head's time": ("UPDATE head SET time = time + 1", 0),
    "no head": ("DELETE FROM head", 12),
    "two swapped": (
        """UPDATE event SET position = 99 WHERE position = 9; UPDATE event SET position = 9 WHERE position = 10;
        UPDATE event SET position = 10 WHERE position = 99""",
        9,
    ),
    "one put at the end": (
        """INSERT INTO event SELECT 12, {stream}, 77, {type}, time, metadata, data, leaf_hash
        FROM event WHERE position = 11""",
        12,
    ),
    "one put before": (
        """INSERT INTO event SELECT -3, {stream}, 77, {type}, time, metadata, data, leaf_hash
        FROM event WHERE position = 11""",
        -3,
    ),
}


async def filled(log):
    """Append records to two streams in turn, as several commits."""
    for number in range(SIZE):
        event = NewEvent(f"type-{number % 3}.v1", b'{"n":%d}' % number)
        await log.append([Write(f"stream-{number % 2}", number // 2, (event,))])
    return log


async def test_a_sound_log_has_no_findings_and_the_root_of_its_head():
    log = await filled(await MemoryLog.open())
    assert await verify(log) == (SIZE, merkle.root((await log.head()).frontier), ())


class TestSQLite:
    @pytest.fixture
    async def log(self, tmp_path):
        log = await filled(await SQLiteLog.open(tmp_path / "log.db"))
        yield log
        await log.close()

    @pytest.fixture
    def shell(self, log, tmp_path):
        with contextlib.closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            yield connection

    @pytest.mark.parametrize(("statement", "position"), CHANGES.values(), ids=CHANGES)
    async def test_finds(self, log, shell, statement, position):
        shell.executescript(statement.format(bytes="BLOB", stream="stream_id", type="type_id"))
        assert (await verify(log)).findings[0].position == position

    @pytest.mark.parametrize(
        ("statement", "position"),
        [
            ("UPDATE stream SET name = 'stream-2' WHERE name = 'stream-1'", 2),
            ("UPDATE stream SET name = CAST(x'ff' AS TEXT) WHERE name = 'stream-1'", 2),
            ("DELETE FROM stream WHERE name = 'stream-1'", 2),
            ("UPDATE type SET name = 'type-2.v2' WHERE name = 'type-2.v1'", 3),
            ("DELETE FROM type WHERE name = 'type-2.v1'", 3),
            ("UPDATE event SET stream_id = 99 WHERE position = 7", 7),
            ("UPDATE event SET type_id = 1 + type_id % 3 WHERE position = 7", 7),
        ],
    )
    async def test_finds_another_name(self, log, shell, statement, position):
        shell.execute(statement)
        assert (await verify(log)).findings[0].position == position

    async def test_finds_a_whole_record_rewritten_with_its_leaf_hash(self, log, shell):
        shell.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other = await filled(await MemoryLog.open(now=lambda: 1 << 50))
        (page,) = [page async for page in other.read_all()]
        rows = [(r.time, r.data, r.leaf_hash, r.position) for r in page.records if r.position > 8]
        shell.executemany("UPDATE event SET time = ?, data = ?, leaf_hash = ? WHERE position = ?", rows)
        assert (await verify(log)).findings[0].position == 9

    async def test_finds_that_a_table_is_gone(self, log, shell):
        shell.execute("DROP TABLE stream")
        assert (await verify(log)).findings

    async def test_a_damaged_page_of_the_file_is_found_without_a_traceback(self, log, tmp_path):
        await log.append([Write("large", 0, (NewEvent("large.v1", bytes(9_000)),) * 20)])
        await log.close()
        path = tmp_path / "log.db"
        sound = path.read_bytes()
        found = 0
        for start in range(4_096, len(sound), 4_096):
            path.write_bytes(sound[:start] + b"\xa5" * 4_096 + sound[start + 4_096 :])
            reopened = await SQLiteLog.open(path)
            found += bool((await verify(reopened)).findings)
            await reopened.close()
        # Nearly all pages hold records; verifying doesn't read those of an index.
        assert found >= 0.8 * len(sound) / 4_096


class TestPostgres:
    @pytest.fixture
    async def log(self, postgres_url):
        log = await filled(await PostgresLog.open(postgres_url))
        yield log
        await log.close()

    @pytest.mark.parametrize(("statement", "position"), CHANGES.values(), ids=CHANGES)
    async def test_finds(self, log, postgres_url, statement, position):
        shell = await asyncpg.connect(postgres_url, server_settings={"search_path": "eventlog"})
        await shell.execute("ALTER TABLE event DISABLE TRIGGER ALL; ALTER TABLE head DISABLE TRIGGER ALL")
        await shell.execute(statement.format(bytes="bytea", stream="stream", type="type"))
        await shell.close()
        assert (await verify(log)).findings[0].position == position

    @pytest.mark.parametrize("change", ["stream = 'other'", "stream = ''", "type = 'other'"])
    async def test_finds_another_name(self, log, postgres_url, change):
        shell = await asyncpg.connect(postgres_url, server_settings={"search_path": "eventlog"})
        await shell.execute("ALTER TABLE event DISABLE TRIGGER ALL")
        await shell.execute(f"UPDATE event SET {change} WHERE position = 5")
        await shell.close()
        assert (await verify(log)).findings[0].position == 5


async def kept(log, size):
    """What somebody kept of the log when it had so many records."""
    return Checkpoint("log.test", size, reference.root(await leaves(log, size)))


async def test_a_sound_log_continues_every_checkpoint_that_was_kept():
    log = await filled(await MemoryLog.open())
    checkpoints = [await kept(log, size) for size in (11, 0, 5, 8, 1)]
    assert (await verify(log, kept=checkpoints)).findings == ()


async def test_a_history_rewritten_with_every_hash_is_found_by_a_kept_checkpoint():
    """The forger changes a record and recomputes leaf hashes and head: the log itself has no contradiction."""
    checkpoint = await kept(await filled(await MemoryLog.open(now=lambda: 7)), 6)
    forged = await filled(await MemoryLog.open(now=lambda: 8))
    assert (await verify(forged)).findings == ()
    (finding,) = (await verify(forged, kept=[checkpoint])).findings
    assert finding.position == 0
    assert "first 6 records" in finding.problem
    assert "rewritten" in finding.problem


async def test_an_end_that_was_cut_off_with_the_head_is_found_by_a_kept_checkpoint():
    checkpoint = await kept(await filled(await MemoryLog.open()), SIZE)
    shorter = await MemoryLog.open()
    await shorter.append([Write("stream-0", 0, (NewEvent("type-0.v1", b'{"n":0}'),))])
    (finding,) = (await verify(shorter, kept=[checkpoint])).findings
    assert (finding.position, "cut off" in finding.problem) == (0, True)


async def test_what_names_a_position_is_said_before_what_a_checkpoint_shows():
    log = await filled(await MemoryLog.open())
    checkpoint = await kept(log, 8)
    log._records[4] = log._records[4]._replace(data=b"a change")
    assert [finding.position for finding in (await verify(log, kept=[checkpoint])).findings] == [5, 0]


class Growing(MemoryLog):
    """A log to which others append while it is read."""

    async def scan(self):
        """Append before the first page and after the last."""
        await self._grow()
        async for records in super().scan():
            yield records
        await self._grow()

    async def _grow(self):
        size = (await self.head()).size
        await self.append([Write("late", size - SIZE, (NewEvent("happened.v1", b"{}"),))])


async def test_a_log_that_grows_while_it_is_read_is_no_alarm():
    log = await Growing.open()
    await filled(log)
    assert await verify(log) == (SIZE + 1, merkle.root(merkle.extend(0, (), await leaves(log, SIZE + 1))), ())
    await log.close()


async def test_a_change_is_found_while_the_log_grows():
    log = await Growing.open()
    await filled(log)
    changed = log._records[4]._replace(data=b"a change")
    log._records[4] = changed._replace(leaf_hash=entry.leaf_hash(entry.encode(changed)))
    findings = (await verify(log)).findings
    assert [finding.position for finding in findings] == [1]  # the subtree of positions 1 to 8
    await log.close()


async def leaves(log, size):
    return [record.leaf_hash async for page in log.read_all(until=size) for record in page.records]
