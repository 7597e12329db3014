"""A view as it was, from the log alone; and works that were killed go on where they were."""

import asyncio
import contextlib
import itertools
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from es_pki.adapters.recorded import encode_metadata, time_of
from es_pki.adapters.views import Query
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.replay import NoSuchMoment, position_of, replay
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.events import codec
from es_pki.projections import VIEWS, history, inventory
from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog
from tests import postgres
from tests.adapters.views.test_stores import events_of, folded, in_any_order
from tests.projections.histories import history as history_of

SIZE = 6_000
"""Events in the log: two pages of those that the history shows, and some."""

KILLED = """
import asyncio, os, signal, sys
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.projections import history
from eventlog.sqlite import SQLiteLog

def die(done, total):
    if done:
        os.kill(os.getpid(), signal.SIGKILL)

async def main(log, place):
    store = await (PostgresViews if place.startswith("postgresql:") else SQLiteViews).open(place)
    await rebuild(await SQLiteLog.open(log), store, history.view, die)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The file of a log of some length, a second between its streams."""
    path = tmp_path_factory.mktemp("replay") / "log.db"
    asyncio.run(make(path))
    return path


async def make(path):
    ticks = itertools.count(1_800_000_000_000_000, 1_000_000)
    log = await SQLiteLog.open(path, now=lambda: next(ticks))
    by_stream = {}
    for stream, event in history_of(seed=11, size=SIZE):
        by_stream.setdefault(stream, []).append(NewEvent(*codec.encode(event)))
    for stream, events in by_stream.items():
        await log.append([Write(stream, 0, tuple(events))], metadata=encode_metadata("alice", "C"))
    await log.close()


@pytest.fixture
async def log(path):
    log = await SQLiteLog.open(path)
    yield log
    await log.close()


async def replayed(log, view, position, scratch, heard=lambda _done, _total: None):
    return [row async for row in replay(log, view, position, scratch, heard)]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_replay_shows_what_had_happened_by_then_and_leaves_no_file(log, tmp_path, view):
    events = await events_of(log)
    for position in (0, 1, 700, SIZE):
        rows = await replayed(log, view, position, tmp_path / "replay.db")
        assert in_any_order(rows) == in_any_order(folded(view, events, until=position).values())
        assert list(tmp_path.iterdir()) == []


class Stop(Exception):
    """What ends a replay early."""


def stop_at(position):
    def heard(done, _total):
        if done >= position:
            raise Stop

    return heard


async def test_a_replay_that_was_stopped_goes_on(log, tmp_path):
    scratch, heard = tmp_path / "replay.db", []
    with pytest.raises(Stop):
        await replayed(log, history.view, SIZE, scratch, stop_at(1))
    rows = await replayed(log, history.view, SIZE, scratch, lambda *positions: heard.append(positions))
    assert 0 < heard[0][0] < SIZE
    assert in_any_order(rows) == in_any_order(folded(history.view, await events_of(log)).values())
    assert not scratch.exists()


async def test_rows_that_were_built_but_not_read_are_there_at_once(log, tmp_path):
    scratch = tmp_path / "replay.db"
    async with contextlib.aclosing(replay(log, inventory.view, 900, scratch, lambda _done, _total: None)) as rows:
        first = await anext(rows)
    assert (await replayed(log, inventory.view, 900, scratch, stop_at(0)))[0] == first


async def test_a_file_of_a_later_moment_is_not_taken_for_an_earlier_one(log, tmp_path):
    scratch, events = tmp_path / "replay.db", await events_of(log)
    async with contextlib.aclosing(replay(log, inventory.view, SIZE, scratch, lambda _done, _total: None)) as rows:
        await anext(rows)
    rows = await replayed(log, inventory.view, 600, scratch)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events, until=600).values())


async def test_a_moment_is_a_position_a_time_or_now(log):
    (page, *_) = [page async for page in log.read_all(until=50)]
    time = time_of(page.records[6].time)
    last = max(record.position for record in page.records if record.time == page.records[6].time)
    assert last < 50
    assert await position_of(log, None) == SIZE
    assert await position_of(log, "17") == 17
    assert await position_of(log, time.isoformat()) == last
    assert await position_of(log, (time - timedelta(days=3650)).isoformat()) == 0
    assert await position_of(log, "0001-01-01T00:00:00+14:00") == 0


@pytest.mark.parametrize("moment", [str(SIZE + 1), "9" * 40])
async def test_a_moment_that_the_log_does_not_have_is_said(log, moment):
    with pytest.raises(NoSuchMoment, match=f"{moment[:4]}"):
        await position_of(log, moment)


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request, tmp_path):
    """Where a view store lies."""
    if request.param == "sqlite":
        yield str(tmp_path / "views.db")
    else:
        async with postgres.database(request.getfixturevalue("postgres_server")) as url:
            yield url


async def test_a_rebuild_that_was_killed_goes_on_where_it_was(log, path, place):
    killed = subprocess.run([sys.executable, "-c", KILLED, path, place], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = await (PostgresViews if place.startswith("postgresql:") else SQLiteViews).open(place)
    reached, heard = await store.building(history.view), []
    assert 0 < reached < SIZE
    await rebuild(log, store, history.view, lambda *positions: heard.append(positions))
    assert heard[0] == (reached, SIZE)
    found = await store.find(history.view, Query(limit=SIZE))
    assert in_any_order(found.rows) == in_any_order(folded(history.view, await events_of(log)).values())
    await store.close()
