"""The view stores: both backends show what the projections say, now and at every past position."""

import asyncio
import dataclasses

import pytest

from es_pki.adapters.lease import Overtaken
from es_pki.adapters.views import BadQuery, Query
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.rebuild import RebuildLost, rebuild
from es_pki.adapters.views.store import MOST_VALUES
from es_pki.projections import VIEWS, inventory
from tests.adapters.views.rows import (
    SIZE,
    events_of,
    everything,
    folded,
    follow_in_pages,
    in_any_order,
    prepared,
)
from tests.builders import NOW


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


async def test_rows_are_found_by_values_to_choose_among_and_by_times(store, log):
    await follow_in_pages(store, await prepared(store, log), [])
    rows = await everything(store, inventory.view)

    async def found(**query):
        return in_any_order((await store.find(inventory.view, Query(limit=SIZE, **query))).rows)

    statuses = sorted({row.status for row in rows})
    assert len(statuses) > 1
    for chosen in ((), statuses[:1], statuses[:2], [*statuses, "none's"]):
        assert await found(among={"status": chosen}) == in_any_order(row for row in rows if row.status in chosen)
    for end in {row.not_after for row in rows}:
        assert await found(before={"not_after": end}) == in_any_order(row for row in rows if row.not_after < end)
        assert await found(after={"not_after": end}) == in_any_order(row for row in rows if row.not_after > end)
    for bad in (
        {"among": {"subject": ("x",)}},
        {"among": {"status": ("x",) * (MOST_VALUES + 1)}},
        {"before": {"status": NOW}},
    ):
        with pytest.raises(BadQuery):
            await found(**bad)


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
    assert await store.begin_rebuild(inventory.view, SIZE) == 0
    assert await store.extend_rebuild(inventory.view, events[:30], 30, after=0)
    await follow_in_pages(store, events, [])
    assert not await store.finish_rebuild(inventory.view)
    assert await store.extend_rebuild(inventory.view, events[30:], SIZE, after=30)
    assert await store.finish_rebuild(inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


def of_inventory(events):
    """Return the events that the inventory sees."""
    return [event for event in events if event.type in inventory.view.types]


async def begun(store, events, *, view=inventory.view):
    """Begin a rebuild of the inventory and leave it at position 30."""
    await store.begin_rebuild(view, SIZE)
    await store.extend_rebuild(view, of_inventory(events)[:30], 30, after=0)


async def test_a_stopped_rebuild_is_gone_on_with(store, log):
    events = await prepared(store, log)
    await begun(store, [event for event in events if event.position <= 30])
    assert await store.building(inventory.view) == 30
    heard = []
    await rebuild(log, store, inventory.view, lambda *positions: heard.append(positions))
    assert heard[0] == (30, SIZE)
    assert await store.building(inventory.view) is None
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_what_was_built_of_another_version_or_another_log_is_thrown_away(store, log):
    events = await prepared(store, log)
    newer = dataclasses.replace(inventory.view, version=inventory.VERSION + 1)
    await begun(store, events, view=newer)
    assert await store.building(inventory.view) is None
    assert await store.begin_rebuild(inventory.view, SIZE) == 0
    assert not await store.extend_rebuild(newer, events, SIZE, after=0)
    await store.extend_rebuild(inventory.view, of_inventory(events), SIZE, after=0)
    assert await store.begin_rebuild(inventory.view, SIZE - 1) == 0
    await rebuild(log, store, inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_a_rebuild_whose_table_another_version_took_says_so(store, log):
    events = await events_of(log)
    await begun(store, events, view=dataclasses.replace(inventory.view, version=inventory.VERSION + 1))

    class Interrupted:
        """A log after whose first page another version begins anew."""

        def __init__(self):
            self.head = log.head

        async def read_all(self, **asked):
            async for page in log.read_all(**asked):
                await store.begin_rebuild(dataclasses.replace(inventory.view, version=inventory.VERSION + 2), SIZE)
                yield page

    with pytest.raises(RebuildLost, match="inventory"):
        await rebuild(Interrupted(), store, inventory.view)


async def test_a_rebuild_that_somebody_finished_and_began_anew_gets_no_gap(store, log):
    """Its next page doesn't follow on what is being built now."""
    events = await prepared(store, log)
    await begun(store, [event for event in events if event.position <= 30])
    await rebuild(log, store, inventory.view)
    assert await store.begin_rebuild(inventory.view, SIZE) == 0
    later = [event for event in of_inventory(events) if event.position > 30]
    assert not await store.extend_rebuild(inventory.view, later, SIZE, after=30)
    assert await store.building(inventory.view) == 0
    await rebuild(log, store, inventory.view)
    rows = await everything(store, inventory.view)
    assert in_any_order(rows) == in_any_order(folded(inventory.view, events).values())


async def test_two_rebuilds_at_once_build_the_view_together(store, log):
    events = await prepared(store, log)
    await asyncio.gather(*(rebuild(log, store, view) for view in VIEWS for _ in range(3)))
    for view in VIEWS:
        assert await store.checkpoint(view) == SIZE
        assert await store.building(view) is None
        assert in_any_order(await everything(store, view)) == in_any_order(folded(view, events).values())


async def test_rebuilding_again_and_again_leaves_nothing_behind(store, log):
    for _ in range(3):
        await rebuild(log, store, inventory.view)
    assert {name for name in await relations(store) if "inventory" in name} in (
        {"view_inventory", *(f"view_inventory_{end}" for end in INDEXES), "view_inventory_pkey"},
        {"view_inventory", *(f"view_inventory_a_{end}" for end in INDEXES), "sqlite_autoindex_view_inventory_1"},
    )


INDEXES = ("in_order", *(f"by_{name}" for name in inventory.view.lookups if name != inventory.view.order_by))


async def relations(store):
    """Return the names of all tables and indexes of a store."""
    if isinstance(store, PostgresViews):
        query = "SELECT relname FROM pg_class WHERE relnamespace = 'views'::regnamespace"
        return {row[0] for row in await store.pool.fetch(query)}
    return await store.database.run(lambda c: {name for (name,) in c.execute("SELECT name FROM sqlite_schema")})


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
