"""The views in a SQLite file, `views.db`. It may be deleted at any time: it is rebuilt from the log."""

import sqlite3
from collections.abc import Iterable, Sequence
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
    format=1,
    tables="""
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
        found = self._look_up(
            "SELECT position FROM checkpoint WHERE view = ? AND version = ?", [view.name, view.version]
        )
        return int(found[0][0]) if found else None

    async def apply(
        self, views: Sequence[View[Any]], happened: Sequence[Happened], position: int, *, after: int = 0
    ) -> None:
        """See `ViewStore.apply`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                for view in views:
                    self._follow(connection, view, happened, after=after, position=position)

        if len(happened) <= QUICK_PAGE:
            self.database.run_here(change)
        else:
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
        new = [event for event in happened if event.position > done and event.type in view.types]
        self._change(connection, view, tables.table_of(view), new)
        _move(connection, view.name, position)

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
        connection.executemany(tables.insert(view, table), map(tables.line, change.added))

    @staticmethod
    def _live(connection: sqlite3.Connection, table: str, keys: list[str]) -> Iterable[tuple[str, bytes]]:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(
                f"SELECT key, row FROM {table} WHERE key IN ({marks}) AND until = {tables.STILL}",  # noqa: S608 - names of our own
                some,
            )

    async def begin_rebuild(self, view: View[Any]) -> None:
        """See `ViewStore.begin_rebuild`."""

        def begin(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(f"DROP TABLE IF EXISTS {tables.building_of(view)}")
                connection.execute(f"{tables.create(view, tables.building_of(view), TYPES)} STRICT, WITHOUT ROWID")
                connection.execute(
                    "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, 0)", (tables.building_of(view), view.version)
                )

        await self.database.run(begin)

    async def extend_rebuild(self, view: View[Any], happened: Sequence[Happened], position: int, *, after: int) -> None:
        """See `ViewStore.extend_rebuild`."""
        building = tables.building_of(view)

        def extend(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                if _reached(connection, building, view.version) != after:
                    raise Overtaken(f"another process rebuilds the view {view.name}")
                self._change(connection, view, building, happened)
                _move(connection, building, position)

        await self.database.run(extend)

    async def finish_rebuild(self, view: View[Any]) -> bool:
        """See `ViewStore.finish_rebuild`."""
        live, building = tables.table_of(view), tables.building_of(view)

        def finish(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                if connection.execute(tables.LIVE_IS_AHEAD, (building, view.name)).fetchone():
                    return False
                connection.execute(f"DROP TABLE IF EXISTS {live}")
                connection.execute(f"ALTER TABLE {building} RENAME TO {live}")
                for statement in tables.indexes(view, live):
                    connection.execute(statement)
                connection.execute("DELETE FROM checkpoint WHERE view = ?", (view.name,))
                connection.execute("UPDATE checkpoint SET view = ? WHERE view = ?", (view.name, building))
            return True

        return await self.database.run(finish)

    async def close(self) -> None:
        """See `ViewStore.close`."""
        await self.database.close()

    def _look_up(self, sql: str, arguments: list[Any]) -> list[Any]:
        return self.database.look_up(sql, arguments)

    def _decoded(self, view: View[R], row: bytes) -> R:
        decoder = self._decoders.get(view.name)
        if decoder is None:
            decoder = self._decoders[view.name] = msgspec.json.Decoder(view.row)
        found: R = decoder.decode(row)
        return found


def _reached(connection: sqlite3.Connection, name: str, version: int) -> int | None:
    query = "SELECT position FROM checkpoint WHERE view = ? AND version = ?"
    found = connection.execute(query, (name, version)).fetchone()
    return int(found[0]) if found else None


def _move(connection: sqlite3.Connection, name: str, position: int) -> None:
    connection.execute("UPDATE checkpoint SET position = ? WHERE view = ?", (position, name))
