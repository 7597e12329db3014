"""The view stores and the follower: both backends show what the projections say, now and at every past position."""

import asyncio
import contextlib
import dataclasses
import itertools

import pytest

from es_pki.adapters.lease import FileLease
from es_pki.adapters.recorded import encode_metadata, happened
from es_pki.adapters.views import BadQuery, Follower, Query
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.events import codec
from es_pki.projections import VIEWS, inventory
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests import postgres
from tests.projections.histories import history

SIZE = 120


@pytest.fixture
async def log():
    log = await MemoryLog.open()
    await extend(log, history(seed=7, size=SIZE))
    yield log
    await log.close()


@pytest.fixture(params=["sqlite", "postgres"])
def server_url(request):
    """The PostgreSQL server's URL, None for SQLite."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else None


@pytest.fixture
async def store(server_url, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        if server_url is None:
            store = await SQLiteViews.open(tmp_path / "views.db")
        else:
            store = await PostgresViews.open(await stack.enter_async_context(postgres.database(server_url)))
        stack.push_async_callback(store.close)
        yield store


async def extend(log, streams_and_events):
    versions = {}
    async for page in log.read_all():
        for record in page.records:
            versions[record.stream] = record.version
    for stream, event in streams_and_events:
        version = versions.get(stream, 0)
        await log.append(
            [Write(stream, version, (NewEvent(*codec.encode(event)),))], metadata=encode_metadata("a", "C")
        )
        versions[stream] = version + 1


async def events_of(log):
    return [happened(record) async for page in log.read_all() for record in page.records]


async def everything(store, view, as_of=None):
    """Return all rows of a view, read in small pages."""
    rows, cursor = [], None
    while True:
        page = await store.find(view, Query(limit=7, cursor=cursor, as_of=as_of))
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows


def folded(view, events, until=None):
    """Return the rows that the projection says there are after the events up to a position."""
    rows = {}
    for event in events:
        if type(event.event) in view.events and (until is None or event.position <= until):
            key = view.key(event)
            rows[key] = view.evolve(rows.get(key), event)
    return {key: row for key, row in rows.items() if row is not None}


def in_any_order(rows):
    return sorted(map(repr, rows))


async def follow_in_pages(store, events, sizes):
    """Apply events as a follower does, in pages of these sizes."""
    start = 0
    for size in itertools.chain(sizes, itertools.repeat(50)):
        page = events[start : start + size]
        if not page:
            return
        await store.apply(VIEWS, page, page[-1].position)
        start += size


async def prepared(store, log):
    """Begin every view at position 0."""
    empty = await MemoryLog.open()
    for view in VIEWS:
        await rebuild(empty, store, view)
    await empty.close()
    return await events_of(log)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_followed_rebuilt_and_folded_rows_are_the_same(store, log, view):
    events = await prepared(store, log)
    await follow_in_pages(store, events, [1, 1, 2, 3, 10])
    followed = await everything(store, view)
    assert in_any_order(followed) == in_any_order(folded(view, events).values())
    assert await store.checkpoint(view) == SIZE
    await rebuild(log, store, view)
    assert await everything(store, view) == followed
    assert await store.checkpoint(view) == SIZE


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_the_past_is_the_fold_of_what_had_happened(store, log, view):
    events = await prepared(store, log)
    await follow_in_pages(store, events, [1, 5, 30])
    for position in (0, 1, 2, 17, 60, SIZE - 1, SIZE, SIZE + 5):
        rows = folded(view, events, until=position)
        assert in_any_order(await everything(store, view, as_of=position)) == in_any_order(rows.values())
        for key in folded(view, events):
            assert await store.get(view, key, as_of=position) == rows.get(key)


async def test_events_that_were_applied_are_passed_over(store, log):
    events = await prepared(store, log)
    await store.apply(VIEWS, events[:40], 40)
    await store.apply(VIEWS, events[20:60], 60)
    await store.apply(VIEWS, events[:50], 50)
    assert await store.checkpoint(inventory.view) == 60
    shown = await everything(store, inventory.view)
    assert in_any_order(shown) == in_any_order(folded(inventory.view, events, until=60).values())


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_row_is_found_by_each_of_its_fields_as_it_is_written(store, log, view):
    await follow_in_pages(store, await prepared(store, log), [])
    rows = await everything(store, view)
    assert rows
    for name in set(view.filters) - set(view.members):
        value = getattr(rows[0], name)
        if value is not None:
            found = await store.find(view, Query(filters={name: str(value)}, limit=SIZE))
            assert in_any_order(found.rows) == in_any_order(row for row in rows if getattr(row, name) == value)


async def test_lists_are_in_order_filtered_and_complete(store, log):
    await follow_in_pages(store, await prepared(store, log), [])
    rows = await everything(store, inventory.view)
    assert [row.name for row in rows] == sorted(row.name for row in rows)
    for row in rows[:5]:
        found = await store.find(inventory.view, Query(filters={"serial_number": row.serial_number}))
        assert row in found.rows
        assert {other.serial_number for other in found.rows} == {row.serial_number}
    for bad in (Query(filters={"no_such": "x"}), Query(cursor="nonsense"), Query(cursor="AAAA")):
        with pytest.raises(BadQuery):
            await store.find(inventory.view, bad)


async def test_rows_are_found_by_one_of_several_texts(store, log):
    await follow_in_pages(store, await prepared(store, log), [])
    rows = await everything(store, inventory.view)
    labelled = [row for row in rows if "team" in row.labels]
    for team in {row.labels["team"] for row in labelled}:
        found = await store.find(inventory.view, Query(filters={"labels": f"team={team}"}))
        assert in_any_order(found.rows) == in_any_order(row for row in labelled if row.labels["team"] == team)
    assert labelled
    for nothing in ("team=", "team", "", "TEAM=web", "team=we", "eam=web", "%"):
        assert not (await store.find(inventory.view, Query(filters={"labels": nothing}))).rows


async def test_a_view_of_another_version_is_not_there(store, log):
    events = await prepared(store, log)
    await follow_in_pages(store, events, [])
    newer = dataclasses.replace(inventory.view, version=inventory.VERSION + 1)
    assert await store.checkpoint(newer) is None
    await rebuild(log, store, newer)
    assert await store.checkpoint(newer) == SIZE
    assert await store.checkpoint(inventory.view) is None


async def test_a_view_rebuilt_while_it_is_followed_misses_nothing(store, log):
    """The live rows come further than the rebuilt ones: these catch up before they take their place."""
    events = await prepared(store, log)
    await store.begin_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[:30], 30)
    await follow_in_pages(store, events, [])
    assert not await store.finish_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[30:], SIZE)
    assert await store.finish_rebuild(inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_a_stopped_rebuild_is_begun_anew(store, log):
    events = await events_of(log)
    await store.begin_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[:30], 30)
    await rebuild(log, store, inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_a_follower_builds_what_is_missing_and_keeps_up(store, log, tmp_path):
    lease = FileLease(tmp_path / "follower.lock")
    follower = Follower(log, store, VIEWS, lease)
    running = asyncio.ensure_future(follower.run())
    assert await follower.reached(SIZE, 20)
    await extend(log, history(seed=8, size=30))
    assert await follower.reached(SIZE + 30, 20)
    assert await follower.lag() == 0
    events = await events_of(log)
    for view in VIEWS:
        shown = await everything(store, view)
        assert in_any_order(shown) == in_any_order(folded(view, events).values())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lease.release()


async def test_an_event_that_can_not_be_read_stops_the_views_and_says_so(store, log, tmp_path):
    await log.append([Write("certificate-x", 0, (NewEvent("certificate.prepared.v1", b"{}"),))])
    lease = FileLease(tmp_path / "follower.lock")
    follower = Follower(log, store, VIEWS, lease)
    await asyncio.wait_for(follower.run(), 20)
    assert follower.failure is not None
    assert "certificate.prepared.v1" in follower.failure
    await lease.release()
