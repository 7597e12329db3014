"""The views in PostgreSQL, schema `views`. It may be dropped at any time: it is rebuilt from the log."""

from collections.abc import Sequence
from itertools import count
from typing import Any, TypeVar

import msgspec

from es_pki.adapters.lease import Overtaken
from es_pki.adapters.postgres import open_pool
from es_pki.adapters.views import tables
from es_pki.adapters.views.store import Query, Rows
from es_pki.events.happened import Happened
from es_pki.projections.view import View

R = TypeVar("R")

STEPS = (
    """
    CREATE TABLE views.checkpoint(
        view text PRIMARY KEY, version bigint NOT NULL, position bigint NOT NULL
    );
    CREATE TABLE views.effect(
        id text PRIMARY KEY, effect bytea NOT NULL, due float8 NOT NULL, attempts int NOT NULL DEFAULT 0,
        next float8 NOT NULL, error text
    );
    CREATE TABLE views.effect_checkpoint(
        id int PRIMARY KEY CHECK (id = 1), position bigint NOT NULL
    )
    """,
)
COPIED = 100
"""Lines that are quicker copied than inserted, which costs fewer round trips."""

INDEX_SECONDS = 3_600.0
"""How long making an index of a large view may take."""

TYPES = ('text COLLATE "C"', "bigint", "bytea")


