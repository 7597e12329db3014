"""Hearing that any process has committed."""

import asyncio
from typing import Any

import asyncpg

from eventlog.paging import Signal
from eventlog.postgres.connection import LOST, connect
from eventlog.postgres.schema import CHANNEL

PAUSE_SECONDS = 1.0
"""Between two attempts to get a connection; meanwhile followers look by themselves."""


class Listener:
    """A connection that listens, from the first follower on."""

    def __init__(self, url: str, signal: Signal) -> None:
        self._url = url
        self._signal = signal
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen, if it isn't done yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (*LOST, asyncpg.PostgresError):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _listen_once(self) -> None:
        connection = await connect(self._url)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._heard)
            # What was committed before is not announced.
            self._signal.set()
            await ended.wait()
        finally:
            connection.terminate()

    def _heard(self, *_: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._signal.set()
