"""What views should show: rows read from a store, and rows folded from events."""

import itertools

from es_pki.adapters.recorded import encode_metadata, happened
from es_pki.adapters.views import Query
from es_pki.adapters.views.rebuild import rebuild
from es_pki.events import codec
from es_pki.projections import VIEWS
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog

SIZE = 160


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
