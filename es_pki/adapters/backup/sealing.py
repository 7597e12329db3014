"""A file under a passphrase, piece by piece: scrypt (RFC 7914), and AES-256-GCM in the STREAM construction.

    mark (16 bytes) · log2 of scrypt's N (1) · salt (32) · check (32) · chunks of 64 KiB, each with its tag (16)

A chunk's nonce is its number in eleven bytes, then 1 for the last chunk and 0 for every other one (Hoang, Reyhanitabar,
Rogaway and Vizár, 2015; age lays its chunks out alike). Every chunk authenticates the header. So whatever is changed,
cut off, appended, swapped or taken from another file fails at its chunk. The salt is drawn for each file and gives it
its own key, so no nonce is ever used twice. The check is the second half of what scrypt yields: it tells a wrong
passphrase from a damaged file, and nothing about the key.

age's own format would be read by other programs, but its Python binding takes and gives whole files in memory with a
passphrase; a log may be larger than memory.
"""

import secrets
from collections.abc import Callable, Iterator
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from es_pki.adapters.backup.refusals import BackupDamaged, BackupRefused

MARK = b"es-pki sealed 1\n"
SALT_SIZE = CHECK_SIZE = KEY_SIZE = 32
HEADER_SIZE = len(MARK) + 1 + SALT_SIZE + CHECK_SIZE
CHUNK_SIZE = 64 * 1024
TAG_SIZE = 16

COST = 17
"""log2 of scrypt's N for a new file: 128 MiB and about half a second."""

COSTS = range(4, 21)
"""What is accepted of a file: 1 GiB at most."""

SHORTEST_PASSPHRASE = 12

Read = Callable[[int], bytes]
"""Returns so many bytes, fewer only at the end."""


class Sealer:
    """Seals what is written. `end` writes the last chunk: a file without it can't be read."""

    def __init__(self, write: Callable[[bytes], object], passphrase: str, *, cost: int = COST) -> None:
        check_is_long_enough(passphrase)
        prefix = MARK + bytes([cost]) + secrets.token_bytes(SALT_SIZE)
        key, check = _derived(passphrase, prefix)
        self._header = prefix + check
        self._cipher = AESGCM(key)
        self._number = 0
        self._waiting = bytearray()
        self._write = write
        write(self._header)

    def write(self, content: bytes) -> None:
        """Take content; whole chunks are written as soon as something follows them."""
        self._waiting += content
        while len(self._waiting) > CHUNK_SIZE:
            self._seal(bytes(self._waiting[:CHUNK_SIZE]), is_last=False)
            del self._waiting[:CHUNK_SIZE]

    def end(self) -> None:
        """Write what is left, as the last chunk."""
        self._seal(bytes(self._waiting), is_last=True)

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        self._write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), chunk, self._header))
        self._number += 1


def is_sealed(beginning: bytes) -> bool:
    """Tell by its first bytes whether a file is sealed."""
    return beginning.startswith(MARK)


def opened(read: Read, passphrase: str) -> Iterator[bytes]:
    """Yield a sealed file's content, chunk by chunk; nothing of a chunk that doesn't authenticate.

    Raises `BackupRefused` for a wrong passphrase, `BackupDamaged` for a file that was changed or cut off.
    """
    header = read(HEADER_SIZE)
    prefix, check = header[:-CHECK_SIZE], header[-CHECK_SIZE:]
    if len(header) < HEADER_SIZE or not is_sealed(header) or header[len(MARK)] not in COSTS:
        raise BackupDamaged("the beginning of the sealed file isn't what es-pki writes")
    key, expected = _derived(passphrase, prefix)
    if not compare_digest(check, expected):
        raise BackupRefused("the passphrase is wrong, or the file's beginning was changed")
    cipher, number = AESGCM(key), 0
    chunk = read(CHUNK_SIZE + TAG_SIZE)
    while True:
        following = read(CHUNK_SIZE + TAG_SIZE)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), chunk, header)
        except (InvalidTag, ValueError):
            begin = HEADER_SIZE + number * (CHUNK_SIZE + TAG_SIZE)
            raise BackupDamaged(f"the file was changed or cut off at or after byte {begin}") from None
        if not following:
            return
        chunk, number = following, number + 1


def check_is_long_enough(passphrase: str) -> None:
    """Raise `BackupRefused` for a passphrase that is too short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BackupRefused(f"a backup's passphrase has at least {SHORTEST_PASSPHRASE} characters")


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _derived(passphrase: str, prefix: bytes) -> tuple[bytes, bytes]:
    """Return the key and the check that belong to a header's beginning."""
    cost, salt = prefix[len(MARK)], prefix[len(MARK) + 1 :]
    both = Scrypt(salt=salt, length=KEY_SIZE + CHECK_SIZE, n=1 << cost, r=8, p=1).derive(passphrase.encode())
    return both[:KEY_SIZE], both[KEY_SIZE:]
