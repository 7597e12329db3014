"""A view as it was at a position, from the log alone: the live views are neither read nor touched.

It is built in a file of its own, so that memory stays bounded and a replay that was stopped goes on where it was. The
file goes away when the rows have been read.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from es_pki.adapters.recorded import microseconds_of
from es_pki.adapters.views.rebuild import Heard, rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.adapters.views.store import every_row
from es_pki.projections.view import View
from eventlog import Log

R = TypeVar("R")


class NoSuchMoment(ValueError):
    """A position beyond the log's end."""


async def position_of(log: Log, moment: str | None) -> int:
    """Return the position that digits say, the last one at or before an RFC 3339 time, or for None the log's end.

    Raises `NoSuchMoment`.
    """
    size = (await log.head()).size
    if moment is None:
        return size
    if not moment.isdigit():
        return await log.position_at(microseconds_of(datetime.fromisoformat(moment)))
    if int(moment) > size:
        raise NoSuchMoment(f"position {moment}: the log ends at position {size}")
    return int(moment)


async def replay(log: Log, view: View[R], position: int, scratch: Path, heard: Heard) -> AsyncGenerator[R, None]:
    """Yield the view's rows as of a position, in the view's order. `scratch`: the file, one replay's at a time.

    Raises what `rebuild` raises.
    """
    store = await _opened(scratch, view, position)
    try:
        if await store.checkpoint(view) is None:
            await rebuild(log, store, view, heard, until=position)
        async for row in every_row(store, view):
            yield row
    finally:
        await store.close()
    await asyncio.to_thread(scratch.unlink, missing_ok=True)


async def _opened(scratch: Path, view: View[R], position: int) -> SQLiteViews:
    """Open the file; one that was finished at another position is thrown away."""
    store = await SQLiteViews.open(scratch)
    if await store.checkpoint(view) in {None, position}:
        return store
    await store.close()
    await asyncio.to_thread(scratch.unlink)
    return await SQLiteViews.open(scratch)
