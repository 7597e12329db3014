"""RFC 6962 section 2.1 as it is written there: slow, and independent of the code that is tested with it."""

import hashlib


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(count):
    """The largest power of two smaller than a count."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(hashes):
    """MTH, of leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node_hash(root(hashes[:k]), root(hashes[k:]))


def path(m, hashes):
    """PATH: the audit path of leaf m."""
    if len(hashes) <= 1:
        return []
    k = split(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), root(hashes[k:])]
    return [*path(m - k, hashes[k:]), root(hashes[:k])]


def proof(m, hashes, known=True):
    """SUBPROOF, which for `known` is PROOF: that the tree begins with its first m leaves."""
    if m == len(hashes):
        return [] if known else [root(hashes)]
    k = split(len(hashes))
    if m <= k:
        return [*proof(m, hashes[:k], known), root(hashes[k:])]
    return [*proof(m - k, hashes[k:], known=False), root(hashes[:k])]


def leaves(count):
    """Some leaf hashes."""
    return [leaf_hash(b"%d" % number) for number in range(count)]
