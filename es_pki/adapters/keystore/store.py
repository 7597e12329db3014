"""The contract of the key store. This comment is the specification.

Secrecy      What is stored is ciphertext: AES-256-GCM under a data key of its own, itself wrapped by the master key.
Binding      Key id, purpose and owner are authenticated with the key: a row that was moved, renamed or changed can't
             be read, and a read never answers with an empty or other key.
Durability   When `put` returns, the key survives a killed process and a lost power supply.
Master key   A store is opened with the master key under which it was made, or not at all.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class KeyEntry(NamedTuple):
    """What may be known of a key: everything but the key."""

    key_id: str
    purpose: str
    owner: str
    created: datetime


class KeyStoreRefused(Exception):
    """The store can't be opened: a wrong master key, a key file that others can read, no key store. Says what to do."""


class KeyMissing(Exception):
    """There is no key of this id."""


class KeyUnreadable(Exception):
    """The key doesn't authenticate for this id, purpose and owner: it was changed, or is somebody else's."""


class KeyTaken(Exception):
    """The id belongs to another key."""


class KeyStore(Protocol):
    """See the module's comment for what holds of every method."""

    async def put(self, key_id: str, *, purpose: str, owner: str, secret: bytes) -> None:
        """Keep a key (DER PKCS#8). The same key again changes nothing. Raises `KeyTaken` for another one."""
        ...

    async def get(self, key_id: str, *, purpose: str, owner: str) -> bytes:
        """Return the key. Raises `KeyMissing` and `KeyUnreadable`."""
        ...

    async def remove(self, key_id: str) -> None:
        """Forget a key; an unknown id is fine."""
        ...

    async def entries(self) -> Sequence[KeyEntry]:
        """Return what may be known of all keys, oldest first."""
        ...

    async def close(self) -> None:
        """Release the store. Closing twice is allowed."""
        ...


async def check_is_the_same(store: KeyStore, key_id: str, *, purpose: str, owner: str, secret: bytes) -> None:
    """Require that the id's key is this one. Raises `KeyTaken`."""
    try:
        kept = await store.get(key_id, purpose=purpose, owner=owner)
    except KeyUnreadable:
        kept = None
    if kept != secret:
        raise KeyTaken(key_id)
