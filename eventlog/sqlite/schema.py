"""The file's format, and opening it.

`event` is the log. Names stand once, in `stream` and `type`. `head` has one row, which moves in the transaction
that adds records. `application_id` says whose file it is and `user_version` the number of its format.
"""

import sqlite3
import time
from pathlib import Path

from eventlog.log import Damaged, LogError, Unavailable

APPLICATION_ID = 0x65736C67
"""The letters `eslg`."""

FORMAT = 1
"""The number of the format below. Another one is refused."""

BUSY_SECONDS = 30
"""How long to wait for another process that writes."""

WAL_PAGES = 16_384
"""Pages of write-ahead log at which a commit itself checkpoints, should nobody have done it before."""

_STATEMENTS = (
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
    f"PRAGMA user_version = {FORMAT}",
)

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
    # A name that somebody damaged must be readable, to be found.
    connection.text_factory = lambda name: name.decode(errors="replace")
    return connection


def prepare(path: Path) -> None:
    """Create the tables in an empty file, or check that it is a log of this format. Safe among processes."""
    connection = connect(path)
    try:
        _prepare(connection, path)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    application, number = _identity(connection)
    if application == 0 and number == 0:
        _create(connection)
        application, number = _identity(connection)
    if application != APPLICATION_ID:
        raise LogError(f"{path} is not an event log")
    if number != FORMAT:
        raise LogError(f"{path} has format {number}; this program knows format {FORMAT}")


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return whose file it is and its format, as of one moment."""
    query = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
    application, number = connection.execute(query).fetchone()
    return application, number


def _create(connection: sqlite3.Connection) -> None:
    _use_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    # Not empty: another process was quicker, or it is somebody else's file.
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        for statement in _STATEMENTS:
            connection.execute(statement)
    connection.execute("COMMIT")


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
