"""The tree of RFC 6962 section 2.1, as an append-only frontier. Pure.

A frontier holds the roots of the complete subtrees from left to right, one per bit set in the tree's size,
largest first; it is all that appending and the root need.
"""

import hashlib
from collections.abc import Iterable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962 section 2.1)."""

_NODE = b"\1"
_sha256 = hashlib.sha256


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return _sha256(_NODE + left + right).digest()


def extend(size: int, frontier: Sequence[bytes], leaves: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the frontier of a tree of `size` leaves after appending leaf hashes: at most one hash a leaf."""
    stack = list(frontier)
    for leaf in leaves:
        node = leaf
        carry = size
        while carry & 1:
            node = _sha256(_NODE + stack.pop() + node).digest()
            carry >>= 1
        stack.append(node)
        size += 1
    return tuple(stack)


def pairs(hashes: bytes) -> bytes:
    """Return the nodes above hashes that stand one behind the other; an odd last one has none yet."""
    whole = len(hashes) // (2 * HASH_SIZE) * (2 * HASH_SIZE)
    return b"".join([_sha256(_NODE + hashes[at : at + 64]).digest() for at in range(0, whole, 64)])


def root(frontier: Sequence[bytes]) -> bytes:
    """Return the root hash of the tree with this frontier."""
    if not frontier:
        return EMPTY_ROOT
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node)
    return node


def subtrees(size: int) -> list[tuple[int, int]]:
    """Return the first and last position under each hash of the frontier of a tree of `size` leaves."""
    ranges = []
    start = 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            ranges.append((start + 1, start + (1 << bit)))
            start += 1 << bit
    return ranges


def pack(frontier: Sequence[bytes]) -> bytes:
    """Return the frontier as it is stored: its hashes one behind the other."""
    return b"".join(frontier)


def unpack(stored: bytes) -> tuple[bytes, ...]:
    """Return the frontier that `pack` wrote. Damage isn't judged here: a short last hash stays short."""
    return tuple(stored[start : start + HASH_SIZE] for start in range(0, len(stored), HASH_SIZE))
