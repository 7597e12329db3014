"""The key store in a SQLite file, `keys.db`."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from es_pki.adapters import clock
from es_pki.adapters.keystore.envelope import MasterKey, Sealed, label, seal, unseal
from es_pki.adapters.keystore.master import MasterSource, StoreMark
from es_pki.adapters.keystore.sealed import KEYS_AT_A_TIME, SealedKey
from es_pki.adapters.keystore.store import KeyEntry, KeyMissing, KeyStoreRefused, check_is_the_same
from es_pki.adapters.sqlite import Database, Kind, NotOurFile, transaction

KEYS = Kind(
    name="key store",
    application_id=0x6573706B,  # 'espk'
    steps=(
        """
        CREATE TABLE mark(
            id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL, cost INTEGER NOT NULL, "check" BLOB NOT NULL
        ) STRICT;
        CREATE TABLE key(
            key_id TEXT PRIMARY KEY, purpose TEXT NOT NULL, owner TEXT NOT NULL, created TEXT NOT NULL,
            wrapped BLOB NOT NULL, ciphertext BLOB NOT NULL
        ) STRICT
        """,
    ),
    synchronous="FULL",
)


class SQLiteKeyStore:
    """See `KeyStore` for what the methods promise."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master

    @classmethod
    async def open(cls, path: Path, source: MasterSource) -> "SQLiteKeyStore":
        """Open the store, making it if it is absent. Raises `KeyStoreRefused`."""
        try:
            database = await Database.open(path, KEYS)
        except NotOurFile as error:
            raise KeyStoreRefused(f"{path}: {error}") from None
        try:
            return cls(database, await database.run(lambda connection: _master(connection, source)))
        except BaseException:
            await database.close()
            raise

    async def put(self, key_id: str, *, purpose: str, owner: str, secret: bytes) -> None:
        """See `KeyStore.put`."""
        sealed = seal(self._master, secret, label(key_id, purpose, owner))
        row = (key_id, purpose, owner, clock.now().isoformat(), *sealed)

        def insert(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                done = connection.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
            return done.rowcount == 1

        if not await self._database.run(insert):
            await check_is_the_same(self, key_id, purpose=purpose, owner=owner, secret=secret)

    async def get(self, key_id: str, *, purpose: str, owner: str) -> bytes:
        """See `KeyStore.get`."""
        row = await self._database.run(
            lambda c: c.execute("SELECT wrapped, ciphertext FROM key WHERE key_id = ?", (key_id,)).fetchone()
        )
        if row is None:
            raise KeyMissing(key_id)
        return unseal(self._master, Sealed(*row), label(key_id, purpose, owner))

    async def remove(self, key_id: str) -> None:
        """See `KeyStore.remove`."""

        def delete(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("DELETE FROM key WHERE key_id = ?", (key_id,))

        await self._database.run(delete)

    async def entries(self) -> Sequence[KeyEntry]:
        """See `KeyStore.entries`."""
        rows = await self._database.run(
            lambda c: c.execute("SELECT key_id, purpose, owner, created FROM key ORDER BY created, key_id").fetchall()
        )
        return [
            KeyEntry(key_id, purpose, owner, datetime.fromisoformat(created))
            for key_id, purpose, owner, created in rows
        ]

    async def close(self) -> None:
        """See `KeyStore.close`."""
        await self._database.close()


_PAGE = f"SELECT * FROM key WHERE key_id > ? ORDER BY key_id LIMIT {KEYS_AT_A_TIME}"  # noqa: S608 - a constant


class SQLiteSealedKeys:
    """See `SealedKeys` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> "SQLiteSealedKeys":
        """Open the file, making it if it is absent. Raises `KeyStoreRefused`."""
        try:
            return cls(await Database.open(path, KEYS))
        except NotOurFile as error:
            raise KeyStoreRefused(f"{path}: {error}") from None

    async def mark(self) -> StoreMark | None:
        """See `SealedKeys.mark`."""
        row = await self._database.run(lambda c: c.execute('SELECT salt, cost, "check" FROM mark').fetchone())
        return StoreMark(*row) if row else None

    async def is_empty(self) -> bool:
        """See `SealedKeys.is_empty`."""
        return await self._database.run(_is_empty)

    async def read(self) -> AsyncIterator[Sequence[SealedKey]]:
        """See `SealedKeys.read`."""
        after = ""
        while rows := await self._database.run(partial(_page, after=after)):
            yield [_as_sealed(*row) for row in rows]
            after = rows[-1][0]

    async def fill(self, mark: StoreMark, pages: Iterator[Sequence[SealedKey]]) -> None:
        """See `SealedKeys.fill`."""

        def insert(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                if not _is_empty(connection):
                    raise KeyStoreRefused("the key store has keys, or a mark: nothing is written over what is there")
                for page in pages:
                    rows = [
                        (k.key_id, k.purpose, k.owner, k.created.isoformat(), k.wrapped, k.ciphertext) for k in page
                    ]
                    connection.executemany("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?)", rows)
                connection.execute("INSERT INTO mark VALUES (1, ?, ?, ?)", (mark.salt, mark.cost, mark.check))

        await self._database.run(insert)

    async def close(self) -> None:
        """See `SealedKeys.close`."""
        await self._database.close()


def _page(connection: sqlite3.Connection, after: str) -> list[tuple[str, str, str, str, bytes, bytes]]:
    return connection.execute(_PAGE, (after,)).fetchall()


def _as_sealed(key_id: str, purpose: str, owner: str, created: str, *sealed: bytes) -> SealedKey:
    return SealedKey(key_id, purpose, owner, datetime.fromisoformat(created), *sealed)


def _is_empty(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT NOT EXISTS (SELECT 1 FROM key) AND NOT EXISTS (SELECT 1 FROM mark)").fetchone()
    return bool(row[0])


def _master(connection: sqlite3.Connection, source: MasterSource) -> MasterKey:
    connection.execute("PRAGMA secure_delete = ON")
    with transaction(connection):
        row = connection.execute('SELECT salt, cost, "check" FROM mark').fetchone()
        if row is None and connection.execute("SELECT 1 FROM key").fetchone():
            raise KeyStoreRefused("the key store has keys but no mark of its master key: restore it from a backup")
        master, mark = source(StoreMark(*row) if row else None)
        if row is None:
            connection.execute("INSERT INTO mark VALUES (1, ?, ?, ?)", (mark.salt, mark.cost, mark.check))
    return master
