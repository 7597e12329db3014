"""A lease among the processes of one machine: a lock on a file, which the kernel drops with its process.

A process that hangs keeps its lock. Those who wait hold a shared lock on `<file>.waiting`; while anybody does, the
holder touches its file at each renewal, and who sees it untouched for a term puts a file of its own in its place.
Without a second process nothing is ever written: no disk is kept awake.
"""

import asyncio
import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from es_pki.adapters import clock
from es_pki.adapters.lease.lease import TERM_SECONDS, Term

LOG = logging.getLogger("es_pki.lease")

QUIET_LOOKS = 12
"""Looks without a sign of life, a term long, after which a holder is taken for hung. The watcher may itself have slept:
so it counts looks, not time."""


class Sign(NamedTuple):
    """What a holder's file looks like from outside; another one is a sign of life."""

    inode: int
    touched: int


class FileLease:
    """See `Lease` for what the methods promise."""

    def __init__(self, path: Path, *, term: float = TERM_SECONDS) -> None:
        self._path = path
        self._waiting = path.with_name(f"{path.name}.waiting")
        self._descriptor: int | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._term = Term(term)

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        if self.held():
            return
        await self.release()
        waiting = _opened(self._waiting)
        try:
            await self._wait(waiting)
        finally:
            os.close(waiting)
        self._renewing = asyncio.create_task(self._renew())

    def held(self) -> bool:
        """See `Lease.held`."""
        return self._descriptor is not None and self._term.runs

    async def release(self) -> None:
        """See `Lease.release`."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._term.end()

    async def _wait(self, waiting: int) -> None:
        last, quiet = None, 0
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(waiting, fcntl.LOCK_SH | fcntl.LOCK_NB)
            asked = clock.elapsed()
            sign = _sign(self._path)
            quiet = quiet + 1 if sign == last else 0
            last = sign
            descriptor = _locked_file(self._path)
            if descriptor is None and sign is not None and quiet >= QUIET_LOOKS:
                LOG.warning("the holder of the lease hangs; taking over", extra={"fields": {"lease": self._path.name}})
                descriptor = _put_in_place(self._path, sign)
            if descriptor is not None:
                self._descriptor = descriptor
                self._term.renew(asked)
                return
            await asyncio.sleep(self._term.look_seconds)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._term.renewal_seconds)
            asked = clock.elapsed()
            try:
                renewed = self._touch()
            except OSError:
                renewed = False
            if not renewed:
                LOG.warning("the lease is lost", extra={"fields": {"lease": self._path.name}})
                self._term.end()
                return
            self._term.renew(asked)

    def _touch(self) -> bool:
        """Show that we live, if anybody waits; tell whether the file is still ours."""
        if self._descriptor is None or not _is_at(self._path, self._descriptor):
            return False
        waiting = _opened(self._waiting)
        try:
            if not _locked(waiting):
                os.utime(self._descriptor)
        finally:
            os.close(waiting)
        return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(path: Path) -> Sign | None:
    with suppress(FileNotFoundError):
        found = path.stat()
        return Sign(found.st_ino, found.st_mtime_ns)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    sign = _sign(path)
    return sign is not None and sign.inode == os.fstat(descriptor).st_ino


def _locked_file(path: Path) -> int | None:
    """Return the file with our lock on it, None if another process has locked it."""
    descriptor = _opened(path)
    try:
        if _locked(descriptor) and _is_at(path, descriptor):
            kept, descriptor = descriptor, -1
            return kept
    finally:
        if descriptor != -1:
            os.close(descriptor)
    return None


def _put_in_place(path: Path, seen: Sign) -> int | None:
    """Replace the file of a holder that hangs by one with our lock on it; None if another process was quicker."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _locked(folder) or _sign(path) != seen:
            return None
        beside = path.with_name(f"{path.name}.new")
        descriptor = _opened(beside)
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        beside.replace(path)
        return descriptor
    finally:
        os.close(folder)
