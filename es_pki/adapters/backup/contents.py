"""What a backup holds, in this order; unpacked, its first part is a static transparency log (C2SP tlog-tiles).

    manifest.json               what it is a backup of
    checkpoint                  the signed note that it ends at
    tile/0/…, tile/entries/…    leaf hashes and records, 256 at a time, then the tree's upper tiles: as `log export`
    mark.json                   what the key store keeps about its master key
    keys/000000.jsonl …         the keys, still sealed, a line each

Neither the master key nor anything that was unsealed is in it.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from es_pki.adapters.keystore.master import StoreMark
from eventlog import merkle, tiles
from eventlog.merkle import HASH_SIZE
from eventlog.tiles import HEIGHT, WIDTH, Tile

FORMAT = 1
MANIFEST, CHECKPOINT, MARK = "manifest.json", "checkpoint", "mark.json"


class Manifest(Struct, frozen=True):
    """What a backup says about itself. `format` is this file's; `master_key` how it is given: `file` or `passphrase`.

    `size` and `root_hash` are the checkpoint's.
    """

    format: int
    release: str
    created: datetime
    origin: str
    size: int
    root_hash: bytes
    master_key: str


class Format(Struct, frozen=True):
    """The part of a manifest that every format has."""

    format: int


def master_key_of(mark: StoreMark) -> str:
    """Return how the master key of a store is given."""
    return "passphrase" if mark.salt else "file"


def keys_name(number: int) -> str:
    """Return the name of a page of keys."""
    return f"keys/{number:06}.jsonl"


def in_json(value: Struct) -> bytes:
    """Return a file's content."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def bundles_of(size: int) -> Iterator[Tile]:
    """Yield the tiles of level 0 of a log, left to right; each has its entry bundle."""
    for number in range(-(-size // WIDTH)):
        yield Tile(0, number, tiles.width_at(0, number, size))


class UpperTiles:
    """The tiles above level 0, made while those below go by. Memory: an eighth of a byte a record."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = []

    def add(self, leaf_hashes: bytes) -> None:
        """Take the next tile of level 0."""
        self._add(0, leaf_hashes)

    def tiles(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield the upper tiles with their contents, a level after the other."""
        for level, hashes in enumerate(self._levels, 1):
            for start in range(0, len(hashes), WIDTH * HASH_SIZE):
                content = bytes(hashes[start : start + WIDTH * HASH_SIZE])
                yield Tile(level, start // (WIDTH * HASH_SIZE), len(content) // HASH_SIZE), content

    def _add(self, level: int, hashes: bytes) -> None:
        if len(hashes) < WIDTH * HASH_SIZE:
            return
        if level == len(self._levels):
            self._levels.append(bytearray())
        stored = self._levels[level]
        stored += _above(hashes)
        if len(stored) % (WIDTH * HASH_SIZE) == 0:
            self._add(level + 1, bytes(stored[-WIDTH * HASH_SIZE :]))


def _above(hashes: bytes) -> bytes:
    """Return the root of a full tile."""
    for _ in range(HEIGHT):
        hashes = merkle.pairs(hashes)
    return hashes
