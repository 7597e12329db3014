"""The file inside: a gzip-compressed ustar archive of regular files, written and read member by member.

Any tar reads what is written here. What is read here must be exactly the archive that is written here: then no change
of what a backup says goes unnoticed, and none can name a path, a link or a size that harms. Compressed data can be
written in more ways than one (RFC 1951): a change that leaves every byte of the archive as it was is none.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from tarfile import BLOCKSIZE, NUL, USTAR_FORMAT, HeaderError, TarInfo
from typing import NamedTuple

from es_pki.adapters.backup.refusals import BackupDamaged

LARGEST_MEMBER = 1 << 25
"""Bytes of a member, at most: an entry bundle of the largest entries has half as many."""

BEGINNING = bytes.fromhex("1f8b08000000000000ff")
"""gzip's header (RFC 1952 section 2.3) without a time, so that the same content gives the same file."""

LEVEL = 6
END = NUL * 2 * BLOCKSIZE
_RAW = -zlib.MAX_WBITS
_PIECE = 1 << 16
_trailer = struct.Struct("<II").pack


class Member(NamedTuple):
    """A file of the archive."""

    name: str
    content: bytes


class Packer:
    """Writes an archive. `end` writes what makes it whole."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
        self._checksum = self._size = 0
        write(BEGINNING)

    def add(self, name: str, content: bytes) -> None:
        """Write a member of at most `LARGEST_MEMBER` bytes."""
        self._pack(_header(name, len(content)) + content + _padding(len(content)))

    def end(self) -> None:
        """Write the archive's end and the checksum."""
        self._pack(END)
        self._write(self._deflate.flush() + _trailer(self._checksum, self._size))

    def _pack(self, content: bytes) -> None:
        self._checksum = zlib.crc32(content, self._checksum)
        self._size = self._size + len(content) & 0xFFFFFFFF
        if packed := self._deflate.compress(content):
            self._write(packed)


def is_archive(beginning: bytes) -> bool:
    """Tell by its first bytes whether a file may be an archive of es-pki."""
    return beginning.startswith(BEGINNING)


def unpacked(pieces: Iterator[bytes]) -> Iterator[Member]:
    """Yield the members of an archive, which comes in pieces; end only at its proper end. Raises `BackupDamaged`."""
    content = _Content(_inflated(pieces))
    while (header := content.take(BLOCKSIZE)) != NUL * BLOCKSIZE:
        name, size = _described(header)
        member = Member(name, content.take(size))
        if content.take(-size % BLOCKSIZE).strip(NUL):
            raise BackupDamaged(f"something follows {name} that isn't in it")
        yield member
    if content.take(BLOCKSIZE).strip(NUL) or not content.is_at_end():
        raise BackupDamaged("something follows the archive's end")


class _Content:
    """Pieces, taken in other sizes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = bytearray()

    def take(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                raise BackupDamaged("the archive ends too early")
            self._rest += piece
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken

    def is_at_end(self) -> bool:
        return not self._rest and not any(self._pieces)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what a gzip file holds, a little at a time. Raises `BackupDamaged`, also for anything behind its end."""
    inflate, checksum, size = zlib.decompressobj(_RAW), 0, 0
    rest = b""
    while len(rest) < len(BEGINNING) and (piece := next(pieces, b"")):
        rest += piece
    if not rest.startswith(BEGINNING):
        raise BackupDamaged("the archive doesn't begin as es-pki writes one")
    rest = rest[len(BEGINNING) :]
    while not inflate.eof:
        rest = rest or next(pieces, b"")
        if not rest:
            raise BackupDamaged("the file ends too early")
        try:
            piece = inflate.decompress(rest, _PIECE)
        except zlib.error as error:
            raise BackupDamaged(f"the archive can't be unpacked: {error}") from None
        rest = inflate.unconsumed_tail
        checksum, size = zlib.crc32(piece, checksum), size + len(piece) & 0xFFFFFFFF
        yield piece
    trailer = inflate.unused_data
    while len(trailer) <= len(_trailer(0, 0)) and (piece := next(pieces, b"")):
        trailer += piece
    if trailer != _trailer(checksum, size):
        raise BackupDamaged("the archive's checksum isn't its content's, or something follows it")


def _described(header: bytes) -> tuple[str, int]:
    """Return the name and size of the member whose header this is. Raises `BackupDamaged`."""
    try:
        info = TarInfo.frombuf(header, "ascii", "strict")
        is_ours = 0 <= info.size <= LARGEST_MEMBER and header == _header(info.name, info.size)
    except (HeaderError, ValueError) as error:
        raise BackupDamaged(f"the archive has no member where one is due: {error}") from None
    if not is_ours:
        raise BackupDamaged(f"the archive's member {info.name!r:.100} isn't as es-pki writes one")
    return info.name, info.size


def _header(name: str, size: int) -> bytes:
    """Return a member's header: readable for its owner alone, and nobody's in particular."""
    info = TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(USTAR_FORMAT, "ascii", "strict")


def _padding(size: int) -> bytes:
    return NUL * (-size % BLOCKSIZE)
