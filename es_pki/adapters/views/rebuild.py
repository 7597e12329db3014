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
    """Rebuild a view up to the log's end as it is now; `progress` is told the position and that end."""
    end = (await log.head()).size
    await store.begin_rebuild(view)
    await store.extend_rebuild(view, (), 0)
    async for page in log.read_all(until=end, types=view.types):
        await store.extend_rebuild(view, [happened(record) for record in page.records], page.position)
        if progress is not None:
            progress(page.position, end)
    await store.finish_rebuild(view)
