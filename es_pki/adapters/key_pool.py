"""RSA keys made ahead, so that a request waits for none: a few of each size that was asked for lately.

They lie in memory only, and belong to nobody until they are put into the key store. A process of its own makes them
(`key_maker.py`): it yields the processor to everything else, and ends at once when es-pki does.
"""

import asyncio
import logging
from collections import deque

from es_pki.adapters import child
from es_pki.adapters.x509.keys import PrivateKey
from es_pki.values import KeyType, PublicKey

LOG = logging.getLogger("es_pki.keys")

READY = {KeyType.RSA_2048: 8, KeyType.RSA_3072: 4, KeyType.RSA_4096: 4}
"""How many keys of a type lie ready, at most."""

LATELY_SECONDS = 3600.0
"""Keys of a type that nobody has asked for since are dropped, and no more are made."""


class KeyPool:
    """Belongs to one event loop; is filled while `run` runs. Nothing is made before the first key is asked for."""

    def __init__(self) -> None:
        self._ready: dict[KeyType, deque[PrivateKey]] = {}
        self._forgetting: dict[KeyType, asyncio.TimerHandle] = {}
        self._asked = asyncio.Event()

    def take(self, key_type: KeyType) -> PrivateKey | None:
        """Return a key that nobody else is given, None when none is ready; either way more are made."""
        if key_type not in READY:
            return None
        self._remember(key_type)
        ready = self._ready[key_type]
        self._asked.set()
        return ready.popleft() if ready else None

    def ready(self, key_type: KeyType) -> int:
        """Return how many keys of a type lie ready."""
        return len(self._ready.get(key_type, ()))

    async def run(self) -> None:
        """Make keys whenever some were taken, until cancelled; then the process that makes them is gone."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                while self._lacking() is not None:
                    await self._fill_by_a_maker()
            except (OSError, asyncio.IncompleteReadError):
                LOG.exception("RSA keys can't be made ahead now: requests make their own")

    def _remember(self, key_type: KeyType) -> None:
        self._ready.setdefault(key_type, deque())
        if key_type in self._forgetting:
            self._forgetting[key_type].cancel()
        loop = asyncio.get_running_loop()
        self._forgetting[key_type] = loop.call_later(LATELY_SECONDS, self._forget, key_type)

    def _forget(self, key_type: KeyType) -> None:
        del self._ready[key_type], self._forgetting[key_type]

    def _lacking(self) -> KeyType | None:
        """Return the type of which the smallest part lies ready, None when all are complete."""
        lacking = [key_type for key_type, keys in self._ready.items() if len(keys) < READY[key_type]]
        return min(lacking, key=lambda key_type: len(self._ready[key_type]) / READY[key_type], default=None)

    async def _fill_by_a_maker(self) -> None:
        maker = await child.start("es_pki.adapters.key_maker")
        try:
            while (key_type := self._lacking()) is not None:
                made = await _made(maker, key_type)
                if key_type in self._ready:
                    self._ready[key_type].append(made)
        finally:
            await child.end(maker)


async def _made(maker: child.Child, key_type: KeyType) -> PrivateKey:
    if maker.stdin is None or maker.stdout is None:
        raise BrokenPipeError("the maker of keys has no pipes")
    maker.stdin.write(f"{key_type}\n".encode())
    await maker.stdin.drain()
    pkcs8, spki = [await _part(maker.stdout) for _ in range(2)]
    return PrivateKey(pkcs8, PublicKey(key_type, spki))


async def _part(answer: asyncio.StreamReader) -> bytes:
    return await answer.readexactly(int.from_bytes(await answer.readexactly(4), "big"))
