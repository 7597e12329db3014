"""Programs of others: started without a shell, for a bounded time, and gone with all that they started.

In a thread, since the event loop of the server starts none as another user.
"""

import asyncio
import contextlib
import os
import pwd
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from es_pki.adapters import clock

LARGEST_OUTPUT = 4 * 1024
"""Octets of output that are kept; what follows is read and forgotten."""

LOOK_SECONDS = 0.05


class Ran(NamedTuple):
    """How a program ended: its exit status (negative: the signal), and what it said on both its outputs."""

    status: int
    output: str


class NotRun(Exception):
    """A program could not be started, or didn't end in time. The message names no argument."""


class Work(NamedTuple):
    """What to run: `user` is whose rights it gets (None: ours); `given` is what it reads, at most 64 KiB."""

    command: Sequence[str]
    environment: Mapping[str, str]
    given: bytes
    seconds: float
    user: str | None = None


async def run(work: Work) -> Ran:
    """Run a program to its end. Raises `NotRun`. Whoever is cancelled meanwhile leaves no process behind."""
    enough = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(_run, work, enough))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        enough.set()
        await asyncio.wait([running])
        raise


def _run(work: Work, enough: threading.Event) -> Ran:
    try:
        with _started(work) as process:
            try:
                output = _converse(process, work, enough)
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
    except OSError as error:
        raise NotRun(f"it can't be started: {error.strerror}") from None
    return Ran(process.returncode, output)


def _started(work: Work) -> "subprocess.Popen[bytes]":
    """Start the program in a process group of its own."""
    entry = None
    if work.user is not None:
        try:
            entry = pwd.getpwnam(work.user)
        except KeyError:
            raise NotRun(f"there is no user {work.user}") from None
    return subprocess.Popen(  # noqa: S603 - no shell; an administrator allowed the program
        work.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(work.environment),
        cwd="/",
        start_new_session=True,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )


def _converse(process: "subprocess.Popen[bytes]", work: Work, enough: threading.Event) -> str:
    """Give the program what it reads and return what it says, once it has ended. Raises `NotRun`."""
    if process.stdin is None or process.stdout is None:
        raise NotRun("it has no pipes")
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(work.given)
    deadline = clock.elapsed() + work.seconds
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        speaks = True
        while speaks or process.poll() is None:
            if enough.is_set() or clock.elapsed() > deadline:
                raise NotRun(f"it did not end within {work.seconds:.0f} seconds")
            if not speaks:
                enough.wait(LOOK_SECONDS)
            elif selector.select(LOOK_SECONDS):
                said = os.read(process.stdout.fileno(), LARGEST_OUTPUT)
                kept, speaks = (kept + said)[:LARGEST_OUTPUT], bool(said)
            elif process.poll() is not None:
                break  # something that it left behind holds its output
    return kept.decode(errors="replace")
