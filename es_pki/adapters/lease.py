"""One process at a time: whoever holds the lease follows the log, and reacts. It ends with the process."""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from es_pki.adapters.postgres import AWAY

POLL_SECONDS = 0.5

LOST = (*AWAY, asyncpg.PostgresError, TimeoutError)
"""What a connection raises that no longer holds anything."""


class Lease(Protocol):
    """A lease. Its holder checks `held` before each step: a lease can be lost."""

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        ...

    async def held(self) -> bool:
        """Tell whether it still is."""
        ...

    async def release(self) -> None:
        """Let it go. Releasing twice is allowed."""
        ...


class FileLease:
    """A lease among the processes of one machine: a lock on a file, which the kernel drops with its process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(descriptor):
                await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    async def held(self) -> bool:
        """See `Lease.held`."""
        return self._descriptor is not None

    async def release(self) -> None:
        """See `Lease.release`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class AdvisoryLease:
    """A lease among machines: a session's advisory lock, which PostgreSQL drops with the connection."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: Any = None
        self._asking = asyncio.Lock()
        self._ours = False

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        while not await self._try():
            await asyncio.sleep(POLL_SECONDS)
        self._ours = True

    async def _try(self) -> bool:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._url, timeout=10, command_timeout=10)
            got: bool = await self._connection.fetchval(
                "SELECT pg_try_advisory_lock(hashtext('es-pki lease'), hashtext($1))", self._name
            )
        except LOST:
            await self.release()
            return False
        return got

    async def held(self) -> bool:
        """See `Lease.held`. A connection that doesn't answer has lost it; several tasks ask one after the other."""
        async with self._asking:
            if not self._ours or self._connection is None or self._connection.is_closed():
                return False
            try:
                await self._connection.execute("SELECT 1")
            except LOST:
                await self.release()
                return False
            return True

    async def release(self) -> None:
        """See `Lease.release`."""
        connection, self._connection, self._ours = self._connection, None, False
        if connection is not None:
            with contextlib.suppress(*LOST):
                await connection.close(timeout=2)
