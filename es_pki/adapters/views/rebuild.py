"""Builds a view from position 0 beside the live one, then lets it take its place."""

from collections.abc import Callable
from typing import Any

from es_pki.adapters.recorded import happened
from es_pki.adapters.views.store import ViewStore
from es_pki.projections.view import View
from eventlog import Log


async def rebuild(
    log: Log, store: ViewStore, view: View[Any], progress: Callable[[int, int], None] | None = None
) -> None:
    """Rebuild a view up to the log's end, and at least as far as the live rows; `progress` is told both positions.

    Raises `Overtaken` when another process rebuilds the same view.
    """
    await store.begin_rebuild(view)
    position, finished = 0, False
    while not finished:
        end = (await log.head()).size
        async for page in log.read_all(after=position, until=end, types=view.types):
            events = [happened(record) for record in page.records]
            await store.extend_rebuild(view, events, page.position, after=position)
            position = page.position
            if progress is not None:
                progress(position, end)
        finished = await store.finish_rebuild(view)
