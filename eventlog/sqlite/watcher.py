"""Seeing that any process has committed.

One task looks for all followers of its process. `PRAGMA data_version` costs a few microseconds and reads no page;
it is another number after each commit of another connection, also of this process's own writer.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from eventlog.sqlite import schema

POLL_SECONDS = 0.02


class Watcher:
    """A connection that is asked again and again, from the first follower on."""

    def __init__(self, path: Path, wake: Callable[[], None]) -> None:
        self._connection = schema.connect_reader(path)
        self._wake = wake
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch, if it isn't done yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop watching and release the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._connection.close()

    async def _watch(self) -> None:
        seen = None
        while True:
            version = self._version()
            if version is None or version != seen:
                self._wake()
            seen = version
            await asyncio.sleep(POLL_SECONDS)

    def _version(self) -> int | None:
        """Return the number, None if the file can't be read: the followers then look, and are told why."""
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None
        return int(version)
