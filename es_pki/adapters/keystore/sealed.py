"""Keys as they lie in a key store, still sealed: what a backup takes along and brings back without the master key.

Whole        `read` yields every key that was there when it began and isn't removed meanwhile; nobody waits for it.
Only at once `fill` puts mark and keys into a store that has neither, all of them or none, durably.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from es_pki.adapters.keystore.master import StoreMark

KEYS_AT_A_TIME = 256
"""A page of keys: half a megabyte or so."""


class SealedKey(Struct, frozen=True):
    """A key, readable only with the master key: see `envelope`."""

    key_id: str
    purpose: str
    owner: str
    created: datetime
    wrapped: bytes
    ciphertext: bytes


class SealedKeys(Protocol):
    """See the module's comment for what holds of every method."""

    async def mark(self) -> StoreMark | None:
        """Return what the store keeps about its master key, None if no master key was ever used."""
        ...

    async def is_empty(self) -> bool:
        """Tell whether the store has neither mark nor keys."""
        ...

    def read(self) -> AsyncIterator[Sequence[SealedKey]]:
        """Yield all keys, in the order of their ids, at most `KEYS_AT_A_TIME` at a time."""
        ...

    async def fill(self, mark: StoreMark, pages: Iterator[Sequence[SealedKey]]) -> None:
        """Store a mark and keys. Raises `KeyStoreRefused` when there are any; what `pages` raises undoes everything."""
        ...

    async def close(self) -> None:
        """Release the store. Closing twice is allowed."""
        ...
