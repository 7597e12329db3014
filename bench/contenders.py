"""What bench/log.py compares: our log, raw drivers of the same durability, and the `eventsourcing` library.

Each appends one event of about 400 bytes per append from so many appenders at once, scans what it has, and loads
aggregates of four events. Raw drivers get as many rows a transaction as there are appenders: what a perfect group
commit would write. They keep no tree, check no versions and answer nobody.
"""

import asyncio
import itertools
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg
import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

from eventlog import Log, NewEvent, Write

METADATA = b'{"actor":"bench"}'
PAGE = 5_000


class Issued(msgspec.Struct, frozen=True):
    """The event of the benchmark."""

    version: int
    certificate: str


EVENT = NewEvent("certificate.issued.v1", msgspec.json.encode(Issued(1, "x" * 380)))
_DECODE = msgspec.json.Decoder(Issued).decode
_streams = map("certificate-{:012}".format, itertools.count())


class Contender(Protocol):
    """What is measured. Appends are durable when they return."""

    async def append(self, events: int, appenders: int, latencies: list[float] | None = None) -> None:
        """Append so many events from so many appenders, each waiting for its append before the next."""
        ...

    async def scan(self) -> int:
        """Read every stored event without decoding it; return their number."""
        ...

    async def replay(self) -> int:
        """Read, decode and apply every event; return their number."""
        ...


class Ours:
    """The log, on either backend."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def append(self, events: int, appenders: int, latencies: list[float] | None = None) -> None:
        """See `Contender.append`."""

        async def appender(stream: str) -> None:
            for version in range(events // appenders):
                began = time.perf_counter()
                await self.log.append([Write(stream, version, (EVENT,))], metadata=METADATA)
                if latencies is not None:
                    latencies.append(time.perf_counter() - began)

        await asyncio.gather(*(appender(next(_streams)) for _ in range(appenders)))

    async def scan(self) -> int:
        """See `Contender.scan`."""
        return sum([len(page.records) async for page in self.log.read_all()])

    async def replay(self) -> int:
        """See `Contender.replay`."""
        rows: dict[str, str] = {}
        count = 0
        async for page in self.log.read_all():
            for record in page.records:
                rows[record.stream] = _DECODE(record.data).certificate
            count += len(page.records)
        return count

    async def make_aggregates(self, number: int) -> list[str]:
        """Append aggregates of four events; return their streams."""
        streams = [next(_streams) for _ in range(number)]
        await asyncio.gather(*(self.log.append([Write(s, 0, (EVENT,) * 4)], metadata=METADATA) for s in streams))
        return streams

    async def load(self, streams: list[str]) -> int:
        """Read and fold aggregates."""
        for stream in streams:
            state = ""
            for record in await self.log.read_stream(stream):
                state = _DECODE(record.data).certificate
        return len(state)


class RawSQLite:
    """`sqlite3` alone."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            CREATE TABLE event(position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, type TEXT, time INTEGER,
              metadata BLOB, data BLOB, UNIQUE(stream, version));
            """
        )
        self._positions = itertools.count(1)

    async def append(self, events: int, appenders: int, latencies: list[float] | None = None) -> None:
        """See `Contender.append`."""
        del latencies
        execute = self._connection.execute
        for rows in _rows(self._positions, events, appenders):
            execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            execute("COMMIT")

    async def scan(self) -> int:
        """See `Contender.scan`."""
        return sum(1 for _ in self._connection.execute("SELECT * FROM event ORDER BY position"))

    replay = scan


class RawPostgres:
    """`asyncpg` alone: one `unnest` statement a batch, the cheapest insert there is short of COPY."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._connection = connection
        self._positions = itertools.count(1)

    @classmethod
    async def connect(cls, url: str) -> "RawPostgres":
        """Make the table."""
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE TABLE event(position bigint PRIMARY KEY, stream text, version bigint, type text, time bigint,"
            " metadata bytea, data bytea, UNIQUE(stream, version))"
        )
        return cls(connection)

    async def append(self, events: int, appenders: int, latencies: list[float] | None = None) -> None:
        """See `Contender.append`."""
        del latencies
        insert = await self._connection.prepare(
            "INSERT INTO event SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[],"
            " $6::bytea[], $7::bytea[])"
        )
        for rows in _rows(self._positions, events, appenders):
            await insert.fetch(*zip(*rows, strict=True))

    async def scan(self) -> int:
        """See `Contender.scan`."""
        position, count = 0, 0
        page = await self._connection.prepare("SELECT * FROM event WHERE position > $1 ORDER BY position LIMIT 5000")
        while rows := await page.fetch(position):
            count += len(rows)
            position = rows[-1]["position"]
        return count

    replay = scan

    async def close(self) -> None:
        """Let the connection go."""
        await self._connection.close()


