"""SQLite files of our own: opened alike, and worked on in a thread of their own so that nobody waits for a disk."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R")

BUSY_MILLISECONDS = 10_000

_IDENTITY = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
FROM pragma_application_id, pragma_user_version
"""
"""Whose file it is, its format, and how much is in it: as of one moment."""


class Kind(NamedTuple):
    """What a file is: its mark (`PRAGMA application_id`), its formats, and how durable its commits are.

    `steps` are the formats in their order: each the statements (`;` between them) that lead to it from the one before,
    from an empty file at first. A released step is never edited: a change is another step behind it. The number of a
    file's format (`PRAGMA user_version`) is how many steps it has taken.
    """

    name: str
    application_id: int
    steps: tuple[str, ...]
    synchronous: str


class NotOurFile(Exception):
    """The file is something else, or of a newer release's format; nothing was changed."""


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
        """Open the file (0600), making it if it is absent, and bring it to the newest format, all or nothing.

        Raises `NotOurFile`, `FileUnusable` and `OSError`.
        """
        with naming(path):
            return await asyncio.to_thread(cls, path, kind)

    async def run(self, work: Callable[[sqlite3.Connection], R]) -> R:
        """Do the work in the file's thread. Work that has begun is finished even when nobody waits any more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_turn, work)

    def run_here(self, work: Callable[[sqlite3.Connection], object]) -> bool:
        """Do quick work at once, in the caller's thread; False, and nothing was done, while somebody else writes."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            with naming(self._path):
                work(self._connection)
        except FileUnusable as error:
            if not isinstance(error.__cause__, sqlite3.OperationalError) or not _is_busy(error.__cause__):
                raise
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            self._turn.release()
        return True

    def _in_turn(self, work: Callable[[sqlite3.Connection], R]) -> R:
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
        _format(connection, kind)  # what isn't ours stays as it is
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous = {kind.synchronous}")
        with transaction(connection):
            _migrate(connection, kind)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite doesn't wait by itself for others that are just doing the same."""
    deadline = time.monotonic() + BUSY_MILLISECONDS / 1_000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _migrate(connection: sqlite3.Connection, kind: Kind) -> None:
    number = _format(connection, kind)
    if number == len(kind.steps):
        return
    connection.execute(f"PRAGMA application_id = {kind.application_id}")
    for step in kind.steps[number:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(kind.steps)}")


def _format(connection: sqlite3.Connection, kind: Kind) -> int:
    """Return the number of the file's format, 0 for an empty one. Raises `NotOurFile`, also for a newer one."""
    mark, number, tables = connection.execute(_IDENTITY).fetchone()
    if tables and mark != kind.application_id:
        raise NotOurFile(f"the file is no {kind.name} of es-pki")
    if number > len(kind.steps):
        raise NotOurFile(
            f"the {kind.name} has format {number}; this release knows formats up to {len(kind.steps)}: "
            "use the release that wrote it, or a newer one"
        )
    return int(number)
