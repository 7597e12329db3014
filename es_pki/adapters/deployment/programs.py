"""Programs of others: run with a fixed argument list, no shell, a deadline, and an environment of their own.

A program that takes too long is killed with all that it started, but for what left its process group.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from typing import NamedTuple

from es_pki.adapters.deployment.step import words_of

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""Nothing of es-pki's own environment, which may hold its passphrases."""

KEPT_OUTPUT = 64 * 1024
LAST_WORDS_SECONDS = 0.5
"""How long a program that has ended is still listened to: what it started may keep its output open for ever."""


class Ran(NamedTuple):
    """What became of a program: "" or why it failed, and its last words."""

    fault: str
    words: str


async def run(command: Sequence[str], seconds: float) -> Ran:
    """Run a program to its end."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        return Ran(f"it can't be run: {(error.strerror or 'unknown').lower()}", "")
    output = bytearray()
    listening = asyncio.ensure_future(_listen(process.stdout, output))
    try:
        async with asyncio.timeout(seconds):
            status = await process.wait()
        fault = "" if status == 0 else _ending(status)
    except TimeoutError:
        fault = f"it took longer than {seconds:g} seconds"
    finally:
        if process.returncode is None:
            _kill_group(process.pid)
            await asyncio.shield(process.wait())
        await asyncio.wait([listening], timeout=LAST_WORDS_SECONDS)
        listening.cancel()
    return Ran(fault, words_of(bytes(output)))


async def _listen(stream: asyncio.StreamReader | None, output: bytearray) -> None:
    while stream is not None and (piece := await stream.read(4096)):
        output += piece
        del output[:-KEPT_OUTPUT]


def _ending(status: int) -> str:
    if status < 0:
        return f"it was ended by the signal {signal.Signals(-status).name}"
    return f"it ended with status {status}"


def _kill_group(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)
