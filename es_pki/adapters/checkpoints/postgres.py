"""The last signed checkpoint in PostgreSQL, schema `checkpoints`, shared by the servers of one installation."""

from typing import Any

from es_pki.adapters.checkpoints.store import Signed
from es_pki.adapters.postgres import connect, open_pool

STEPS = (
    """
    CREATE TABLE checkpoints.signed(
        id int PRIMARY KEY CHECK (id = 1), size bigint NOT NULL, root bytea NOT NULL, note text NOT NULL
    )
    """,
)

_PUT = """
INSERT INTO checkpoints.signed VALUES (1, $1, $2, $3) ON CONFLICT (id) DO UPDATE
SET size = excluded.size, root = excluded.root, note = excluded.note
WHERE excluded.size > signed.size OR (excluded.size = signed.size AND excluded.root = signed.root)
"""


async def is_there(url: str) -> bool:
    """Tell whether the schema was made, without making it."""
    connection = await connect(url)
    try:
        return bool(await connection.fetchval("SELECT to_regclass('checkpoints.signed') IS NOT NULL"))
    finally:
        await connection.close()


class PostgresCheckpoints:
    """See `CheckpointStore` for what the methods promise."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "PostgresCheckpoints":
        """Open the store, making its schema if it is absent. Raises `StoreUnavailable`."""
        return cls(await open_pool(url, "checkpoints", STEPS))

    async def last(self) -> Signed | None:
        """See `CheckpointStore.last`."""
        row = await self._pool.fetchrow("SELECT size, root, note FROM checkpoints.signed")
        return Signed(*row) if row else None

    async def put(self, signed: Signed) -> bool:
        """See `CheckpointStore.put`."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            done = await connection.execute(_PUT, *signed)
        return bool(done == "INSERT 0 1")

    async def close(self) -> None:
        """See `CheckpointStore.close`."""
        await self._pool.close()
