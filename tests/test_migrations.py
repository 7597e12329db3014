"""Every store comes from every earlier format to exactly the schema of a new one, wholly or not at all."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from es_pki.adapters.postgres import StoreUnavailable
from es_pki.adapters.sqlite import NotOurFile
from eventlog import LogError
from eventlog.sqlite import SQLiteLog
from tests import postgres
from tests.eventlog.contract import write
from tests.migrating import STORES, dump

REFUSALS = (LogError, NotOurFile, StoreUnavailable)

every_store = pytest.mark.parametrize("name", STORES)
every_file = pytest.mark.parametrize("name", [name for name, store in STORES.items() if store.is_file])


@pytest.fixture
async def places(request, name, tmp_path):
    """Fresh places for the store of the test."""
    async with contextlib.AsyncExitStack() as stack:
        if STORES[name].is_file:
            yield [str(tmp_path / f"{number}.db") for number in range(2)]
        else:
            server = request.getfixturevalue("postgres_server")
            yield [await stack.enter_async_context(postgres.database(server)) for _ in range(2)]


def command(name, place, how):
    return [sys.executable, "-m", "tests.migrating", name, place, how]


@every_store
async def test_every_earlier_format_comes_to_the_schema_of_a_new_store(name, places, tmp_path):
    store = STORES[name]
    new, old = places
    await store.bring(new, store.steps)
    for number in range(1, len(store.steps) + 1):
        await store.bring(old, store.steps[:number])
        assert (dump(old) == dump(new)) == (number == len(store.steps))
    await store.bring(old, store.steps)
    assert dump(old) == dump(new)


@every_store
async def test_formats_may_be_skipped(name, places):
    store = STORES[name]
    new, old = places
    await store.bring(old, store.released)
    await store.bring(old, store.steps)
    await store.bring(new, store.steps)
    assert dump(old) == dump(new)


@every_store
async def test_a_newer_format_is_refused_with_both_numbers_and_stays_as_it_is(name, places):
    store = STORES[name]
    await store.bring(places[0], store.steps)
    before = dump(places[0])
    with pytest.raises(REFUSALS) as refused:
        await store.bring(places[0], store.released)
    assert f"format {len(store.steps)}; " in str(refused.value)
    assert f"formats up to {len(store.released)}" in str(refused.value)
    assert dump(places[0]) == before


@every_store
async def test_a_migration_that_is_killed_in_the_middle_has_done_nothing(name, places):
    store = STORES[name]
    place = places[0]
    await store.bring(place, store.released)
    before = dump(place)
    killed = subprocess.run(command(name, place, "die"), capture_output=True, check=False)
    assert killed.returncode == (-9 if store.is_file else 1), killed.stderr.decode()
    assert dump(place) == before
    await store.bring(place, store.steps)
    assert "planted_1" in dump(place)


@every_store
async def test_several_processes_that_open_an_old_store_at_once_migrate_it_once(name, places):
    store = STORES[name]
    new, old = places
    await store.bring(old, store.released)
    await store.bring(new, store.steps)
    running = [subprocess.Popen(command(name, old, "gently"), stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    assert dump(old) == dump(new)


@every_file
def test_several_processes_that_make_a_file_at_once_make_it_once(name, places):
    running = [subprocess.Popen(command(name, places[0], "gently"), stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], errors


@every_file
def test_an_old_file_that_can_not_be_written_is_refused_and_stays_as_it_is(name, places):
    store = STORES[name]
    place = Path(places[0])
    asyncio.run(store.bring(str(place), store.released))
    before = dump(str(place))
    place.chmod(0o444)
    outcome = subprocess.run([*obeying(), *command(name, str(place), "gently")], capture_output=True, check=False)
    said = outcome.stderr.decode().splitlines()[-1]
    assert outcome.returncode == 1
    assert str(place) in said
    assert "readonly" in said or "Permission denied" in said
    assert dump(str(place)) == before


def obeying():
    """Return the start of a command line that obeys the files' permissions, as root else doesn't."""
    return [] if os.geteuid() else ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]


async def test_an_open_log_notices_that_a_newer_program_has_changed_its_format(tmp_path):
    """A server of the old release goes on running while the new one starts on its file: it doesn't write any more."""
    store, path = STORES["log in SQLite"], tmp_path / "log.db"
    log = await SQLiteLog.open(path)
    await log.append(write("a", 0))
    await store.bring(str(path), store.steps)
    with pytest.raises(LogError, match=f"format {len(store.steps)}"):
        await log.append(write("a", 1))
    await log.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (1,)
