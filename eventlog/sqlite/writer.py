"""Writing the file: one batch, one transaction. Blocking; one call at a time, from any thread."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from eventlog import batch, merkle
from eventlog.log import Damaged, Head
from eventlog.sqlite import schema

MAXIMUM_CACHED = 100_000
"""Streams whose id and version are remembered; when there are more, all are forgotten."""

BUSY_PAUSE = 0.000_5
"""Seconds between two attempts to get the lock that another process holds."""

_HEAD = "SELECT size, time, frontier, (SELECT max(position) FROM event) FROM head"
_STREAM = "SELECT id, (SELECT max(version) FROM event WHERE stream_id = stream.id) FROM stream WHERE name = ?"


class Writer:
    """The writing connection, and what it knows of the file as long as no other process commits."""

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._path = path
        self._connection = schema.connect_impatient(path)
        self._now = now
        self._data_version = -1
        self._head = batch.EMPTY_HEAD
        self._versions: dict[str, int] = {}
        self._stream_ids: dict[str, int] = {}
        self._type_ids: dict[str, int] = {}
        self._next_stream_id = 1
        self.commit_seconds = 0.0
        """A moving average of how long making a batch durable takes."""

    def commit(self, requests: Sequence[batch.Request], *, patient: bool) -> batch.Plan | None:
        """Store a batch durably and say what became of it; None if another process writes and we aren't patient."""
        try:
            if not self._begin(patient=patient):
                return None
            return self._commit(requests)
        except sqlite3.Error as error:
            raise schema.translated(error, self._path) from error

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _begin(self, *, patient: bool) -> bool:
        deadline = time.monotonic() + schema.BUSY_SECONDS if patient else 0
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not schema.is_busy(error) or (patient and time.monotonic() > deadline):
                    raise
                if not patient:
                    return False
                time.sleep(BUSY_PAUSE)
            else:
                return True

    def _commit(self, requests: Sequence[batch.Request]) -> batch.Plan:
        try:
            self._notice_others()
            outcome = self._planned(requests)
            if outcome.records:
                started = time.perf_counter()
                self._connection.execute("COMMIT")
                self.commit_seconds += (time.perf_counter() - started - self.commit_seconds) / 8
            else:
                self._connection.execute("ROLLBACK")
        except BaseException:
            self._forget()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._head = outcome.head
        self._versions.update(outcome.versions)
        return outcome

    def _planned(self, requests: Sequence[batch.Request]) -> batch.Plan:
        """Plan a batch and insert its records. Streams that nobody remembers are taken for what is expected of them:

        mostly they are new, and inserting their names proves it. If one isn't, the batch is planned again with care.
        """
        outcome = batch.plan(requests, self._head, self._now(), self._versions.get)
        if self._is_as_assumed(outcome):
            self._connection.execute("SAVEPOINT hopeful")
            try:
                self._store(outcome)
            except sqlite3.IntegrityError:
                self._connection.execute("ROLLBACK TO hopeful")
                self._stream_ids.clear()
            else:
                return outcome
        outcome = batch.plan(requests, self._head, self._now(), self._version)
        if outcome.records:
            self._store(outcome)
        return outcome

    def _is_as_assumed(self, outcome: batch.Plan) -> bool:
        """Tell whether what was assumed is so, but for streams that get their first event: the index proves those."""
        return (
            bool(outcome.records)
            and not outcome.deferred
            and all(
                self._version(stream) == version
                for stream, version in outcome.assumed.items()
                if version > 0 or outcome.versions[stream] == 0
            )
        )

    def _notice_others(self) -> None:
        """Forget everything if another process has committed; within our transaction nobody can."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._data_version and len(self._versions) < MAXIMUM_CACHED:
            return
        self._forget()
        schema.check_format(self._connection)
        row = self._connection.execute(_HEAD).fetchone()
        if row is None or row[0] != (row[3] or 0):
            raise Damaged("the last record isn't where the head says")
        self._head = Head(row[0], row[1], merkle.unpack(row[2]))
        self._type_ids = dict(self._connection.execute("SELECT name, id FROM type"))
        (last,) = self._connection.execute("SELECT max(id) FROM stream").fetchone()
        self._next_stream_id = (last or 0) + 1
        self._data_version = version

    def _forget(self) -> None:
        self._data_version = -1
        self._versions.clear()
        self._stream_ids.clear()

    def _version(self, stream: str) -> int:
        version = self._versions.get(stream)
        if version is None:
            row = self._connection.execute(_STREAM, (stream,)).fetchone()
            if row is None:
                return 0
            self._stream_ids[stream] = row[0]
            version = self._versions[stream] = row[1] or 0
        return version

    def _store(self, outcome: batch.Plan) -> None:
        rows, named = [], []
        streams, types = self._stream_ids, self._type_ids
        for position, stream, version, type_, moment, metadata, data, leaf in outcome.records:
            if stream not in streams:
                streams[stream] = self._next_stream_id
                named.append((self._next_stream_id, stream))
                self._next_stream_id += 1
            if type_ not in types:
                self._name_type(type_)
            rows.append((position, streams[stream], version, types[type_], moment, metadata, data, leaf))
        self._connection.executemany("INSERT INTO stream VALUES (?, ?)", named)
        self._connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        size, moment, frontier = outcome.head
        self._connection.execute(
            "UPDATE head SET size = ?, time = ?, frontier = ?", (size, moment, merkle.pack(frontier))
        )

    def _name_type(self, type_: str) -> None:
        cursor = self._connection.execute("INSERT INTO type(name) VALUES (?) RETURNING id", (type_,))
        (self._type_ids[type_],) = cursor.fetchone()
