"""Reading the file. Every call is one short read transaction; blocking, so its caller chooses the thread."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from eventlog import merkle, paging
from eventlog.log import PAGE_SIZE, Damaged, Head, Record
from eventlog.sqlite import schema

LOWEST_POSITION = -(1 << 63)
HIGHEST_POSITION = (1 << 63) - 1
"""What an integer of SQLite holds."""

_COLUMNS = "e.position, s.name, e.version, t.name, e.time, e.metadata, e.data, e.leaf_hash"
# CROSS JOIN keeps the order: the events first, by their position.
_RECORDS = f"""
SELECT {_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream_id CROSS JOIN type t ON t.id = e.type_id
"""  # noqa: S608 - a constant
_PAGE = f"{_RECORDS} WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT {PAGE_SIZE}"
_FILTERED_PAGE = f"""
{_RECORDS} WHERE e.position > ? AND e.position <= ?
AND e.type_id IN (SELECT id FROM type WHERE name IN (SELECT value FROM json_each(?)))
ORDER BY e.position LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_STREAM = f"""
SELECT {_COLUMNS} FROM stream s CROSS JOIN event e ON e.stream_id = s.id CROSS JOIN type t ON t.id = e.type_id
WHERE s.name = ? AND e.version > ? ORDER BY e.version LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_SCAN = f"""
SELECT e.position, coalesce(s.name, ''), e.version, coalesce(t.name, ''), e.time, e.metadata, e.data, e.leaf_hash
FROM event e LEFT JOIN stream s ON s.id = e.stream_id LEFT JOIN type t ON t.id = e.type_id
WHERE e.position >= ? ORDER BY e.position LIMIT {PAGE_SIZE}
"""  # noqa: S608 - a constant
_LEAF_HASHES = "SELECT leaf_hash FROM event WHERE position > ? AND position <= ? ORDER BY position"


class Reader:
    """One reading connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = schema.connect_reader(path)

    def head(self) -> Head:
        """Return the durable head."""
        row = self._one("SELECT size, time, frontier FROM head", ())
        if row is None:
            raise Damaged("the head is missing")
        return Head(row[0], row[1], merkle.unpack(row[2]))

    def size(self) -> int:
        """Return the durable head's size."""
        row = self._one("SELECT size FROM head", ())
        if row is None:
            raise Damaged("the head is missing")
        return int(row[0])

    def page(self, after: int, until: int, types: frozenset[str] | None) -> list[Record]:
        """See `paging.Source.fetch`."""
        if types is None:
            return self._records(_PAGE, (after, until))
        return self._records(_FILTERED_PAGE, (after, until, json.dumps(list(types))))

    def stream(self, stream: str, after: int) -> list[Record]:
        """Return the stream's first records with a version greater than `after`, at most a page."""
        return self._records(_STREAM, (stream, after))

    def scan(self, first: int) -> list[Record]:
        """Return a page of whatever is stored from a position on, also where its names are missing."""
        return self._records(_SCAN, (first,)) if first <= HIGHEST_POSITION else []

    def leaf_hashes(self, after: int, until: int) -> bytes:
        """Return leaf hashes, one behind the other. Raises `Damaged` when one is missing."""
        try:
            joined = b"".join([row[0] for row in self._connection.execute(_LEAF_HASHES, (after, until))])
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error
        return paging.checked_leaf_hashes(joined, after, until)

    def position_at(self, time: int) -> int:
        """Return the last position at or before a time, by bisection: times never decrease."""
        low, high = 0, self.size()
        while low < high:
            middle = (low + high + 1) // 2
            row = self._one("SELECT time FROM event WHERE position = ?", (middle,))
            if row is None:
                raise Damaged(f"position {middle} is missing")
            if row[0] <= time:
                low = middle
            else:
                high = middle - 1
        return low

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _records(self, query: str, parameters: tuple[object, ...]) -> list[Record]:
        try:
            try:
                return self._fetched(query, parameters)
            except sqlite3.OperationalError as error:
                if hasattr(error, "sqlite_errorcode"):
                    raise
                # The module's own error: a name is not UTF-8. One that somebody damaged must be readable, to be found.
                self._connection.text_factory = _readable
                return self._fetched(query, parameters)
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error

    def _fetched(self, query: str, parameters: tuple[object, ...]) -> list[Record]:
        rows: Iterator[tuple[object, ...]] = self._connection.execute(query, parameters)
        return list(map(Record._make, rows))

    def _one(self, query: str, parameters: tuple[object, ...]) -> tuple[int, int, bytes] | None:
        try:
            row: tuple[int, int, bytes] | None = self._connection.execute(query, parameters).fetchone()
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error
        return row


def _readable(name: bytes) -> str:
    return name.decode(errors="replace")
