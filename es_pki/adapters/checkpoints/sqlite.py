"""The last signed checkpoint in a SQLite file, `checkpoint.db`."""

import sqlite3
from pathlib import Path

from es_pki.adapters.checkpoints.store import Signed
from es_pki.adapters.sqlite import Database, Kind, transaction

CHECKPOINTS = Kind(
    name="checkpoint store",
    application_id=0x65736370,  # 'escp'
    format=1,
    tables="""
        CREATE TABLE signed(
            id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
        ) STRICT
    """,
    synchronous="FULL",
)

_PUT = """
INSERT INTO signed VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE
SET size = excluded.size, root = excluded.root, note = excluded.note
WHERE excluded.size > signed.size OR (excluded.size = signed.size AND excluded.root = signed.root)
"""


class SQLiteCheckpoints:
    """See `CheckpointStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> "SQLiteCheckpoints":
        """Open the store, making it if it is absent. Raises `NotOurFile`."""
        return cls(await Database.open(path, CHECKPOINTS))

    async def last(self) -> Signed | None:
        """See `CheckpointStore.last`."""
        row = await self._database.run(lambda c: c.execute("SELECT size, root, note FROM signed").fetchone())
        return Signed(*row) if row else None

    async def put(self, signed: Signed) -> bool:
        """See `CheckpointStore.put`."""

        def change(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                done = connection.execute(_PUT, signed)
            return done.rowcount == 1

        return await self._database.run(change)

    async def close(self) -> None:
        """See `CheckpointStore.close`."""
        await self._database.close()
