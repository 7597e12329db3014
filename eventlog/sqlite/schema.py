"""The file's format, and opening it.

`event` is the log. Names stand once, in `stream` and `type`. `head` has one row, which moves in the transaction
that adds records. `application_id` says whose file it is and `user_version` the number of its format: how many of
the `STEPS` were taken. A new file takes all of them; an older one takes those it lacks, in one transaction.
"""

import sqlite3
import time
from pathlib import Path

from eventlog.log import Damaged, LogError, Unavailable

APPLICATION_ID = 0x65736C67
"""The letters `eslg`."""

Steps = tuple[tuple[str, ...], ...]
"""The formats in their order: each the statements that lead to it from the one before, from an empty file at first."""

BUSY_SECONDS = 30
"""How long to wait for another process that writes."""

WAL_PAGES = 16_384
"""Pages of write-ahead log at which a commit itself checkpoints, should nobody have done it before."""

_FIRST = (
    """CREATE TABLE event(
      position INTEGER PRIMARY KEY,
      stream_id INTEGER NOT NULL,
      version INTEGER NOT NULL,
      type_id INTEGER NOT NULL,
      time INTEGER NOT NULL,
      metadata BLOB NOT NULL,
      data BLOB NOT NULL,
      leaf_hash BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX event_stream ON event(stream_id, version)",
    "CREATE TABLE stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE type(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE head(
      id INTEGER PRIMARY KEY CHECK (id = 1),
      size INTEGER NOT NULL,
      time INTEGER NOT NULL,
      frontier BLOB NOT NULL
    ) STRICT""",
    "INSERT INTO head VALUES (1, 0, 0, x'')",
    *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        for table, verb in (
            ("event", "UPDATE"),
            ("event", "DELETE"),
            ("stream", "UPDATE"),
            ("stream", "DELETE"),
            ("type", "UPDATE"),
            ("type", "DELETE"),
            ("head", "DELETE"),
        )
    ),
    # FAIL, as every commit updates the head: for ABORT SQLite would keep a journal of the statement (13 % of a commit).
    """CREATE TRIGGER head_grows BEFORE UPDATE ON head WHEN NEW.size <= OLD.size
      BEGIN SELECT RAISE(FAIL, 'the log is append-only'); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

STEPS: Steps = (_FIRST,)
"""A released step is never edited: a change of the format is another step behind it."""

FORMAT = len(STEPS)
"""The newest format, the only one that is read and written. A file of a newer one is refused."""

_IDENTITY = """
SELECT application_id, user_version, (SELECT count(*) = 0 FROM sqlite_schema)
FROM pragma_application_id, pragma_user_version
"""
"""Whose file it is, its format, and whether it is empty: as of one moment."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR)
"""SQLITE_ERROR is a statement that doesn't fit the tables: ours do, so somebody has changed the tables."""


def translated(error: sqlite3.Error, path: Path) -> LogError:
    """Return what the log raises for an error of SQLite; it names the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kind = Damaged if code in _DAMAGE else Unavailable
    return kind(f"{path}: {error}")


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Tell whether another process holds the lock that was asked for."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection for any thread, one at a time, with transactions left to the caller."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def connect_impatient(path: Path) -> sqlite3.Connection:
    """Return a connection that, once set up, never waits for another process: SQLITE_BUSY says so instead."""
    connection = connect(path)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = 1")
    return connection


def prepare(path: Path, steps: Steps = STEPS) -> None:
    """Bring the file to the newest format, an empty one from the beginning. All or nothing; safe among processes.

    Raises `LogError` for what is no log or has a newer format, `Unavailable` for an older one that can't be changed.
    """
    connection = connect(path)
    try:
        number = _format(connection, path, steps)
        if number == 0:
            _use_wal(connection)
        if number < len(steps):
            _migrate(connection, path, steps)
    finally:
        connection.close()


def check_format(connection: sqlite3.Connection) -> None:
    """Require the newest format still: a newer program may have changed an open file. Raises `LogError`."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    if number != FORMAT:
        raise LogError(f"the log has got format {number}; this program knows formats up to {FORMAT}")


def _migrate(connection: sqlite3.Connection, path: Path, steps: Steps) -> None:
    number = None
    try:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have been quicker.
        number = _format(connection, path, steps)
        for step in steps[number:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        has = "can't be" if number is None else f"has format {number} and can't be"
        raise Unavailable(f"{path} {has} brought to format {len(steps)}: {error}") from error


def _format(connection: sqlite3.Connection, path: Path, steps: Steps) -> int:
    """Return the format's number, 0 for an empty file. Raises `LogError` for what isn't known."""
    application, number, is_empty = connection.execute(_IDENTITY).fetchone()
    if application != APPLICATION_ID and not is_empty:
        raise LogError(f"{path} is not an event log")
    if number > len(steps):
        raise LogError(f"{path} has format {number}; this program knows formats up to {len(steps)}")
    return int(number)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite doesn't wait by itself for others that are just doing the same."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return
