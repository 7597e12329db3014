"""Where outstanding effects are kept: with the views, but never rebuilt. One contract, two backends.

`record` moves the checkpoint and changes the effects in one transaction. Both changes say what they go from, and change
nothing when another process was there. Times are seconds since 1970 UTC.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from es_pki.adapters.lease import Overtaken
from es_pki.adapters.sqlite import Database, transaction


class Outstanding(NamedTuple):
    """An effect that is not done yet: `next` is when it is tried; `error` what went wrong last."""

    id: str
    effect: bytes
    due: float
    attempts: int
    next: float
    error: str | None


class EffectStore(Protocol):
    """See the module's comment for what holds of every method."""

    async def checkpoint(self) -> int:
        """Return the position up to which events were reacted to."""
        ...

    async def record(self, due: Sequence[Outstanding], settled: Sequence[str], position: int, *, after: int) -> None:
        """Remove settled effects, add those due since, move the checkpoint from `after` to `position`.

        Raises `Overtaken` when the checkpoint isn't at `after`.
        """
        ...

    async def settle(self, effect_id: str) -> None:
        """Remove an effect that was done and that no event will settle; an unknown one is fine."""
        ...

    async def forget(self, *, after: int) -> None:
        """Throw everything away: the log at hand is not the one that was reacted to. Raises `Overtaken` as `record`."""
        ...

    async def failed(self, effect_id: str, error: str, again: float, *, attempts: int) -> None:
        """Note that an effect failed, tried `attempts` times before, and when it is tried again."""
        ...

    async def outstanding(self) -> Sequence[Outstanding]:
        """Return what is not done, the next to be tried first."""
        ...


_ALL = "SELECT id, effect, due, attempts, next, error FROM {}effect ORDER BY next, id"


class SQLiteEffects:
    """In the views' file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def checkpoint(self) -> int:
        """See `EffectStore.checkpoint`."""
        return await self._database.run(_checkpoint)

    async def record(self, due: Sequence[Outstanding], settled: Sequence[str], position: int, *, after: int) -> None:
        """See `EffectStore.record`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                if _checkpoint(connection) != after:
                    raise _overtaken()
                connection.executemany("DELETE FROM effect WHERE id = ?", [(key,) for key in settled])
                connection.executemany("INSERT OR IGNORE INTO effect VALUES (?, ?, ?, ?, ?, ?)", due)
                connection.execute(
                    "INSERT INTO effect_checkpoint VALUES (1, ?) "
                    "ON CONFLICT DO UPDATE SET position = excluded.position",
                    (position,),
                )

        await self._database.run(change)

    async def settle(self, effect_id: str) -> None:
        """See `EffectStore.settle`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("DELETE FROM effect WHERE id = ?", (effect_id,))

        await self._database.run(change)

    async def forget(self, *, after: int) -> None:
        """See `EffectStore.forget`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                if _checkpoint(connection) != after:
                    raise _overtaken()
                connection.execute("DELETE FROM effect")
                connection.execute("DELETE FROM effect_checkpoint")

        await self._database.run(change)

    async def failed(self, effect_id: str, error: str, again: float, *, attempts: int) -> None:
        """See `EffectStore.failed`."""

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(
                    "UPDATE effect SET attempts = attempts + 1, error = ?, next = ? WHERE id = ? AND attempts = ?",
                    (error, again, effect_id, attempts),
                )

        await self._database.run(change)

    async def outstanding(self) -> Sequence[Outstanding]:
        """See `EffectStore.outstanding`."""
        rows = await self._database.run(lambda connection: connection.execute(_ALL.format("")).fetchall())
        return [Outstanding(*row) for row in rows]


def _checkpoint(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT position FROM effect_checkpoint").fetchone()
    return int(found[0]) if found else 0


def _overtaken() -> Overtaken:
    return Overtaken("another process runs the reactions")


class PostgresEffects:
    """In the schema `views`."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._pool = pool

    async def checkpoint(self) -> int:
        """See `EffectStore.checkpoint`."""
        found: int | None = await self._pool.fetchval("SELECT position FROM views.effect_checkpoint")
        return found or 0

    async def record(self, due: Sequence[Outstanding], settled: Sequence[str], position: int, *, after: int) -> None:
        """See `EffectStore.record`."""
        async with self._pool.acquire() as connection, connection.transaction():
            # There may be no row to lock yet: whoever inserts second finds that it was overtaken.
            await connection.execute("INSERT INTO views.effect_checkpoint VALUES (1, 0) ON CONFLICT DO NOTHING")
            moved = await connection.execute(
                "UPDATE views.effect_checkpoint SET position = $1 WHERE position = $2", position, after
            )
            if moved != "UPDATE 1":
                raise _overtaken()
            await connection.execute("DELETE FROM views.effect WHERE id = ANY($1)", list(settled))
            await connection.executemany(
                "INSERT INTO views.effect VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", due
            )

    async def settle(self, effect_id: str) -> None:
        """See `EffectStore.settle`."""
        await self._pool.execute("DELETE FROM views.effect WHERE id = $1", effect_id)

    async def forget(self, *, after: int) -> None:
        """See `EffectStore.forget`."""
        async with self._pool.acquire() as connection, connection.transaction():
            moved = await connection.execute(
                "UPDATE views.effect_checkpoint SET position = 0 WHERE position = $1", after
            )
            if moved != "UPDATE 1":
                raise _overtaken()
            await connection.execute("DELETE FROM views.effect")

    async def failed(self, effect_id: str, error: str, again: float, *, attempts: int) -> None:
        """See `EffectStore.failed`."""
        await self._pool.execute(
            "UPDATE views.effect SET attempts = attempts + 1, error = $1, next = $2 WHERE id = $3 AND attempts = $4",
            *(error, again, effect_id, attempts),
        )

    async def outstanding(self) -> Sequence[Outstanding]:
        """See `EffectStore.outstanding`."""
        return [Outstanding(*row) for row in await self._pool.fetch(_ALL.format("views."))]
