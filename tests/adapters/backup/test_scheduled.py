"""Backups are made by themselves when they are due, by whoever has the lease, and old ones go only after a new one."""

import asyncio
import contextlib
import json
import tarfile
from datetime import UTC, datetime, timedelta

import pytest

from es_pki.adapters.backup.scheduled import Plan, ScheduledBackups, plan_of
from es_pki.adapters.checkpoints import Notary
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.keystore.sqlite import SQLiteSealedKeys
from es_pki.adapters.lease import FileLease
from es_pki.adapters.scheduler import Scheduler
from es_pki.config import Settings
from eventlog.sqlite import SQLiteLog
from eventlog.tree import Tree
from tests import serving
from tests.adapters.backup.conftest import PASSPHRASE
from tests.world import World, open_keys

NOON = datetime(2027, 5, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def backups(folder, tmp_path, clock):
    """Hourly backups of an installation, of which two stay."""
    log, keys = await SQLiteLog.open(folder / "log.db"), await open_keys(folder)
    checkpoints = await SQLiteCheckpoints.open(folder / "checkpoint.db")
    world = World(log, keys)
    plan = Plan(tmp_path / "backups", HOUR, 2, None)
    notary = Notary(log, Tree(log), world.keys, checkpoints)

    async def open_sealed():
        return await SQLiteSealedKeys.open(folder / "keys.db")

    yield ScheduledBackups(plan, log, notary, open_sealed, clock)
    await checkpoints.close()
    await world.keys.close()
    await log.close()


@pytest.fixture
def made(tmp_path):
    """The hours of the backups that are there."""
    return lambda: sorted(path.name[16:20] for path in (tmp_path / "backups").glob("es-pki-2*.backup"))


async def test_one_is_made_at_once_and_the_next_when_it_is_due(backups, clock, made):
    await backups.look()
    assert made() == ["1200"]
    clock.time += HOUR / 2
    await backups.look()
    assert made() == ["1200"]
    assert backups.state.newest == NOON
    clock.time += HOUR / 2
    await backups.look()
    assert made() == ["1200", "1300"]


async def test_a_restart_makes_up_for_what_was_missed_and_for_nothing_else(backups, clock, made, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "es-pki-20270503T110100Z-9.backup").write_text("made by a process that has ended")
    await backups.look()
    assert made() == ["1101"]
    clock.time += timedelta(days=3)
    await backups.look()
    assert made() == ["1101", "1200"]


async def test_old_ones_go_and_nothing_else(backups, clock, made, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    others = ["notes.txt", "es-pki-by-hand.backup", "es-pki-20270503T120000Z-9.backup.txt", "x.backup.1.unfinished"]
    for name in others:
        (folder / name).write_text("mine")
    left_over = folder / "es-pki-20270502T120000Z-9.backup.4711.unfinished"
    left_over.write_text("half")
    for _ in range(4):
        await backups.look()
        clock.time += HOUR
    assert made() == ["1400", "1500"]
    assert all((folder / name).read_text() == "mine" for name in others)
    assert not left_over.exists()


async def test_a_failure_is_counted_and_tried_again_later_and_costs_no_older_backup(backups, clock, made, tmp_path):
    for _ in range(2):
        await backups.look()
        clock.time += HOUR
    folder = tmp_path / "backups"
    blocked = folder.rename(tmp_path / "elsewhere")
    folder.write_text("no folder")
    await backups.look()
    await backups.look()
    assert (backups.state.failures, backups.state.error) == (1, "NotADirectoryError")
    clock.time += HOUR
    await backups.look()
    assert backups.state.failures == 2
    assert backups.state.newest == NOON + HOUR
    folder.unlink()
    blocked.rename(folder)
    assert made() == ["1200", "1300"]
    clock.time += HOUR
    await backups.look()
    assert (backups.state.failures, made()) == (0, ["1300", "1600"])


async def test_a_backup_that_does_not_prove_sound_is_removed_and_the_older_ones_stay(backups, clock, made, folder):
    for _ in range(2):
        await backups.look()
        clock.time += HOUR
    sealed = await SQLiteSealedKeys.open(folder / "keys.db")
    await sealed._database.run(lambda c: c.execute("DELETE FROM key WHERE purpose = 'authority'"))
    await sealed.close()
    await backups.look()
    assert made() == ["1200", "1300"]
    assert (backups.state.failures, backups.state.error) == (1, "BackupRefused")


async def test_a_clock_that_was_ahead_stops_nothing(backups, clock, made, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "es-pki-20990101T000000Z-9.backup").write_text("of a clock that was wrong")
    await backups.look()
    assert "1200" in made()


async def test_only_who_has_the_lease_looks(tmp_path):
    looked = []

    async def run(name):
        lease = FileLease(tmp_path / "lock")

        async def look():
            looked.append(name)

        acquiring = asyncio.create_task(lease.acquire())
        await asyncio.sleep(0.05)
        scheduling = asyncio.create_task(Scheduler(lease, [look], lambda: datetime.now(UTC), look_seconds=0.05).run())
        return lease, acquiring, scheduling

    first, second = await run("first"), await run("second")
    await until(lambda: len(looked) > 2)
    assert set(looked) == {"first"}
    await first[0].release()
    await until(lambda: "second" in looked)
    for lease, *tasks in (first, second):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await lease.release()
    looked.clear()
    await asyncio.sleep(0.15)
    assert looked == []


async def test_a_work_that_fails_is_looked_at_again(tmp_path):
    lease, calls = FileLease(tmp_path / "lock"), []

    async def look():
        calls.append(1)
        raise ZeroDivisionError

    await lease.acquire()
    scheduling = asyncio.create_task(Scheduler(lease, [look], lambda: datetime.now(UTC), look_seconds=0.02).run())
    await until(lambda: len(calls) > 2)
    scheduling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await scheduling
    await lease.release()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_settings_without_hours_plan_nothing():
    assert plan_of(Settings()) is None
    assert plan_of(Settings(backup_dir="b", backup_every_hours=2, backup_keep=3)).keep == 3


def test_a_server_makes_its_backups_and_says_so(tmp_path, es_pki, passphrase_file):
    settings = {
        "ES_PKI_BACKUP_DIR": str(tmp_path / "backups"),
        "ES_PKI_BACKUP_EVERY_HOURS": "24",
        "ES_PKI_BACKUP_PASSPHRASE_FILE": str(passphrase_file),
    }
    with serving.running(tmp_path / "data", **settings) as server:
        serving.wait_for(lambda: server.get("/readyz").json["backup"]["newest"] is not None)
        state = server.get("/readyz").json
        assert (state["status"], state["backup"]["failures"]) == ("ready", 0)
    (file,) = (tmp_path / "backups").iterdir()
    assert es_pki("backup", "verify", file, "--passphrase-file", passphrase_file).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSPHRASE not in server.log.read_text()
    assert "a backup was made" in [
        json.loads(line)["message"] for line in server.log.read_text().splitlines() if line.startswith("{")
    ]
    assert not tarfile.is_tarfile(file)
