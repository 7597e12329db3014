"""A process that orders a certificate and is killed at a step; its arguments: folder, number of the append, name."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from es_pki.adapters.intake.requests import PlaceACMEOrder
from es_pki.values.acme import ChallengeType
from eventlog.sqlite import SQLiteLog
from tests.world import World, open_keys


class Deadly:
    """A log whose user is killed behind its k-th append, which is durable."""

    def __init__(self, log: SQLiteLog, left: int) -> None:
        self._log, self._left = log, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, *arguments: Any, **options: Any) -> Any:
        """Append, and die if it is time."""
        done = await self._log.append(*arguments, **options)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


async def order(folder: Path, number: int, name: str) -> None:
    """Order a certificate for a name by tls-alpn-01, which the parent answers, and die."""
    log = Deadly(await SQLiteLog.open(folder / "log.db"), number)
    world = World(log, await open_keys(folder))
    names = (f"{name}.example.test",)
    await world.ask(PlaceACMEOrder(name, "pebble", dns_names=names, challenge=ChallengeType.TLS_ALPN_01))


if __name__ == "__main__":
    asyncio.run(order(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
