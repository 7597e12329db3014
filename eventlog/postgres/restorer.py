"""Filling an empty database with records that were a log's before: COPY, in one transaction under the writers' lock."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from eventlog import merkle
from eventlog.log import Head, Record, Unavailable
from eventlog.postgres.connection import LOST, connect, translated
from eventlog.postgres.schema import CHANNEL
from eventlog.restoring import Restoration, check_is_empty

_LOCK_HEAD = "SELECT size FROM eventlog.lock_head()"
_MOVE_HEAD = "UPDATE eventlog.head SET size = $1, time = $2, frontier = $3"


async def restore(url: str, pages: AsyncIterator[Sequence[Record]]) -> Head:
    """See `Log.restore`. A connection that is lost on the way ends it: `pages` can't be read again."""
    try:
        connection = await connect(url)
        try:
            return await _restore(connection, pages)
        finally:
            connection.terminate()
    except LOST as error:
        raise Unavailable(f"the connection was lost: {error!r}") from error
    except asyncpg.PostgresError as error:
        raise translated(error) from error


async def _restore(connection: Any, pages: AsyncIterator[Sequence[Record]]) -> Head:  # noqa: ANN401 - asyncpg isn't annotated
    restoration = Restoration()
    async with connection.transaction():
        check_is_empty(await connection.fetchval(_LOCK_HEAD))
        async for records in pages:
            accepted = restoration.accept(records)
            await connection.copy_records_to_table(
                "event", schema_name="eventlog", columns=Record._fields, records=accepted
            )
        size, time, frontier = restoration.head
        if size:
            await connection.execute(_MOVE_HEAD, size, time, merkle.pack(frontier))
            await connection.execute(f"NOTIFY {CHANNEL}")
    return restoration.head
