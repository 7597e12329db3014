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

TABLES = """
CREATE TABLE IF NOT EXISTS views.checkpoint(
    view text PRIMARY KEY, version bigint NOT NULL, position bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS views.effect(
    id text PRIMARY KEY, effect bytea NOT NULL, due float8 NOT NULL, attempts int NOT NULL DEFAULT 0,
    next float8 NOT NULL, error text
);
CREATE TABLE IF NOT EXISTS views.effect_checkpoint(
    id int PRIMARY KEY CHECK (id = 1), position bigint NOT NULL
)
"""
INDEX_SECONDS = 3_600.0
"""How long an index of a view may take to be made."""

TYPES = ('text COLLATE "C"', "bigint", "bytea")


class PostgresViews:
    """See `ViewStore` for what the methods promise."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self.pool = pool
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}

    @classmethod
    async def open(cls, url: str) -> "PostgresViews":
        """Open the store, making its schema if it is absent."""
        return cls(await open_pool(url, "views", TABLES))

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
        position: int | None = await self.pool.fetchval(
            "SELECT position FROM views.checkpoint WHERE view = $1 AND version = $2", view.name, view.version
        )
        return position

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
        done = await self._reached(connection, view.name, view.version)
        if done is None or done < after:
            raise Overtaken(f"the view {view.name} is not where it was")
        if position <= done:
            return
        new = [event for event in happened if event.position > done and event.type in view.types]
        await self._change(connection, view, tables.table_of(view), new)
        await self._move(connection, view.name, position)

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
            lines = [tables.line(version) for version in change.added]
            await connection.executemany(_numbered(tables.insert(view, f"views.{table}")), lines)

    @staticmethod
    async def _reached(connection: Any, name: str, version: int) -> int | None:  # noqa: ANN401 - asyncpg ships no annotations
        """Return a checkpoint, which nobody else moves until the transaction's end."""
        position: int | None = await connection.fetchval(
            "SELECT position FROM views.checkpoint WHERE view = $1 AND version = $2 FOR UPDATE", name, version
        )
        return position

    @staticmethod
    async def _move(connection: Any, name: str, position: int) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        await connection.execute("UPDATE views.checkpoint SET position = $2 WHERE view = $1", name, position)

    async def begin_rebuild(self, view: View[Any]) -> None:
        """See `ViewStore.begin_rebuild`."""
        building = f"views.{tables.building_of(view)}"
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE views.checkpoint IN EXCLUSIVE MODE")
            await connection.execute(f"DROP TABLE IF EXISTS {building}")
            await connection.execute(tables.create(view, building, TYPES))
            await connection.execute(
                "INSERT INTO views.checkpoint VALUES ($1, $2, 0) "
                "ON CONFLICT (view) DO UPDATE SET version = excluded.version, position = 0",
                *(tables.building_of(view), view.version),
            )

    async def extend_rebuild(self, view: View[Any], happened: Sequence[Happened], position: int, *, after: int) -> None:
        """See `ViewStore.extend_rebuild`."""
        building = tables.building_of(view)
        async with self.pool.acquire() as connection, connection.transaction():
            if await self._reached(connection, building, view.version) != after:
                raise Overtaken(f"another process rebuilds the view {view.name}")
            await self._change(connection, view, building, happened)
            await self._move(connection, building, position)

    async def finish_rebuild(self, view: View[Any]) -> bool:
        """See `ViewStore.finish_rebuild`."""
        live, building = tables.table_of(view), tables.building_of(view)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE views.checkpoint IN EXCLUSIVE MODE")
            await connection.execute("SET LOCAL search_path = views")
            if await connection.fetchval(_numbered(tables.LIVE_IS_AHEAD), building, view.name):
                return False
            await connection.execute(f"DROP TABLE IF EXISTS views.{live}")
            await connection.execute(f"ALTER TABLE views.{building} RENAME TO {live}")
            await connection.execute(f"ALTER INDEX views.{building}_pkey RENAME TO {live}_pkey")
            for statement in tables.indexes(view, live):
                await connection.execute(statement, timeout=INDEX_SECONDS)
            await connection.execute("DELETE FROM views.checkpoint WHERE view = $1", view.name)
            await connection.execute("UPDATE views.checkpoint SET view = $1 WHERE view = $2", view.name, building)
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
