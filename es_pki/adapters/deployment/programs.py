"""Programs of others: run with a fixed argument list, no shell, a deadline, and an environment of their own.

A program that takes too long is killed with all that it started, but for what left its process group. The programs
are started with vfork, which the event loops' own ways don't use: copying a large process's page tables for each of
fifty would hold everybody up.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from es_pki.adapters.deployment.step import said_by, words_of

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""Nothing of es-pki's own environment, which may hold its passphrases."""

NOTHING: Mapping[str, str] = {}

KEPT_OUTPUT = 64 * 1024


class Ran(NamedTuple):
    """What became of a program: "" or why it failed, and its last words."""

    fault: str
    words: str


async def run(command: Sequence[str], seconds: float, further: Mapping[str, str] = NOTHING) -> Ran:
    """Run a program to its end, with `further` variables. What it started and left behind is listened to no more."""
    try:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - see above; the settings list what may be run
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd="/",
            env={**ENVIRONMENT, **further},
            start_new_session=True,
        )
    except OSError as error:
        return Ran(f"it can't be run: {said_by(error)}", "")
    with process, _listening(process) as output:
        try:
            async with asyncio.timeout(seconds):
                await _end(process)
            fault = _ending(process.wait())
        except TimeoutError:
            fault = f"it took longer than {seconds:g} seconds"
        finally:
            if process.poll() is None:
                _kill_group(process.pid)
                process.wait()
        _read(process, output)
        return Ran(fault, words_of(bytes(output)))


@contextlib.contextmanager
def _listening(process: "subprocess.Popen[bytes]") -> Iterator[bytearray]:
    """Keep the end of what a program says, as it says it: it would wait for a reader otherwise."""
    output, loop = bytearray(), asyncio.get_running_loop()
    pipe = _pipe(process)
    os.set_blocking(pipe, False)

    def readable() -> None:
        if not _read(process, output):
            loop.remove_reader(pipe)

    loop.add_reader(pipe, readable)
    try:
        yield output
    finally:
        loop.remove_reader(pipe)


def _read(process: "subprocess.Popen[bytes]", output: bytearray) -> bool:
    """Add what there is to be read; False when nobody will say any more."""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(_pipe(process), KEPT_OUTPUT):
            output += piece
            del output[:-KEPT_OUTPUT]
        return False
    return True


def _pipe(process: "subprocess.Popen[bytes]") -> int:
    if process.stdout is None:
        raise LookupError("a program is started with a pipe")
    return process.stdout.fileno()


async def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait until a program has ended."""
    loop = asyncio.get_running_loop()
    ended, descriptor = asyncio.Event(), os.pidfd_open(process.pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _ending(status: int) -> str:
    """Say how a program failed, "" when it didn't."""
    if status < 0:
        return f"it was ended by the signal {signal.Signals(-status).name}"
    return f"it ended with status {status}" if status else ""


def _kill_group(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)
