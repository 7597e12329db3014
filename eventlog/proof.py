"""Inclusion and consistency proofs of RFC 6962 section 2.1, and checking them as RFC 9162 section 2.1 does. Pure.

A proof is first a plan: for each of its hashes the complete subtrees that make it up. Whoever knows the nodes fills
the plan in. Leaves are counted from 0 here, as in the RFCs: the record at position p is leaf p - 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

from eventlog.merkle import node_hash


class Node(NamedTuple):
    """The root of a complete subtree: of the 2**level leaves from number * 2**level on."""

    level: int
    number: int


Plan = list[list[Node]]
"""For each hash of a proof its nodes, left to right; `merkle.root` of their hashes is the hash."""


def nodes_of(start: int, end: int) -> list[Node]:
    """Return the complete subtrees of the leaves from `start` to before `end`, left to right.

    `start` is where the RFC's splitting begins a range: a multiple of the range's largest complete subtree.
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion(index: int, size: int) -> Plan:
    """Return the plan of a leaf's audit path in the tree of `size` leaves, its sibling first (RFC 6962 section 2.1.1).

    Raises `ValueError` for a leaf that isn't in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    plan = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            plan.append(nodes_of(middle, end))
            end = middle
        else:
            plan.append(nodes_of(start, middle))
            start = middle
    return plan[::-1]


def consistency(old: int, size: int) -> Plan:
    """Return the plan of the proof that a tree of `size` leaves begins with the tree of `old` (RFC 6962 section 2.1.2).

    Raises `ValueError` unless 1 <= old <= size. Of a tree with itself the proof is empty.
    """
    if not 1 <= old <= size:
        raise ValueError(f"no proof leads from a tree of {old} leaves to one of {size}")
    plan = []
    start, end, is_known = 0, size, True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            plan.append(nodes_of(middle, end))
            end = middle
        else:
            plan.append(nodes_of(start, middle))
            start, is_known = middle, False
    if not is_known:
        plan.append(nodes_of(start, end))
    return plan[::-1]


def verify_inclusion(index: int, size: int, leaf_hash: bytes, hashes: Sequence[bytes], root: bytes) -> bool:
    """Tell whether an audit path leads from a leaf to the root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last = leaf_hash, size - 1
    for step in hashes:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(step, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, size: int, hashes: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Tell whether the tree of `size` leaves is shown to begin with the one of `old` (RFC 9162 section 2.1.4.2)."""
    if not 1 <= old <= size:
        return False
    if old == size:
        return not hashes and old_root == root
    path = [old_root, *hashes] if old & (old - 1) == 0 else list(hashes)
    if not path:
        return False
    index, last = old - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old_node = node = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old_node, node = node_hash(step, old_node), node_hash(step, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return last == 0 and old_node == old_root and node == root


def _split(count: int) -> int:
    """Return the largest power of two smaller than the count."""
    return 1 << (count - 1).bit_length() - 1
