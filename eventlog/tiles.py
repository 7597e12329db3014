"""The tree cut into tiles, as C2SP tlog-tiles lays it out: coordinates, paths, and what a tile's bytes mean. Pure.

A tile at level L holds up to 256 hashes one behind the other, each the root of a complete subtree of 256**L leaves.
The rightmost one of a level may be partial. An entry bundle holds the canonical entries of a level 0 tile's leaves,
each behind its length in two bytes, big-endian.
"""

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from eventlog import merkle, proof
from eventlog.merkle import HASH_SIZE
from eventlog.proof import Node

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Levels of the tree that a tile covers, and hashes in a full tile."""

HIGHEST_LEVEL = 63
ENTRIES = "entries"

_PATH = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)/(?P<groups>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_LONGEST_PATH = 64
_length = struct.Struct(">H")


class Tile(NamedTuple):
    """A tile, or an entry bundle when `level` is None. `width` 256 is a full one."""

    level: int | None
    number: int
    width: int = WIDTH


class NoTile(ValueError):
    """The path isn't one that tlog-tiles gives to a tile or an entry bundle."""


def path(tile: Tile) -> str:
    """Return a tile's path: `tile/0/x001/x234/067`, `tile/1/000.p/5`, `tile/entries/000`."""
    rest, groups = tile.number, [f"{tile.number % 1000:03}"]
    while rest := rest // 1000:
        groups.insert(0, f"x{rest % 1000:03}")
    level = ENTRIES if tile.level is None else tile.level
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse(text: str) -> Tile:
    """Return the tile of a path; each tile has exactly one. Raises `NoTile`."""
    found = _PATH.fullmatch(text) if len(text) <= _LONGEST_PATH else None
    if found is None:
        raise NoTile("a path is tile/LEVEL/NUMBER or tile/entries/NUMBER, as tile/0/x001/067 or tile/entries/000.p/12")
    level = None if found["level"] == ENTRIES else int(found["level"])
    tile = Tile(level, int(re.sub("[x/]", "", found["groups"])), int(found["width"] or WIDTH))
    if (level or 0) > HIGHEST_LEVEL or path(tile) != text:
        raise NoTile("levels go from 0 to 63, a partial tile's width from 1 to 255, and numbers have no group too many")
    return tile


def width_at(level: int | None, number: int, size: int) -> int:
    """Return how many hashes (or entries) a tile has in the tree of `size` leaves: 0 to 256."""
    return min(max((size >> HEIGHT * (level or 0)) - number * WIDTH, 0), WIDTH)


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of the tree of `size` leaves, the highest level first, left to right; no entry bundles."""
    highest = max((size.bit_length() - 1) // HEIGHT, 0)
    for level in reversed(range(highest + 1)):
        count = size >> HEIGHT * level
        yield from (Tile(level, number, width_at(level, number, size)) for number in range(-(-count // WIDTH)))


def bundle(entries: Iterable[bytes]) -> bytes:
    """Return canonical entries as an entry bundle."""
    return b"".join(_length.pack(len(entry)) + entry for entry in entries)


def unbundle(stored: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises `ValueError` for one that ends within an entry."""
    entries, start = [], 0
    while start < len(stored):
        (length,) = _length.unpack(stored[start : start + _length.size].ljust(_length.size, b"\0"))
        entries.append(stored[start + _length.size : start + _length.size + length])
        start += _length.size + length
    if start != len(stored):
        raise ValueError("the bundle ends within an entry")
    return entries


def levels_above(hashes: bytes) -> list[bytes]:
    """Return the hashes and, level by level, the roots of the complete subtrees above them, up to a tile's height."""
    levels = [hashes]
    while len(levels) <= HEIGHT and len(levels[-1]) >= 2 * HASH_SIZE:
        levels.append(merkle.pairs(levels[-1]))
    return levels


class TiledTree:
    """The tree of `size` leaves as its tiles say it. `read` returns a tile's bytes; a tile is asked for once."""

    def __init__(self, size: int, read: Callable[[Tile], bytes]) -> None:
        self._size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, node: Node) -> bytes:
        """Return the hash of a complete subtree."""
        # A node at a tile's upper rim is a hash of the level above, where it is stored.
        tile_level, within = divmod(node.level, HEIGHT)
        key = tile_level, node.number >> HEIGHT - within
        if key not in self._tiles:
            self._tiles[key] = levels_above(self._read(Tile(*key, width_at(*key, self._size))))
        start = (node.number & (WIDTH >> within) - 1) * HASH_SIZE
        return self._tiles[key][within][start : start + HASH_SIZE]

    def root(self, size: int) -> bytes:
        """Return the root of the tree of the first `size` leaves, at most all."""
        return merkle.root([self.node(node) for node in proof.nodes_of(0, size)])
