import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import merkle

# The tree of RFC 9162's and certificate-transparency-go's reference data: these eight leaf inputs and their roots.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def naive_root(hashes):
    """RFC 6962 section 2.1, as it is written there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_the_reference_root(size):
    frontier = merkle.extend(0, (), map(leaf_hash, LEAVES[:size]))
    assert merkle.root(frontier).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert merkle.root(()) == naive_root([])


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_the_root_is_the_one_of_the_definition_however_leaves_arrive(hashes, cut):
    first = merkle.extend(0, (), hashes[:cut])
    frontier = merkle.extend(len(hashes[:cut]), first, hashes[cut:])
    assert merkle.root(frontier) == naive_root(hashes)
    assert len(frontier) == len(hashes).bit_count()
    assert merkle.unpack(merkle.pack(frontier)) == frontier


@given(st.integers(0, 1 << 40))
def test_the_subtrees_cover_the_positions_in_order(size):
    end = 0
    for first, last in merkle.subtrees(size):
        assert first == end + 1
        assert (last - first + 1).bit_count() == 1
        end = last
    assert end == size
