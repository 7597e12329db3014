"""The contract of the view stores. This comment is the specification.

Rows         Each change of a row closes its version and begins the next one at the event's position. A query sees the
             versions of now, or those that held at a position.
Exactly once A page of events changes rows and checkpoints in one transaction; events at or below a view's checkpoint
             are passed over. A killed process goes on where the checkpoint is.
Fenced       Rows are what the events up to the checkpoint say, in the checkpoint's VERSION, whoever writes: changes go
             from a position that the writer names, or they raise `Overtaken` and change nothing.
Disposable   Everything is derived from the log. A view of another VERSION is rebuilt from position 0 beside the live
             rows, then takes their place in one transaction.
Resumed      A rebuild that was stopped, whenever and however, is gone on with where it was. Several processes that
             rebuild a view at once build it together: what one has added, the others pass over.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.projections.view import View

R = TypeVar("R")


MOST_VALUES = 30_000
"""Values that a query may choose among: databases take about as many arguments."""


class BadQuery(ValueError):
    """A query with an unknown filter, too many values to choose among, or a cursor that is none of ours."""


class Query(Struct, frozen=True):
    """Which rows: all filters must be equal; `since` (inclusive) and `until` (exclusive) bound the view's order.

    `among`: filters that must equal one of these values, `MOST_VALUES` at most; `before` and `after`: moments that must
    be earlier or later than a time. `cursor` goes on after an earlier page; `as_of` is a log position, None for now.
    """

    filters: Mapping[str, str] = {}
    among: Mapping[str, Sequence[str]] = {}
    before: Mapping[str, datetime] = {}
    after: Mapping[str, datetime] = {}
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    cursor: str | None = None
    as_of: int | None = None


class Rows(Struct, Generic[R], frozen=True):
    """A page of rows in the view's order, and the cursor of the next page (None: there is none)."""

    rows: Sequence[R]
    cursor: str | None


ROWS_AT_ONCE = 500


class ViewStore(Protocol):
    """See the module's comment for what holds of every method."""

    async def get(self, view: View[R], key: str, *, as_of: int | None = None) -> R | None:
        """Return a row by its key."""
        ...

    async def find(self, view: View[R], query: Query) -> Rows[R]:
        """Return a page of rows. Raises `BadQuery`."""
        ...

    async def checkpoint(self, view: View[Any]) -> int | None:
        """Return the position up to which the view is followed; None when it isn't there in this VERSION."""
        ...

    async def apply(
        self, views: Sequence[View[Any]], happened: Sequence[Happened], position: int, *, after: int = 0
    ) -> None:
        """Change rows and move the checkpoints to `position`, exactly once; `happened` begins behind `after`.

        Raises `Overtaken` when a view isn't there in this VERSION, or isn't as far as `after`.
        """
        ...

    async def disown(self, view: View[Any]) -> None:
        """Take the live rows for none of this VERSION: they are of another log, which had come further."""
        ...

    async def building(self, view: View[Any]) -> int | None:
        """Return the position that an unfinished rebuild in this VERSION has reached; None when there is none."""
        ...

    async def begin_rebuild(self, view: View[Any], end: int) -> int:
        """Make an empty table beside the live one, or find one that was left unfinished; return how far it has come.

        A table of another VERSION, or one that is beyond `end` (it was built from another log), is thrown away.
        """
        ...

    async def extend_rebuild(self, view: View[Any], happened: Sequence[Happened], position: int, *, after: int) -> bool:
        """Go on building beside the live rows with the events from `after` to `position`, exactly once.

        False, and nothing is done, when what is being built hasn't come to `after`: somebody finished it or began anew.
        """
        ...

    async def finish_rebuild(self, view: View[Any]) -> bool:
        """Let the new rows take the live ones' place; False when those have come further, and nothing was changed.

        When nothing is being built (any more) there is nothing to do either.
        """
        ...

    async def close(self) -> None:
        """Release the store. Closing twice is allowed."""
        ...


async def every_row(views: ViewStore, view: View[R], query: Query | None = None) -> AsyncIterator[R]:
    """Yield all rows that a query finds, its `limit` at a time; in between others get their turn. Raises `BadQuery`."""
    query = query or Query(limit=ROWS_AT_ONCE)
    while True:
        page = await views.find(view, query)
        for row in page.rows:
            yield row
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)
        await asyncio.sleep(0)
