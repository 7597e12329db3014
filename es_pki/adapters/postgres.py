"""PostgreSQL schemas of our own: a pool of connections, and tables that are made once however many servers start."""

from typing import Any

import asyncpg

LARGEST_POOL = 4


async def open_pool(url: str, schema: str, tables: str) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a pool for a schema, whose tables (`CREATE … IF NOT EXISTS`) are made under a lock."""
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=LARGEST_POOL, server_settings={"application_name": f"es-pki {schema}"}
    )
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('es-pki'), hashtext($1))", schema)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            await connection.execute(tables)
    except BaseException:
        await pool.close()
        raise
    return pool
