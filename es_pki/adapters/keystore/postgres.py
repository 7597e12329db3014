"""The key store in PostgreSQL, schema `keystore`. The database sees ciphertext only."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from msgspec.structs import astuple

from es_pki.adapters import clock
from es_pki.adapters.keystore.envelope import MasterKey, Sealed, label, seal, unseal
from es_pki.adapters.keystore.master import MasterSource, StoreMark
from es_pki.adapters.keystore.sealed import KEYS_AT_A_TIME, SealedKey
from es_pki.adapters.keystore.store import KeyEntry, KeyMissing, KeyStoreRefused, check_is_the_same
from es_pki.adapters.postgres import open_pool

STEPS = (
    """
    CREATE TABLE keystore.mark(
        id int PRIMARY KEY CHECK (id = 1), salt bytea NOT NULL, cost int NOT NULL, "check" bytea NOT NULL
    );
    CREATE TABLE keystore.key(
        key_id text PRIMARY KEY, purpose text NOT NULL, owner text NOT NULL, created timestamptz NOT NULL,
        wrapped bytea NOT NULL, ciphertext bytea NOT NULL
    )
    """,
)


class PostgresKeyStore:
    """See `KeyStore` for what the methods promise."""

    def __init__(self, pool: Any, master: MasterKey) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._pool = pool
        self._master = master

    @classmethod
    async def open(cls, url: str, source: MasterSource) -> "PostgresKeyStore":
        """Open the store, making its schema if it is absent. Raises `KeyStoreRefused`."""
        pool = await open_pool(url, "keystore", STEPS)
        try:
            return cls(pool, await _master(pool, source))
        except BaseException:
            await pool.close()
            raise

    async def put(self, key_id: str, *, purpose: str, owner: str, secret: bytes) -> None:
        """See `KeyStore.put`."""
        sealed = seal(self._master, secret, label(key_id, purpose, owner))
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            done = await connection.execute(
                "INSERT INTO keystore.key VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                *(key_id, purpose, owner, clock.now(), *sealed),
            )
        if done != "INSERT 0 1":
            await check_is_the_same(self, key_id, purpose=purpose, owner=owner, secret=secret)

    async def get(self, key_id: str, *, purpose: str, owner: str) -> bytes:
        """See `KeyStore.get`."""
        row = await self._pool.fetchrow("SELECT wrapped, ciphertext FROM keystore.key WHERE key_id = $1", key_id)
        if row is None:
            raise KeyMissing(key_id)
        return unseal(self._master, Sealed(*row), label(key_id, purpose, owner))

    async def remove(self, key_id: str) -> None:
        """See `KeyStore.remove`."""
        await self._pool.execute("DELETE FROM keystore.key WHERE key_id = $1", key_id)

    async def entries(self) -> Sequence[KeyEntry]:
        """See `KeyStore.entries`."""
        rows = await self._pool.fetch("SELECT key_id, purpose, owner, created FROM keystore.key ORDER BY 4, 1")
        return [KeyEntry(*row) for row in rows]

    async def close(self) -> None:
        """See `KeyStore.close`."""
        await self._pool.close()


class PostgresSealedKeys:
    """See `SealedKeys` for what the methods promise."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "PostgresSealedKeys":
        """Open the store, making its schema if it is absent. Raises `StoreUnavailable`."""
        return cls(await open_pool(url, "keystore", STEPS))

    async def mark(self) -> StoreMark | None:
        """See `SealedKeys.mark`."""
        row = await self._pool.fetchrow('SELECT salt, cost, "check" FROM keystore.mark')
        return StoreMark(*row) if row else None

    async def is_empty(self) -> bool:
        """See `SealedKeys.is_empty`."""
        return bool(await self._pool.fetchval(_IS_EMPTY))

    async def read(self) -> AsyncIterator[Sequence[SealedKey]]:
        """See `SealedKeys.read`."""
        after = ""
        while rows := await self._pool.fetch(_PAGE, after):
            yield [SealedKey(*row) for row in rows]
            after = rows[-1][0]

    async def fill(self, mark: StoreMark, pages: Iterator[Sequence[SealedKey]]) -> None:
        """See `SealedKeys.fill`."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on; LOCK TABLE keystore.mark IN EXCLUSIVE MODE")
            if not await connection.fetchval(_IS_EMPTY):
                raise KeyStoreRefused("the key store has keys, or a mark: nothing is written over what is there")
            for page in pages:
                await connection.copy_records_to_table(
                    "key", schema_name="keystore", columns=SealedKey.__struct_fields__, records=map(astuple, page)
                )
            await connection.execute(
                "INSERT INTO keystore.mark VALUES (1, $1, $2, $3)", mark.salt, mark.cost, mark.check
            )

    async def close(self) -> None:
        """See `SealedKeys.close`."""
        await self._pool.close()


_PAGE = f"""
SELECT * FROM keystore.key WHERE key_id COLLATE "C" > $1 ORDER BY key_id COLLATE "C" LIMIT {KEYS_AT_A_TIME}
"""  # noqa: S608 - a constant
_IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM keystore.key) AND NOT EXISTS (SELECT FROM keystore.mark)"


async def _master(pool: Any, source: MasterSource) -> MasterKey:  # noqa: ANN401 - asyncpg ships no annotations
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE keystore.mark IN EXCLUSIVE MODE")
        row = await connection.fetchrow('SELECT salt, cost, "check" FROM keystore.mark')
        if row is None and await connection.fetchval("SELECT EXISTS (SELECT FROM keystore.key)"):
            raise KeyStoreRefused("the key store has keys but no mark of its master key: restore it from a backup")
        master, mark = source(StoreMark(*row) if row else None)
        if row is None:
            await connection.execute(
                "INSERT INTO keystore.mark VALUES (1, $1, $2, $3)", mark.salt, mark.cost, mark.check
            )
    return master