def _rows(positions: Iterator[int], events: int, appenders: int) -> Iterator[list[tuple[object, ...]]]:
    streams = [next(_streams) for _ in range(appenders)]
    for version in range(1, events // appenders + 1):
        now = time.time_ns() // 1_000
        yield [(next(positions), stream, version, EVENT.type, now, METADATA, EVENT.data) for stream in streams]


class Certificate(Aggregate):
    """The aggregate of the `eventsourcing` application."""

    @event("Prepared")
    def __init__(self, name: str) -> None:
        self.name = name
        self.certificate = ""

    @event("Issued")
    def issue(self, certificate: str) -> None:
        """Take the certificate."""
        self.certificate = certificate


class EventSourcing:
    """The `eventsourcing` library: its recorder for appends, its repository and mapper for the rest."""

    def __init__(self, environment: dict[str, str], most_threads: int = 256) -> None:
        self._application: Application[uuid.UUID] = Application(environment)
        self._recorder = self._application.recorder
        self._most_threads = most_threads

    @classmethod
    def on_sqlite(cls, path: Path) -> "EventSourcing":
        """Use its SQLite recorder (WAL, `synchronous=FULL`)."""
        return cls(
            {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path), "SQLITE_LOCK_TIMEOUT": "60"}
        )

    @classmethod
    def on_postgres(cls, url: str) -> "EventSourcing":
        """Use its PostgreSQL recorder."""
        parts = urlsplit(url)
        return cls(
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": parts.path.removeprefix("/"),
                "POSTGRES_HOST": parts.hostname or "",
                "POSTGRES_PORT": str(parts.port or 5432),
                "POSTGRES_USER": parts.username or "",
                "POSTGRES_PASSWORD": parts.password or "",
                "POSTGRES_POOL_SIZE": "16",
                "POSTGRES_MAX_OVERFLOW": "16",
                "POSTGRES_POOL_TIMEOUT": "60",
            }
        )

    async def append(self, events: int, appenders: int, latencies: list[float] | None = None) -> None:
        """See `Contender.append`; an appender is a thread."""
        del latencies

        def appender(number: int) -> None:
            originator = uuid.uuid4()
            for version in range(1, number + 1):
                stored = StoredEvent(originator, version, EVENT.type, EVENT.data)
                self._recorder.insert_events([stored])

        def append_all() -> None:
            with ThreadPoolExecutor(appenders) as threads:
                list(threads.map(appender, [events // appenders] * appenders))

        await asyncio.to_thread(append_all)

    async def make_aggregates(self, number: int) -> list[uuid.UUID]:
        """Save aggregates of four events; return their ids."""
        return await asyncio.to_thread(self._make, number)

    def _make(self, number: int) -> list[uuid.UUID]:
        made = []
        for _ in range(number):
            aggregate = Certificate("www")
            for _ in range(3):
                aggregate.issue("x" * 380)
            self._application.save(aggregate)
            made.append(aggregate.id)
        return made

    async def load(self, ids: list[uuid.UUID]) -> int:
        """Read and fold aggregates."""
        return sum(len(self._application.repository.get(one).certificate) for one in ids)

    async def scan(self) -> int:
        """See `Contender.scan`."""
        return self._notifications(decoded=False)

    async def replay(self) -> int:
        """See `Contender.replay`, of its own aggregates' events: only those its mapper can decode."""
        return self._notifications(decoded=True)

    def _notifications(self, *, decoded: bool) -> int:
        rows: dict[uuid.UUID, object] = {}
        start, count = 1, 0
        while found := self._recorder.select_notifications(start, PAGE):
            for notification in found:
                if decoded:
                    domain_event = self._application.mapper.to_domain_event(notification)
                    rows[domain_event.originator_id] = domain_event
            count += len(found)
            start = found[-1].id + 1
        return count
