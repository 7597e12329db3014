"""Keeping the write-ahead log short without making appends wait.

A second connection copies the pages into the database in a thread of its own. New commits lengthen the log
meanwhile, so the rest is copied between two commits: only a log that is wholly copied starts again at its
beginning. A reader that holds it up is no danger: readers hold no transaction for longer than a page.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from eventlog.log import Record
from eventlog.sqlite import schema

CHECKPOINT_PAGES = 2_000
"""Pages of write-ahead log, about, after which they are copied: 8 MB."""

PAGE_BYTES = 4_096

_PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpointer:
    """Counts what is written and copies it from time to time."""

    def __init__(self, path: Path) -> None:
        self._connection = schema.connect_impatient(path)
        self._executor = ThreadPoolExecutor(1, "eventlog-checkpoint")
        self._pages = 0
        self._copying: asyncio.Future[None] | None = None
        self._rest_due = False

    def wrote(self, records: Sequence[Record]) -> None:
        """Take note of a commit; call it on the event loop, between two commits."""
        # A commit writes the last pages of the table and its index, and the head; records touch their index' pages.
        size = sum(len(record.data) for record in records)
        self._pages += 3 + len(records) + size // PAGE_BYTES
        if self._rest_due:
            self._rest_due = False
            self._copy()
        elif self._pages >= CHECKPOINT_PAGES and self._copying is None:
            self._pages = 0
            loop = asyncio.get_running_loop()
            self._copying = loop.run_in_executor(self._executor, self._copy)
            self._copying.add_done_callback(self._copied)

    async def close(self) -> None:
        """Wait for what runs, then release the connection."""
        if self._copying is not None:
            await asyncio.wait([self._copying])
        self._executor.shutdown()
        self._connection.close()

    def _copied(self, _: asyncio.Future[None]) -> None:
        self._copying = None
        self._rest_due = True

    def _copy(self) -> None:
        try:
            self._connection.execute(_PASSIVE).fetchone()
        except sqlite3.Error:
            # The pages stay in the write-ahead log, where they are durable; a commit says what is wrong.
            return
