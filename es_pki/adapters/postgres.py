"""PostgreSQL schemas of our own: a pool of connections, and tables that are made once however many servers start."""

from typing import Any

import asyncpg

LARGEST_POOL = 4

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    OSError,
)
"""What is raised while the server can't be reached, and for a while after."""


class StoreUnavailable(Exception):
    """The database can't be used: no such server, database, user or right. The message says which, without the URL."""


async def open_pool(url: str, schema: str, tables: str) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a pool for a schema, whose tables (`CREATE … IF NOT EXISTS`) are made under a lock.

    Raises `StoreUnavailable`.
    """
    try:
        pool = await asyncpg.create_pool(
            url, min_size=1, max_size=LARGEST_POOL, server_settings={"application_name": f"es-pki {schema}"}
        )
    except (*AWAY, asyncpg.PostgresError, ValueError) as error:
        raise StoreUnavailable(f"database_url: PostgreSQL can't be used: {type(error).__name__}: {error}") from None
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('es-pki'), hashtext($1))", schema)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            await connection.execute(tables)
    except BaseException:
        await pool.close()
        raise
    return pool
