"""The follower: it keeps the views up with the log, stops anywhere, and is overtaken by another."""

import asyncio
import contextlib
import sqlite3
from random import Random

import pytest

from es_pki.adapters.lease import FileLease
from es_pki.adapters.views import Follower
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.projections import VIEWS, inventory
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests.adapters.views.rows import (
    SIZE,
    events_of,
    everything,
    extend,
    folded,
    in_any_order,
    prepared,
)
from tests.projections.histories import history
from tests.world import Fault


async def test_a_rebuild_beside_a_follower_misses_nothing(store, log, tmp_path):
    """The log grows, the live rows follow, and the view is rebuilt meanwhile again and again."""
    lease = FileLease(tmp_path / "follower.lock")
    follower = Follower(log, store, VIEWS, lease)
    running = asyncio.ensure_future(follower.run())
    assert await follower.reached(SIZE, 20)
    growing = asyncio.ensure_future(extend(log, history(seed=9, size=80)))
    while not growing.done():
        await rebuild(log, store, inventory.view)
    await growing
    assert await follower.reached(SIZE + 80, 20)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, await events_of(log)).values())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lease.release()


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
    assert await Follower(log, store, VIEWS, leases[1]).reached(size, 60)
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


async def test_a_writer_in_another_process_does_not_hold_the_event_loop_up(log, tmp_path):
    """A rebuild from the command line writes for long; the server's follower waits for it in its thread."""
    store = await SQLiteViews.open(tmp_path / "views.db")
    events = await prepared(store, log)
    with contextlib.closing(sqlite3.connect(tmp_path / "views.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        applying = asyncio.ensure_future(store.apply(VIEWS, events[:5], 5))
        await asyncio.sleep(0.05)
        assert not applying.done()
        other.execute("ROLLBACK")
    await asyncio.wait_for(applying, 20)
    assert await store.checkpoint(inventory.view) == 5
    await store.close()


async def test_an_event_that_can_not_be_read_stops_the_views_and_says_so(store, log, tmp_path):
    await log.append([Write("certificate-x", 0, (NewEvent("certificate.prepared.v1", b"{}"),))])
    lease = FileLease(tmp_path / "follower.lock")
    follower = Follower(log, store, VIEWS, lease)
    await asyncio.wait_for(follower.run(), 20)
    assert follower.failure is not None
    assert "certificate.prepared.v1" in follower.failure
    await lease.release()


async def test_views_of_a_log_that_had_come_further_are_built_anew(store, log, tmp_path):
    """As after an older copy of the log was put back: what it never heard of isn't shown."""
    older = await MemoryLog.open()
    await extend(older, history(seed=8, size=40))
    for view in VIEWS:
        await rebuild(log, store, view)
    lease = FileLease(tmp_path / "follower.lock")
    running = asyncio.ensure_future(Follower(older, store, VIEWS, lease).run())
    async with asyncio.timeout(20):
        while {await store.checkpoint(view) for view in VIEWS} != {40}:
            await asyncio.sleep(0.01)
    events = await events_of(older)
    for view in VIEWS:
        assert in_any_order(await everything(store, view)) == in_any_order(folded(view, events).values())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lease.release()
    await older.close()
