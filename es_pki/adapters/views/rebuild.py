"""Builds a view from position 0 beside the live one, then lets it take its place. Goes on where it was stopped."""

from collections.abc import Callable
from typing import Any

from es_pki.adapters.recorded import happened
from es_pki.adapters.views.store import ViewStore
from es_pki.projections.view import View
from eventlog import Log

Heard = Callable[[int, int], None]
"""Hears how far a rebuild has come: the position reached, at first that from which it goes on, and the last one."""


class RebuildLost(Exception):
    """Another process began the view anew, as in another VERSION, and threw away what was built here."""


async def rebuild(
    log: Log, store: ViewStore, view: View[Any], heard: Heard = lambda _done, _total: None, *, until: int | None = None
) -> None:
    """Rebuild a view up to the log's end, or up to `until`, and at least as far as the live rows.

    Live rows that are beyond the log's end are of another log, as after an older copy of it was put back: they go.
    When another process finishes it first, it has come as far as that one went; a follower does the rest. Raises
    `RebuildLost`, `LogError`, `UnknownEvent` and `UndecodableEvent`.
    """
    finished = False
    if until is None and (await store.checkpoint(view) or 0) > (await log.head()).size:
        await store.disown(view)
    while not finished:
        end = (await log.head()).size if until is None else until
        position = await store.begin_rebuild(view, end)
        heard(position, end)
        async for page in log.read_all(after=position, until=end, types=view.types):
            events = [happened(record) for record in page.records]
            if not await store.extend_rebuild(view, events, page.position, after=position):
                if await store.checkpoint(view) is None:
                    raise RebuildLost(f"the view {view.name} is being built anew by another process")
                return
            position = page.position
            heard(position, end)
        finished = await store.finish_rebuild(view)
