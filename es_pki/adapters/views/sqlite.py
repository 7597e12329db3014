"""The views in a SQLite file, `views.db`. It may be deleted at any time: it is rebuilt from the log."""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from es_pki.adapters.lease import Overtaken
from es_pki.adapters.sqlite import Database, Kind, transaction
from es_pki.adapters.views import tables
from es_pki.adapters.views.store import Query, Rows
from es_pki.events.happened import Happened
from es_pki.projections.view import View

R = TypeVar("R")

VIEWS = Kind(
    name="view store",
    application_id=0x65737076,  # 'espv'
    steps=(
        """
        CREATE TABLE checkpoint(
            view TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE effect(
            id TEXT PRIMARY KEY, effect BLOB NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
            next REAL NOT NULL, error TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE effect_checkpoint(
            id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL
        ) STRICT
        """,
    ),
    synchronous="NORMAL",
)
TYPES = ("TEXT", "INTEGER", "BLOB")
KEYS_AT_ONCE = 500

QUICK_PAGE = 64
"""Events that are applied on the event loop: a thread would make it wait for the interpreter lock."""


class SQLiteViews:
    """See `ViewStore` for what the methods promise. Look-ups run on the event loop, changes in a thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}

    @classmethod
    async def open(cls, path: Path) -> "SQLiteViews":
        """Open the store, making it if it is absent. Raises `NotOurFile`."""
        return cls(await Database.open(path, VIEWS))

    async def get(self, view: View[R], key: str, *, as_of: int | None = None) -> R | None:
        """See `ViewStore.get`."""
        found = self._look_up(*tables.get(view, key, as_of))
        return self._decoded(view, found[0][0]) if found else None

    async def find(self, view: View[R], query: Query) -> Rows[R]:
        """See `ViewStore.find`."""
        found = self._look_up(*tables.find(view, query))
        page = found[: query.limit]
        cursor = tables.cursor(*page[-1][1:]) if len(found) > query.limit else None
        return Rows([self._decoded(view, row[0]) for row in page], cursor)

    async def checkpoint(self, view: View[Any]) -> int | None:
        """See `ViewStore.checkpoint`."""
        return self._stored(view.name, view.version)

    async def apply(
        self, views: Sequence[View[Any]], happened: Sequence[Happened], position: int, *, after: int = 0
    ) -> None:
        """See `ViewStore.apply`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                for view in views:
                    self._follow(connection, view, happened, after=after, position=position)

        if len(happened) > QUICK_PAGE or not self.database.run_here(change):
            await self.database.run(change)

    def _follow(
        self,
        connection: sqlite3.Connection,
        view: View[Any],
        happened: Sequence[Happened],
        *,
        after: int,
        position: int,
    ) -> None:
        done = _reached(connection, view.name, view.version)
        if done is None or done < after:
            raise Overtaken(f"the view {view.name} is not where it was")
        if position <= done:
            return
        types = view.types
        new = [event for event in happened if event.position > done and event.type in types]
        self._change(connection, view, tables.table_of(view), new)
        connection.execute(tables.MOVE.format(""), (view.name, view.version, position))

    def _change(
        self, connection: sqlite3.Connection, view: View[Any], table: str, happened: Sequence[Happened]
    ) -> None:
        if not happened:
            return
        live = {
            key: self._decoded(view, row)
            for key, row in self._live(connection, table, list({view.key(event) for event in happened}))
        }
        change = tables.folded(view, happened, live)
        connection.executemany(tables.close(table), change.closed)
        connection.executemany(tables.insert(view, table), change.added)

    @staticmethod
    def _live(connection: sqlite3.Connection, table: str, keys: list[str]) -> Iterable[tuple[str, bytes]]:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(
                f"SELECT key, row FROM {table} WHERE key IN ({marks}) AND until = {tables.STILL}",  # noqa: S608 - names of our own
                some,
            )

    async def disown(self, view: View[Any]) -> None:
        """See `ViewStore.disown`."""

        def forget(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("DELETE FROM checkpoint WHERE view = ?", (view.name,))

        await self.database.run(forget)

    async def building(self, view: View[Any]) -> int | None:
        """See `ViewStore.building`."""
        return self._stored(tables.building_of(view), view.version)

    async def begin_rebuild(self, view: View[Any], end: int) -> int:
        """See `ViewStore.begin_rebuild`."""
        building = tables.building_of(view)

        def begin(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                reached = _reached(connection, building, view.version)
                if reached is not None and reached <= end:
                    return reached
                connection.execute(f"DROP TABLE IF EXISTS {building}")
                connection.execute(f"{tables.create(view, building, TYPES)} STRICT")
                connection.execute(tables.MOVE.format(""), (building, view.version, 0))
            return 0

        return await self.database.run(begin)

    async def extend_rebuild(self, view: View[Any], happened: Sequence[Happened], position: int, *, after: int) -> bool:
        """See `ViewStore.extend_rebuild`."""
        building = tables.building_of(view)

        def extend(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                reached = _reached(connection, building, view.version)
                if reached is None or reached < after:
                    return False
                if reached < position:
                    self._change(connection, view, building, [event for event in happened if event.position > reached])
                    connection.execute(tables.MOVE.format(""), (building, view.version, position))
            return True

        return await self.database.run(extend)

    async def finish_rebuild(self, view: View[Any]) -> bool:
        """See `ViewStore.finish_rebuild`. The indexes are made before, one by one: nobody waits for all of them."""
        live, building = tables.table_of(view), tables.building_of(view)

        def make_index(connection: sqlite3.Connection, purpose: str) -> None:
            with transaction(connection):
                if _reached(connection, building, view.version) is not None:
                    indexes = tables.indexes(view, building, _free_prefix(connection, live))
                    connection.execute(next(index.sql for index in indexes if index.purpose == purpose))

        def swap(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                if connection.execute(tables.LIVE_IS_AHEAD, (building, view.name)).fetchone():
                    return False
                if _reached(connection, building, view.version) is not None:
                    connection.execute(f"DROP TABLE IF EXISTS {live}")
                    connection.execute(f"ALTER TABLE {building} RENAME TO {live}")
                    connection.execute("DELETE FROM checkpoint WHERE view = ?", (view.name,))
                    connection.execute("UPDATE checkpoint SET view = ? WHERE view = ?", (view.name, building))
            return True

        for index in tables.indexes(view, building, live):
            await self.database.run(partial(make_index, purpose=index.purpose))
        return await self.database.run(swap)

    async def close(self) -> None:
        """See `ViewStore.close`."""
        await self.database.close()

    def _stored(self, entry: str, version: int) -> int | None:
        found = self._look_up(tables.REACHED.format(""), [entry, version])
        return int(found[0][0]) if found else None

    def _look_up(self, sql: str, arguments: list[Any]) -> list[Any]:
        return self.database.look_up(sql, arguments)

    def _decoded(self, view: View[R], row: bytes) -> R:
        decoder = self._decoders.get(view.name)
        if decoder is None:
            decoder = self._decoders[view.name] = msgspec.json.Decoder(view.row)
        found: R = decoder.decode(row)
        return found


def _reached(connection: sqlite3.Connection, entry: str, version: int) -> int | None:
    found = connection.execute(tables.REACHED.format(""), (entry, version)).fetchone()
    return int(found[0]) if found else None


def _free_prefix(connection: sqlite3.Connection, live: str) -> str:
    """Return how the names of a new table's indexes begin: SQLite can't rename them, so they take turns."""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND name GLOB ?"
    return f"{live}_b" if connection.execute(query, (live, f"{live}_a_*")).fetchone() else f"{live}_a"
