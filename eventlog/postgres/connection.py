"""Connections: how they are set up, and what their failures mean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from eventlog.database_url import hosts
from eventlog.log import Damaged, LogError, Unavailable

PATIENCE_SECONDS = 15.0
"""How long a call tries to reach a server that is away."""

_LONGEST_PAUSE = 1.0

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg's state machine, when the server goes away at a bad moment
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, about to be promoted
    OSError,
)
"""After these the connection is given up and the call repeated on another."""

SETTINGS = {
    "application_name": "eventlog",
    "default_transaction_isolation": "read committed",
    # Every query goes along an index. Without statistics, or with those of a smaller log, the planner doesn't see it.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    # It would plan the same queries over and over, because an array of known length looks cheaper than one of any.
    "plan_cache_mode": "force_generic_plan",
    # It would compile queries for milliseconds that run for microseconds.
    "jit": "off",
    # A writer that hangs, or is cut off from the server, must not keep the lock.
    "idle_in_transaction_session_timeout": "5000",
}

OPTIONS: dict[str, Any] = {"server_settings": SETTINGS, "timeout": 5, "command_timeout": 20}
"""Seconds to be let in by each host, and for a statement: whoever doesn't answer then is taken for gone."""


async def connect_to_any(url: str, **options: Any) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a connection to the first host of the URL that can be written to. Raises what the last one raised."""
    *others, last = hosts(url)
    for host in others:
        with contextlib.suppress(*LOST):
            return await asyncpg.connect(host, **options)
    return await asyncpg.connect(last, **options)


async def connect(url: str) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
    """Return a connection whose commits are durable, whatever the server's default is."""
    connection = await connect_to_any(url, **OPTIONS)
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    return connection


async def attempts() -> AsyncIterator[int]:
    """Yield numbers, with pauses between them, until patience ends."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    number, pause = 0, 0.01
    while True:
        yield number
        if loop.time() + pause > deadline:
            return
        await asyncio.sleep(pause)
        number, pause = number + 1, min(2 * pause, _LONGEST_PAUSE)


def translated(error: BaseException) -> LogError:
    """Return what the log raises for an error of asyncpg or the network."""
    damage = (
        asyncpg.DataCorruptedError,
        asyncpg.IndexCorruptedError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.UndefinedColumnError,
        asyncpg.UndefinedFunctionError,
        asyncpg.UndefinedTableError,
    )
    if isinstance(error, damage):
        return Damaged(str(error))
    return Unavailable(f"{type(error).__name__}: {error}")
