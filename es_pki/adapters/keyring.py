"""Keys in use: made, kept in the key store before anyone relies on them, and loaded once for signing."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from uuid import uuid4

from cryptography.x509 import CertificateSigningRequestBuilder

from es_pki.adapters.key_pool import KeyPool
from es_pki.adapters.keystore import KeyEntry, KeyStore
from es_pki.adapters.x509.keys import SigningKey, blocks_long, generate, load
from es_pki.values import KeyType, PublicKey

R = TypeVar("R")

SIGNING_KEYS = 256

LARGE = 128 * 1024
"""Octets of which hashing alone takes longer than handing them to a thread: a CRL's, no certificate's."""


class MadeKey(NamedTuple):
    """A key pair whose private half lies in the key store under `key_id`."""

    key_id: str
    public_key: PublicKey


class KeyRing:
    """Makes keys and signs with them. What takes long goes to threads; P-256 and Ed25519 are quicker than a hop.

    RSA keys come from a pool of those made ahead; when it is empty, the request's own is made.
    """

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._pool = KeyPool()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="keys")
        self._loaded: OrderedDict[str, SigningKey] = OrderedDict()

    async def make(self, key_type: KeyType, *, purpose: str, owner: str) -> MadeKey:
        """Make a key pair and return it once its private half is durably kept."""
        private = self._pool.take(key_type)
        if private is None:
            private = await self._run(key_type, lambda: generate(key_type))
        key_id = str(uuid4())
        await self._store.put(key_id, purpose=purpose, owner=owner, secret=private.pkcs8)
        return MadeKey(key_id, private.public_key)

    async def keep(self, secret: bytes, *, purpose: str, owner: str) -> str:
        """Keep a secret that was made elsewhere; return the id under which it lies, once it is durable."""
        key_id = str(uuid4())
        await self._store.put(key_id, purpose=purpose, owner=owner, secret=secret)
        return key_id

    async def entries(self) -> Sequence[KeyEntry]:
        """Return what may be known of all keys and secrets, oldest first."""
        return await self._store.entries()

    async def make_ahead(self) -> None:
        """Keep RSA keys of the types that are asked for ready, until cancelled."""
        await self._pool.run()

    async def discard(self, key_id: str) -> None:
        """Remove a key that nothing refers to."""
        self._loaded.pop(key_id, None)
        await self._store.remove(key_id)

    async def sign(self, data: bytes, key_id: str, *, purpose: str, owner: str) -> bytes:
        """Return the key's signature over the data. Raises `KeyMissing` and `KeyUnreadable`."""
        key = await self._key(key_id, purpose=purpose, owner=owner)
        return await self._run(key.key_type, lambda: key.sign(data), is_large=len(data) >= LARGE)

    async def sign_csr(
        self, builder: CertificateSigningRequestBuilder, key_id: str, *, purpose: str, owner: str
    ) -> bytes:
        """Return the DER CSR for the key, signed by it. Raises `KeyMissing` and `KeyUnreadable`."""
        key = await self._key(key_id, purpose=purpose, owner=owner)
        return await self._run(key.key_type, lambda: key.sign_csr(builder))

    async def sign_csr_and_forget(
        self, builder: CertificateSigningRequestBuilder, key_type: KeyType
    ) -> tuple[PublicKey, bytes]:
        """Make a key, and return its public half and a DER CSR for it; the private half is nowhere after that."""

        def made() -> tuple[PublicKey, bytes]:
            private = generate(key_type)
            return private.public_key, load(private.pkcs8).sign_csr(builder)

        return await self._run(key_type, made)

    async def _key(self, key_id: str, *, purpose: str, owner: str) -> SigningKey:
        key = self._loaded.get(key_id)
        if key is None:
            key = load(await self._store.get(key_id, purpose=purpose, owner=owner))
            self._loaded[key_id] = key
            if len(self._loaded) > SIGNING_KEYS:
                self._loaded.popitem(last=False)
        return key

    async def secret(self, key_id: str, *, purpose: str, owner: str) -> bytes:
        """Return the private key in DER PKCS#8. Raises `KeyMissing` and `KeyUnreadable`."""
        return await self._store.get(key_id, purpose=purpose, owner=owner)

    async def close(self) -> None:
        """Let the threads go and close the key store."""
        self._threads.shutdown(wait=True)
        await self._store.close()

    async def _run(self, key_type: KeyType, work: Callable[[], R], *, is_large: bool = False) -> R:
        if is_large or blocks_long(key_type):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        return work()
