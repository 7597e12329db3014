"""Child processes that run a module of ours: started without our secrets, and gone when they must be."""

import asyncio
import contextlib
import os
import sys

Child = asyncio.subprocess.Process


async def start(module: str) -> Child:
    """Start `python -m module` with pipes to it.

    It gets a session of its own, since what interrupts es-pki goes through es-pki, and none of its settings, which may
    be secrets. Whoever is cancelled meanwhile leaves no process behind.
    """
    starting = asyncio.ensure_future(_started(module))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


async def end(child: Child) -> None:
    """End a child and release its pipes, also when cancelled meanwhile."""
    ending = asyncio.ensure_future(_end(child))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


async def _started(module: str) -> Child:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ES_PKI_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


async def _end(child: Child) -> None:
    if child.returncode is None:
        child.kill()
    if child.stdin is not None:
        child.stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await child.stdin.wait_closed()
    await child.communicate()
    child._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - asyncio closes it later, or never