class PostgresViews:
    """See `ViewStore` for what the methods promise."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self.pool = pool
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}

    @classmethod
    async def open(cls, url: str) -> "PostgresViews":
        """Open the store, making its schema if it is absent."""
        return cls(await open_pool(url, "views", STEPS))

    async def get(self, view: View[R], key: str, *, as_of: int | None = None) -> R | None:
        """See `ViewStore.get`."""
        found = await self._look_up(*tables.get(view, key, as_of))
        return self._decoded(view, found[0][0]) if found else None

    async def find(self, view: View[R], query: Query) -> Rows[R]:
        """See `ViewStore.find`."""
        found = await self._look_up(*tables.find(view, query))
        page = found[: query.limit]
        cursor = tables.cursor(page[-1][1], page[-1][2]) if len(found) > query.limit else None
        return Rows([self._decoded(view, row[0]) for row in page], cursor)

    async def checkpoint(self, view: View[Any]) -> int | None:
        """See `ViewStore.checkpoint`."""
        return await _reached(self.pool, view.name, view.version)

    async def apply(
        self, views: Sequence[View[Any]], happened: Sequence[Happened], position: int, *, after: int = 0
    ) -> None:
        """See `ViewStore.apply`."""
        async with self.pool.acquire() as connection, connection.transaction():
            for view in views:
                await self._follow(connection, view, happened, after=after, position=position)

    async def _follow(
        self,
        connection: Any,  # noqa: ANN401 - asyncpg ships no annotations
        view: View[Any],
        happened: Sequence[Happened],
        *,
        after: int,
        position: int,
    ) -> None:
        done = await _reached(connection, view.name, view.version, lock="FOR UPDATE")
        if done is None or done < after:
            raise Overtaken(f"the view {view.name} is not where it was")
        if position <= done:
            return
        types = view.types
        new = [event for event in happened if event.position > done and event.type in types]
        await self._change(connection, view, tables.table_of(view), new)
        await _move(connection, view.name, view.version, position)

    async def _change(
        self,
        connection: Any,  # noqa: ANN401 - asyncpg ships no annotations
        view: View[Any],
        table: str,
        happened: Sequence[Happened],
    ) -> None:
        if not happened:
            return
        keys = list({view.key(event) for event in happened})
        found = await connection.fetch(
            f"SELECT key, row FROM views.{table} WHERE key = ANY($1) AND until = {tables.STILL}",  # noqa: S608 - names of our own
            keys,
        )
        change = tables.folded(view, happened, {row[0]: self._decoded(view, row[1]) for row in found})
        if change.closed:
            await connection.executemany(_numbered(tables.close(f"views.{table}")), change.closed)
        if change.added:
            await self._add(connection, view, table, change.added)

    @staticmethod
    async def _add(
        connection: Any,  # noqa: ANN401 - asyncpg ships no annotations
        view: View[Any],
        table: str,
        lines: list[tables.Line],
    ) -> None:
        if len(lines) < COPIED:
            await connection.executemany(_numbered(tables.insert(view, f"views.{table}")), lines)
        else:
            columns = tables.names(view)
            await connection.copy_records_to_table(table, schema_name="views", columns=columns, records=lines)

    async def disown(self, view: View[Any]) -> None:
        """See `ViewStore.disown`."""
        await self.pool.execute("DELETE FROM views.checkpoint WHERE view = $1", view.name)

    async def building(self, view: View[Any]) -> int | None:
        """See `ViewStore.building`."""
        return await _reached(self.pool, tables.building_of(view), view.version)

    async def begin_rebuild(self, view: View[Any], end: int) -> int:
        """See `ViewStore.begin_rebuild`."""
        building = tables.building_of(view)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE views.checkpoint IN EXCLUSIVE MODE")
            reached = await _reached(connection, building, view.version)
            if reached is not None and reached <= end:
                return reached
            await connection.execute(f"DROP TABLE IF EXISTS views.{building}")
            await connection.execute(tables.create(view, f"views.{building}", TYPES))
            await _move(connection, building, view.version, 0)
        return 0

    async def extend_rebuild(self, view: View[Any], happened: Sequence[Happened], position: int, *, after: int) -> bool:
        """See `ViewStore.extend_rebuild`. Rows and checkpoint may be lost together: then they are built again."""
        building = tables.building_of(view)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = off")
            # A growing table has no statistics; without them the planner would read all of it for every page.
            await connection.execute("SET LOCAL enable_seqscan = off")
            reached = await _reached(connection, building, view.version, lock="FOR UPDATE")
            if reached is None or reached < after:
                return False
            if reached < position:
                await self._change(
                    connection, view, building, [event for event in happened if event.position > reached]
                )
                await _move(connection, building, view.version, position)
        return True

    async def finish_rebuild(self, view: View[Any]) -> bool:
        """See `ViewStore.finish_rebuild`. The indexes are made before: nobody waits for them."""
        live, building = tables.table_of(view), tables.building_of(view)
        indexes = list(tables.indexes(view, f"views.{building}", building))
        async with self.pool.acquire() as connection, connection.transaction():
            if await _reached(connection, building, view.version, lock="FOR UPDATE") is None:
                return True
            for index in indexes:
                await connection.execute(index.sql, timeout=INDEX_SECONDS)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE views.checkpoint IN EXCLUSIVE MODE")
            await connection.execute("SET LOCAL search_path = views")
            if await connection.fetchval(_numbered(tables.LIVE_IS_AHEAD), building, view.name):
                return False
            if await _reached(connection, building, view.version) is None:
                return True
            await connection.execute(f"DROP TABLE IF EXISTS {live}")
            await connection.execute(f"ALTER TABLE {building} RENAME TO {live}")
            await connection.execute(f"ALTER INDEX {building}_pkey RENAME TO {live}_pkey")
            for index in indexes:
                await connection.execute(f"ALTER INDEX {index.name} RENAME TO {live}_{index.purpose}")
            await connection.execute("DELETE FROM checkpoint WHERE view = $1", view.name)
            await connection.execute("UPDATE checkpoint SET view = $1 WHERE view = $2", view.name, building)
        return True

    async def close(self) -> None:
        """See `ViewStore.close`."""
        await self.pool.close()

    async def _look_up(self, sql: str, arguments: list[Any]) -> list[Any]:
        table_in_schema = sql.replace(" FROM view_", " FROM views.view_", 1)
        found: list[Any] = await self.pool.fetch(_numbered(table_in_schema), *arguments)
        return found

    def _decoded(self, view: View[R], row: bytes) -> R:
        decoder = self._decoders.get(view.name)
        if decoder is None:
            decoder = self._decoders[view.name] = msgspec.json.Decoder(view.row)
        found: R = decoder.decode(row)
        return found


def _numbered(sql: str) -> str:
    """Return the statement with PostgreSQL's numbered arguments; no text in our statements has a question mark."""
    numbers = count(1)
    return "".join(f"${next(numbers)}" if character == "?" else character for character in sql)


async def _reached(
    connection: Any,  # noqa: ANN401 - asyncpg ships no annotations
    entry: str,
    version: int,
    *,
    lock: str = "",
) -> int | None:
    query = _numbered(tables.REACHED.format("views."))
    position: int | None = await connection.fetchval(f"{query} {lock}", entry, version)
    return position


async def _move(connection: Any, entry: str, version: int, position: int) -> None:  # noqa: ANN401 - asyncpg ships no annotations
    await connection.execute(_numbered(tables.MOVE.format("views.")), entry, version, position)
