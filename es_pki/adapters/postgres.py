"""PostgreSQL schemas of our own: a pool of connections, and tables that are made once however many servers start.

A schema's table `format` says how many of its steps were taken. A new schema takes all of them; an older one takes
those it lacks, in one transaction.
"""

import contextlib
from typing import Any

import asyncpg

from eventlog.database_url import hosts

LARGEST_POOL = 4

STEP_SECONDS = 3_600.0
"""How long a step of a migration may take: there may be much to rewrite."""
CONNECT_SECONDS = 5.0
"""How long each host may take to let us in."""

COMMAND_SECONDS = 20.0
"""How long a statement may take before its connection is taken for lost."""

SESSION = {"idle_in_transaction_session_timeout": "5000"}
"""A process that hangs between two statements must not keep the rows that it has locked. See `lease.advisory`, too."""

OLDEST_SERVER = 14
"""The version of PostgreSQL that first had `idle_session_timeout`, which `lease.advisory` rests on."""

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, about to be promoted
    OSError,
)
"""What is raised while the server can't be reached, and for a while after."""


Steps = tuple[str, ...]
"""The formats of a schema in their order: each the statements that lead to it from the one before, from an empty
schema at first. A released step is never edited: a change is another step behind it."""


class StoreUnavailable(Exception):
    """The database can't be used: no such server, database, user or right, or a schema of a newer release.

    The message says which, without the URL.
    """


async def connect(url: str, **options: Any) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a connection to the first host of the URL that can be written to. Raises what the last one raised."""
    *others, last = hosts(url)
    for host in others:
        with contextlib.suppress(*AWAY):
            return await asyncpg.connect(host, **{"timeout": CONNECT_SECONDS, **options})
    return await asyncpg.connect(last, **{"timeout": CONNECT_SECONDS, **options})


async def open_pool(url: str, schema: str, steps: Steps) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a pool for a schema, which is brought to the newest format under a lock, all or nothing.

    Raises `StoreUnavailable`.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            connect=connect,
            min_size=1,
            max_size=LARGEST_POOL,
            command_timeout=COMMAND_SECONDS,
            server_settings={**SESSION, "application_name": f"es-pki {schema}"},
        )
    except (*AWAY, asyncpg.PostgresError, ValueError) as error:
        raise StoreUnavailable(f"database_url: PostgreSQL can't be used: {type(error).__name__}: {error}") from None
    try:
        async with pool.acquire() as connection, connection.transaction():
            _check(connection.get_server_version())
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('es-pki'), hashtext($1))", schema)
            await _migrate(connection, schema, steps)
    except BaseException:
        await pool.close()
        raise
    return pool


async def _migrate(connection: Any, schema: str, steps: Steps) -> None:  # noqa: ANN401 - asyncpg ships no annotations
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    await connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.format(number int NOT NULL)")
    number: int | None = await connection.fetchval(f"SELECT number FROM {schema}.format")  # noqa: S608 - a name of our own
    if number is None:
        number = 0
        await connection.execute(f"INSERT INTO {schema}.format VALUES (0)")  # noqa: S608 - a name of our own
    if number > len(steps):
        raise StoreUnavailable(
            f"database_url: the schema {schema} has format {number}; this release knows formats up to {len(steps)}: "
            "use the release that wrote it, or a newer one"
        )
    try:
        for step in steps[number:]:
            await connection.execute(step, timeout=STEP_SECONDS)
    except asyncpg.PostgresError as error:
        raise StoreUnavailable(
            f"database_url: the schema {schema} can't be brought from format {number} to {len(steps)}: {error}"
        ) from None
    if number < len(steps):
        await connection.execute(f"UPDATE {schema}.format SET number = $1", len(steps))  # noqa: S608 - a name of our own


def _check(version: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
    if version.major < OLDEST_SERVER:
        raise StoreUnavailable(f"database_url: PostgreSQL {OLDEST_SERVER} or newer is needed, not {version.major}")
