"""The stores whose formats change from release to release, each brought to any format: for tests/test_migrations.py.

`python -m tests.migrating STORE PLACE HOW` brings a store to the planted format in a process of its own; HOW is `die`
to end in the middle of it, `gently` otherwise.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

import eventlog.postgres.schema
import eventlog.sqlite.schema
from es_pki.adapters.checkpoints import postgres as checkpoints_on_postgres
from es_pki.adapters.checkpoints.sqlite import CHECKPOINTS
from es_pki.adapters.keystore import postgres as keys_on_postgres
from es_pki.adapters.keystore.sqlite import KEYS
from es_pki.adapters.postgres import open_pool
from es_pki.adapters.sqlite import Database, Kind
from es_pki.adapters.views import postgres as views_on_postgres
from es_pki.adapters.views.sqlite import VIEWS
from tests import postgres

Steps = tuple[Any, ...]


class Store(NamedTuple):
    """A store: its released steps, two more that nobody released, and how a place is brought to a format."""

    released: Steps
    planted: Steps
    bring: Callable[[str, Steps], Any]
    is_file: bool

    @property
    def steps(self) -> Steps:
        """All steps there are."""
        return self.released + self.planted


PLANTED = ("CREATE TABLE {}planted(a INTEGER)", "ALTER TABLE {}planted ADD COLUMN b INTEGER")
"""What the planted formats add; each is followed by an index, so that a step has two statements."""
INDEX = "CREATE INDEX {}_index ON {}planted(a)"


def _statements(number: int, schema: str = "") -> tuple[str, str]:
    name = f"planted_{number}"
    return PLANTED[number].format(schema), INDEX.format(name, schema)


def _scripts(schema: str = "") -> Steps:
    return tuple(";".join(_statements(number, schema)) for number in range(2))


async def _log_file(place: str, steps: Steps) -> None:
    eventlog.sqlite.schema.prepare(Path(place), steps)


async def _log_schema(place: str, steps: Steps) -> None:
    connection = await asyncpg.connect(place)
    try:
        await eventlog.postgres.schema.prepare(connection, steps)
    finally:
        await connection.close()


def _file(kind: Kind) -> Callable[[str, Steps], Any]:
    async def bring(place: str, steps: Steps) -> None:
        database = await Database.open(Path(place), kind._replace(steps=steps))
        await database.close()

    return bring


def _schema(name: str) -> Callable[[str, Steps], Any]:
    async def bring(place: str, steps: Steps) -> None:
        pool = await open_pool(place, name, steps)
        await pool.close()

    return bring


def _own(schema: str = "") -> Steps:
    return tuple(_statements(number, schema) for number in range(2))


STORES = {
    "log in SQLite": Store(eventlog.sqlite.schema.STEPS, _own(), _log_file, is_file=True),
    "keys in SQLite": Store(KEYS.steps, _scripts(), _file(KEYS), is_file=True),
    "views in SQLite": Store(VIEWS.steps, _scripts(), _file(VIEWS), is_file=True),
    "checkpoints in SQLite": Store(CHECKPOINTS.steps, _scripts(), _file(CHECKPOINTS), is_file=True),
    "log in PostgreSQL": Store(eventlog.postgres.schema.STEPS, _own("eventlog."), _log_schema, is_file=False),
    "keys in PostgreSQL": Store(keys_on_postgres.STEPS, _scripts("keystore."), _schema("keystore"), is_file=False),
    "views in PostgreSQL": Store(views_on_postgres.STEPS, _scripts("views."), _schema("views"), is_file=False),
    "checkpoints in PostgreSQL": Store(
        checkpoints_on_postgres.STEPS, _scripts("checkpoints."), _schema("checkpoints"), is_file=False
    ),
}


def dump(place: str) -> str:
    """Return the schema of a store, of a file with its identity."""
    if not place.startswith("postgresql:"):
        with closing(sqlite3.connect(place)) as connection:
            rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()
            marks = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
            return "\n".join(map(str, rows + connection.execute(marks).fetchall()))
    command = [postgres._binaries() / "pg_dump", "--schema-only", "--dbname", place]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))  # \restrict has a random key


class _Script(str):
    """Statements of a file of our own, between which the process is killed."""

    def split(self, *_: Any) -> Any:
        """Yield the first statement, then end the process."""
        return _until_killed(str.split(self, ";"))


class _Statements(tuple[str, ...]):
    """Statements of the log's file, between which the process is killed."""

    def __iter__(self) -> Iterator[str]:
        return _until_killed(list(tuple.__iter__(self)))


def _until_killed(statements: list[str]) -> Iterator[str]:
    yield statements[0]
    os.kill(os.getpid(), signal.SIGKILL)


CUT_OFF = "SELECT pg_terminate_backend(pg_backend_pid())"


def _fatal(store: Store) -> Any:
    """Return the last step, which ends its process or its connection in the middle."""
    last = store.steps[-1]
    if isinstance(last, str):
        return _Script(last) if store.is_file else f"{last};{CUT_OFF}"
    return _Statements(last) if store.is_file else (*last, CUT_OFF)


def main(name: str, place: str, how: str) -> None:
    """Bring a store to the planted format."""
    store = STORES[name]
    steps = store.steps if how == "gently" else (*store.steps[:-1], _fatal(store))
    asyncio.run(store.bring(place, steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
