"""Where the master key comes from: a file that only its owner reads, or a passphrase (scrypt, RFC 7914).

The store keeps a check: a known text under the master key. A wrong master key is found when the store is opened.
"""

import base64
import binascii
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from es_pki.adapters import whole_file
from es_pki.adapters.keystore.envelope import KEY_SIZE, MasterKey
from es_pki.adapters.keystore.store import KeyStoreRefused, KeyUnreadable

SHORTEST_PASSPHRASE = 12
SCRYPT_COST = 1 << 17
_CHECK_LABEL = b"es-pki master key check 1"
_CHECK_TEXT = b"this is the master key of this key store"


class StoreMark(Struct, frozen=True):
    """What a key store keeps about its master key: the passphrase's salt and scrypt's cost, and the check."""

    salt: bytes
    cost: int
    check: bytes


MasterSource = Callable[[StoreMark | None], tuple[MasterKey, StoreMark]]
"""Gives the master key for a store's mark, or a new mark for a store without one. Raises `KeyStoreRefused`."""


def from_file(path: Path) -> MasterSource:
    """Take the master key from a file; for a new store the file is made (0600) if it is absent."""

    def source(mark: StoreMark | None) -> tuple[MasterKey, StoreMark]:
        if mark is None and not path.exists():
            whole_file.write(path, base64.b64encode(secrets.token_bytes(KEY_SIZE)) + b"\n")
        return _checked(MasterKey(_read(path)), mark, b"", 0)

    return source


def from_passphrase(passphrase: str, *, cost: int = SCRYPT_COST) -> MasterSource:
    """Derive the master key from a passphrase of at least 12 characters; `cost` is scrypt's N for a new store."""

    def source(mark: StoreMark | None) -> tuple[MasterKey, StoreMark]:
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise KeyStoreRefused(f"master_passphrase: at least {SHORTEST_PASSPHRASE} characters")
        if mark is not None and not mark.salt:
            raise KeyStoreRefused("this key store was made with a master key file, not with a passphrase")
        salt, n = (mark.salt, mark.cost) if mark else (secrets.token_bytes(16), cost)
        key = Scrypt(salt=salt, length=KEY_SIZE, n=n, r=8, p=1).derive(passphrase.encode())
        return _checked(MasterKey(key), mark, salt, n)

    return source


def for_what_is_there(source: MasterSource) -> MasterSource:
    """Have the source serve a key store that exists, and never begin a new one: its log would speak of other keys."""

    def guarded(mark: StoreMark | None) -> tuple[MasterKey, StoreMark]:
        if mark is None:
            raise KeyStoreRefused("there is a log, but its key store is missing: restore it from a backup")
        return source(mark)

    return guarded


def _checked(master: MasterKey, mark: StoreMark | None, salt: bytes, cost: int) -> tuple[MasterKey, StoreMark]:
    if mark is None:
        return master, StoreMark(salt, cost, master.wrap(_CHECK_TEXT, _CHECK_LABEL))
    try:
        if master.unwrap(mark.check, _CHECK_LABEL) == _CHECK_TEXT:
            return master, mark
    except KeyUnreadable:
        pass
    raise KeyStoreRefused("this is not the master key of this key store; put back the one it was made with")


def _read(path: Path) -> bytes:
    try:
        mode, text = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise KeyStoreRefused(f"the master key {path} can't be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyStoreRefused(f"others may read the master key: chmod 600 {path}")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_SIZE:
        raise KeyStoreRefused(f"{path} holds no master key (32 octets in base64)")
    return key
