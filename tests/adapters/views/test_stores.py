"""The view stores and the follower: both backends show what the projections say, now and at every past position."""

import asyncio
import contextlib
import dataclasses
import itertools
from random import Random

import pytest

from es_pki.adapters.lease import FileLease, Overtaken
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
from tests.world import Fault

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
    await store.apply(VIEWS, events[20:60], 60, after=20)
    await store.apply(VIEWS, events[:50], 50)
    assert await store.checkpoint(inventory.view) == 60
    shown = await everything(store, inventory.view)
    assert in_any_order(shown) == in_any_order(folded(inventory.view, events, until=60).values())


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
    await store.extend_rebuild(inventory.view, events[:30], 30, after=0)
    await follow_in_pages(store, events, [])
    assert not await store.finish_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[30:], SIZE, after=30)
    assert await store.finish_rebuild(inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_a_stopped_rebuild_is_begun_anew(store, log):
    events = await events_of(log)
    await store.begin_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[:30], 30, after=0)
    await rebuild(log, store, inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_of_two_that_rebuild_a_view_the_late_one_is_told_and_changes_nothing(store, log):
    events = await events_of(log)
    await store.begin_rebuild(inventory.view)
    await store.extend_rebuild(inventory.view, events[:30], 30, after=0)
    await store.begin_rebuild(inventory.view)
    with pytest.raises(Overtaken):
        await store.extend_rebuild(inventory.view, events[30:60], 60, after=30)
    await store.extend_rebuild(inventory.view, events, SIZE, after=0)
    with pytest.raises(Overtaken):
        await store.extend_rebuild(inventory.view, events[:30], 30, after=0)
    assert await store.finish_rebuild(inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_who_wakes_after_another_release_has_rebuilt_the_view_changes_nothing(store, log):
    events = await prepared(store, log)
    await store.apply(VIEWS, events[:40], 40)
    newer = dataclasses.replace(inventory.view, version=inventory.VERSION + 1)
    await rebuild(log, store, newer)
    with pytest.raises(Overtaken):
        await store.apply(VIEWS, events[40:60], 60, after=40)
    assert await store.checkpoint(newer) == SIZE
    others = [view for view in VIEWS if view is not inventory.view]
    assert {await store.checkpoint(view) for view in others} == {40}


async def test_a_page_that_begins_behind_the_checkpoint_is_refused(store, log):
    """As after a fail-over to a server that lacks the last commits: nothing in between may be missed."""
    events = await prepared(store, log)
    await store.apply(VIEWS, events[:40], 40)
    with pytest.raises(Overtaken):
        await store.apply(VIEWS, events[50:], SIZE, after=50)
    assert await store.checkpoint(inventory.view) == 40


class Stopping:
    """A view store whose process is stopped at random: before a page, after it, or for good."""

    def __init__(self, store, random):
        self._store, self._random = store, random

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def apply(self, *arguments, **options):
        fate = self._random.random()
        if fate < 0.15:
            raise Fault("before the page")
        await self._store.apply(*arguments, **options)
        if fate < 0.3:
            raise Fault("after the page")


@pytest.mark.parametrize("seed", range(3))
async def test_followers_that_stop_anywhere_lose_and_repeat_nothing(store, log, tmp_path, monkeypatch, seed):
    """Two take turns, overtake each other and are stopped at any moment, while events come in."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    monkeypatch.setattr("es_pki.adapters.views.follower.PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("es_pki.adapters.views.follower.GATHER_SECONDS", 0)
    page_size = random.choice([1, 2, 7, 50])
    for module in ("memory", "paging"):
        monkeypatch.setattr(f"eventlog.{module}.PAGE_SIZE", page_size)
    monkeypatch.setattr("eventlog.following.TAIL_LENGTH", random.randrange(page_size + 1))
    monkeypatch.setattr("eventlog.paging.FILTERED_SPAN", random.choice([1, 3, 10, 100]))
    # Each has a lease of its own, as if the other's had run out unnoticed: only the store fences them.
    leases = [FileLease(tmp_path / f"{number}.lock") for number in range(2)]
    size = SIZE
    for turn in range(6):
        followers = [Follower(log, Stopping(store, random), VIEWS, lease) for lease in leases]
        running = [asyncio.ensure_future(follower.run()) for follower in followers]
        await extend(log, history(seed=100 * seed + turn + 10, size=20))
        size += 20
        await asyncio.sleep(random.random() / 20)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    running = asyncio.ensure_future(Follower(log, store, VIEWS, leases[0]).run())
    assert await Follower(log, store, VIEWS, leases[1]).reached(size, 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    events = await events_of(log)
    for view in VIEWS:
        followed = await everything(store, view)
        assert in_any_order(followed) == in_any_order(folded(view, events).values())
        await rebuild(log, store, view)
        assert await everything(store, view) == followed
    for lease in leases:
        await lease.release()


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
