"""Hearing that any process has committed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from eventlog.postgres.connection import LOST, connect
from eventlog.postgres.schema import CHANNEL

LOOK_SECONDS = 1.0
"""How often followers are told to look all the same: the connection may be gone without a word."""


class Listener:
    """A connection that listens, from the first follower on."""

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self._url = url
        self._wake = wake
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
                self._wake()
                await asyncio.sleep(LOOK_SECONDS)

    async def _listen_once(self) -> None:
        connection = await connect(self._url)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._heard)
            while not ended.is_set():
                # Also at first: what was committed before is not announced.
                self._wake()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await ended.wait()
        finally:
            connection.terminate()

    def _heard(self, *_: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        self._wake()
