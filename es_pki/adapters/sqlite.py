"""SQLite files of our own: opened alike, and worked on in a thread of their own so that nobody waits for a disk."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R")

BUSY_MILLISECONDS = 10_000


class Kind(NamedTuple):
    """What a file is: its mark (`PRAGMA application_id`), format number, tables, and how durable its commits are."""

    name: str
    application_id: int
    format: int
    tables: str
    synchronous: str


class NotOurFile(Exception):
    """The file is something else, or of another release's format; nothing was changed."""


class FileUnusable(Exception):
    """SQLite can't read or write the file (a full disk, no right, a lock); the message names the file and says why."""


class FileDamaged(FileUnusable):
    """The file contradicts itself, or is no database."""


_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Database:
    """A SQLite file. `run` does work in its thread, on its one writing connection."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._path = path
        self._connection = _prepared(path, kind)
        self._reader = _connected(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._turn = threading.Lock()
        self._thread = ThreadPoolExecutor(1, f"sqlite-{kind.name}")

    @classmethod
    async def open(cls, path: Path, kind: Kind) -> "Database":
        """Open the file (0600), making it if it is absent. Raises `NotOurFile`, `FileUnusable` and `OSError`."""
        with naming(path):
            return await asyncio.to_thread(cls, path, kind)

    async def run(self, work: Callable[[sqlite3.Connection], R]) -> R:
        """Do the work in the file's thread. Work that has begun is finished even when nobody waits any more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_here, work)

    def run_here(self, work: Callable[[sqlite3.Connection], R]) -> R:
        """Do quick work at once, in the caller's thread, after what the file's thread may be doing."""
        with self._turn, naming(self._path):
            return work(self._connection)

    def look_up(self, sql: str, arguments: Sequence[object]) -> list[Any]:
        """Do a quick look-up on the event loop, on a connection of its own, which can't write."""
        with naming(self._path):
            return self._reader.execute(sql, arguments).fetchall()

    async def close(self) -> None:
        """Finish what was begun and close the file. Closing twice is allowed."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        self._reader.close()
        self._connection.close()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as `FileUnusable` or `FileDamaged`."""
    try:
        yield
    except sqlite3.Error as error:
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
        raise (FileDamaged if damaged else FileUnusable)(f"{path}: {error}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do all or nothing, as the only writer."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    return connection


def _prepared(path: Path, kind: Kind) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connected(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {kind.synchronous}")
        with transaction(connection):
            _check(connection, kind)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, kind: Kind) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        connection.execute(f"PRAGMA application_id = {kind.application_id}")
        connection.execute(f"PRAGMA user_version = {kind.format}")
        for statement in kind.tables.split(";"):
            connection.execute(statement)
    elif mark != kind.application_id:
        raise NotOurFile(f"the file is no {kind.name} of es-pki")
    elif number != kind.format:
        raise NotOurFile(f"the {kind.name} has format {number}; this release reads {kind.format}")
