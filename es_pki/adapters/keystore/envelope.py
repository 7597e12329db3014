"""Sealing: AES-256-GCM under a data key of its own, wrapped with AES-256-GCM by the master key (NIST SP 800-38D).

Both seals authenticate a label: a format mark, then key id, purpose and owner, each preceded by its length.
"""

import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from es_pki.adapters.keystore.store import KeyUnreadable

KEY_SIZE = 32
NONCE_SIZE = 12
FORMAT = b"es-pki key 1"


class Sealed(NamedTuple):
    """A sealed key: `wrapped` data key and `ciphertext`, each with its nonce in front."""

    wrapped: bytes
    ciphertext: bytes


class MasterKey:
    """The key above all keys. It has no text form."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError("a master key has 32 octets")
        self._cipher = AESGCM(key)

    def wrap(self, data_key: bytes, label: bytes) -> bytes:
        """Return a data key under the master key."""
        return _encrypted(self._cipher, data_key, label)

    def unwrap(self, wrapped: bytes, label: bytes) -> bytes:
        """Return the data key. Raises `KeyUnreadable`."""
        return _decrypted(self._cipher, wrapped, label)


def label(key_id: str, purpose: str, owner: str) -> bytes:
    """Return what is authenticated with a key; no two keys' labels are alike."""
    parts = (part.encode() for part in (key_id, purpose, owner))
    return FORMAT + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def seal(master: MasterKey, secret: bytes, bound_to: bytes) -> Sealed:
    """Seal a secret under a fresh data key."""
    data_key = secrets.token_bytes(KEY_SIZE)
    return Sealed(master.wrap(data_key, bound_to), _encrypted(AESGCM(data_key), secret, bound_to))


def unseal(master: MasterKey, sealed: Sealed, bound_to: bytes) -> bytes:
    """Return the secret. Raises `KeyUnreadable`."""
    return _decrypted(AESGCM(master.unwrap(sealed.wrapped, bound_to)), sealed.ciphertext, bound_to)


def _encrypted(cipher: AESGCM, plaintext: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_SIZE)
    return nonce + cipher.encrypt(nonce, plaintext, bound_to)


def _decrypted(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], bound_to)
    except (InvalidTag, ValueError):
        raise KeyUnreadable("the key does not authenticate for its id, purpose and owner") from None
