"""The tree over a log's records, kept beside the log: proofs and tiles of any size that the log has reached.

Roots of complete blocks of 256 leaves, and all nodes above them, stay in memory (a quarter of a byte a record). They
are made of the stored leaf hashes when they are first needed, a part at a time: no append waits, nothing has to be
kept in step, and whatever another process appends belongs to it. What is below, one read of at most 256 leaf hashes
tells.
"""

import asyncio
from collections import OrderedDict
from typing import Protocol

from eventlog import entry, merkle, proof, tiles
from eventlog.log import Damaged, Head, Log, Record, TooLarge
from eventlog.merkle import HASH_SIZE
from eventlog.proof import Node
from eventlog.tiles import HEIGHT, WIDTH

PART = 8 * WIDTH
"""Leaves that are hashed at a time: about a millisecond, which whoever else uses the event loop doesn't notice."""

REMEMBERED_BLOCKS = 64
"""Blocks of 256 leaves whose inner nodes are remembered: the newest are asked for most."""


class Leaves(Protocol):
    """What the tree is made of; every `Log` is it."""

    async def leaf_hashes(self, after: int, until: int) -> bytes:
        """See `Log.leaf_hashes`."""
        ...


class Tree:
    """The tree of one log. Sizes may be any up to the log's head; beyond, everything raises `Damaged`."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._levels: list[bytearray] = []
        self._size = 0
        self._growing = asyncio.Lock()
        self._blocks: OrderedDict[int, list[bytes]] = OrderedDict()

    async def reach(self, size: int) -> None:
        """Have the nodes of complete blocks up to `size` leaves ready."""
        complete = size - size % WIDTH
        if complete <= self._size:
            return
        async with self._growing:
            while self._size < complete:
                until = min(self._size + PART, complete)
                self._add(await self._leaves.leaf_hashes(self._size, until))
                self._size = until
                await asyncio.sleep(0)

    async def frontier(self, size: int) -> tuple[bytes, ...]:
        """Return the frontier of the first `size` records' tree, as `Head` has it."""
        await self.reach(size)
        return tuple([await self._node(node, size) for node in proof.nodes_of(0, size)])

    async def root(self, size: int) -> bytes:
        """Return the root hash of the first `size` records' tree."""
        return merkle.root(await self.frontier(size))

    async def inclusion(self, position: int, size: int) -> list[bytes]:
        """Return the proof that the record at a position is among the first `size` (RFC 6962 section 2.1.1).

        Raises `ValueError` unless 1 <= position <= size.
        """
        return await self._filled_in(proof.inclusion(position - 1, size), size)

    async def consistency(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the first `size` records begin with the first `old` (RFC 6962 section 2.1.2).

        Raises `ValueError` unless 1 <= old <= size.
        """
        return await self._filled_in(proof.consistency(old, size), size)

    async def leaf_hash(self, position: int) -> bytes:
        """Return the stored leaf hash of a record."""
        return await self._leaves.leaf_hashes(position - 1, position)

    async def tile(self, level: int, number: int, width: int = WIDTH) -> bytes:
        """Return a tile of the tree. The log must have that many records (`tiles.width_at`)."""
        start = number * WIDTH
        if level == 0:
            return await self._leaves.leaf_hashes(start, start + width)
        await self.reach((start + width) << HEIGHT * level)
        stored = self._levels[HEIGHT * (level - 1)]
        return bytes(stored[start * HASH_SIZE : (start + width) * HASH_SIZE])

    async def _filled_in(self, plan: proof.Plan, size: int) -> list[bytes]:
        await self.reach(size)
        return [merkle.root([await self._node(node, size) for node in nodes]) for nodes in plan]

    async def _node(self, node: Node, size: int) -> bytes:
        if node.level >= HEIGHT:
            start = node.number * HASH_SIZE
            return bytes(self._levels[node.level - HEIGHT][start : start + HASH_SIZE])
        block = node.number >> HEIGHT - node.level
        levels = await self._block(block, min(size - block * WIDTH, WIDTH))
        start = (node.number & (WIDTH >> node.level) - 1) * HASH_SIZE
        return levels[node.level][start : start + HASH_SIZE]

    async def _block(self, number: int, width: int) -> list[bytes]:
        """Return a block's leaf hashes and the nodes above them; what is remembered may reach further."""
        known = self._blocks.get(number)
        if known is None or len(known[0]) < width * HASH_SIZE:
            start = number * WIDTH
            known = tiles.levels_above(await self._leaves.leaf_hashes(start, start + width))
            self._blocks[number] = known
            if len(self._blocks) > REMEMBERED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return known

    def _add(self, leaves: bytes) -> None:
        """Add complete blocks of leaves, and what becomes complete above them."""
        nodes = leaves
        for _ in range(HEIGHT):
            nodes = merkle.pairs(nodes)
        level = 0
        while nodes:
            if level == len(self._levels):
                self._levels.append(bytearray())
            stored = self._levels[level]
            # An odd last node from before becomes one half of the first pair.
            odd = len(stored) // HASH_SIZE % 2 * HASH_SIZE
            stored += nodes
            nodes = merkle.pairs(bytes(stored[len(stored) - len(nodes) - odd :]))
            level += 1


async def entries(log: Log, number: int, width: int = WIDTH) -> bytes:
    """Return an entry bundle. The log must have that many records. Raises `Damaged`."""
    start = number * WIDTH
    pages = [page.records async for page in log.read_all(after=start, until=start + width)]
    return tiles.bundle(_encoded(record) for records in pages for record in records)


async def derive(log: Log, tree: Tree, head: Head, *, trusted: int) -> bytes:
    """Return the root at the head as the stored records say it, whatever their writer meant to write.

    Of the first `trusted` records the leaf hashes are taken as stored; of the others they are made anew from the
    records. Raises `Damaged` when a record isn't what its leaf hash was made of, or the tree isn't the head's.
    """
    frontier, size = await tree.frontier(trusted), trusted
    async for page in log.read_all(after=trusted, until=head.size):
        for start in range(0, len(page.records), WIDTH):
            leaves = [_derived(record) for record in page.records[start : start + WIDTH]]
            frontier, size = merkle.extend(size, frontier, leaves), size + len(leaves)
            await asyncio.sleep(0)
    if frontier != head.frontier or size != head.size:
        raise Damaged(f"the first {head.size} records don't make up the tree that the log's head names")
    return merkle.root(frontier)


def _derived(record: Record) -> bytes:
    """Return a record's leaf hash, made anew. Raises `Damaged` when it isn't the stored one."""
    leaf = entry.leaf_hash(_encoded(record))
    if record.leaf_hash != leaf:
        raise Damaged(f"the record at position {record.position} isn't what its leaf hash was made of")
    return leaf


def _encoded(record: Record) -> bytes:
    """Return a record's canonical entry. Raises `Damaged` for what no log can have stored."""
    try:
        return entry.encode(record)
    except (ValueError, TooLarge) as error:
        raise Damaged(f"the record at position {record.position} cannot have been appended: {error}") from error
