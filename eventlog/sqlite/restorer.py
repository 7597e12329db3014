"""Filling an empty file with records that were a log's before, in one transaction. Blocking; one call at a time."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from eventlog import merkle
from eventlog.log import Damaged, Head, Record
from eventlog.restoring import Restoration, check_is_empty
from eventlog.sqlite import schema

_EVENT = """
INSERT INTO event SELECT ?, s.id, ?, t.id, ?, ?, ?, ? FROM stream s CROSS JOIN type t WHERE s.name = ? AND t.name = ?
"""


class Restorer:
    """A connection of its own: who appends meanwhile waits, and finds what was restored. Raises what `Log` raises."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = schema.connect(path)
        self._restoration = Restoration()

    def begin(self) -> None:
        """Become the only writer of a file that must have no records."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            schema.check_format(self._connection)
            row = self._connection.execute("SELECT size FROM head").fetchone()
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error
        if row is None:
            raise Damaged("the head is missing")
        check_is_empty(row[0])

    def add(self, records: Sequence[Record]) -> None:
        """Store the next records."""
        accepted = self._restoration.accept(records)
        rows = [(r.position, r.version, r.time, r.metadata, r.data, r.leaf_hash, r.stream, r.type) for r in accepted]
        try:
            for table, names in (("stream", {r.stream for r in accepted}), ("type", {r.type for r in accepted})):
                named = f"INSERT OR IGNORE INTO {table}(name) VALUES (?)"  # noqa: S608 - names of our own
                self._connection.executemany(named, [(name,) for name in sorted(names)])
            self._connection.executemany(_EVENT, rows)
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error

    def commit(self) -> Head:
        """Make it durable; return the head."""
        size, time, frontier = head = self._restoration.head
        try:
            if size:
                row = size, time, merkle.pack(frontier)
                self._connection.execute("UPDATE head SET size = ?, time = ?, frontier = ?", row)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error
        return head

    def close(self) -> None:
        """Release the connection, and with it what was not committed."""
        self._connection.close()
