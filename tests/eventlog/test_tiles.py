"""Tiles as C2SP tlog-tiles has them: its examples, and what holds of every tree."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import tiles
from eventlog.tiles import NoTile, Tile, TiledTree
from tests.eventlog import reference

LEAVES = reference.leaves(700)

TILES = st.builds(Tile, st.none() | st.integers(0, 63), st.integers(0, 10**15), st.integers(1, 256))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 1067, 12), "tile/0/x001/067.p/12"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(None, 999), "tile/entries/999"),
        (Tile(None, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(tile, path):
    assert tiles.path(tile) == path
    assert tiles.parse(path) == tile


@given(TILES)
def test_parsing_is_the_inverse_of_writing(tile):
    assert tiles.parse(tiles.path(tile)) == tile


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/00",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/x001",
        "tile/0/x001/x067",
        "tile/0/1000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "tile/data/000",
        "tile/0/../000",
        "tile/0/" + "x001/" * 1000 + "000",
    ],
)
def test_nothing_else_is_a_path(text):
    with pytest.raises(NoTile):
        tiles.parse(text)


def test_a_tree_of_70000_has_the_tiles_of_the_specification():
    found = list(tiles.tiles_of(70_000))
    assert Counter((tile.level, tile.width) for tile in found) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it():
    assert list(tiles.tiles_of(256)) == [Tile(1, 0, 1), Tile(0, 0, 256)]
    assert list(tiles.tiles_of(1)) == [Tile(0, 0, 1)]
    assert list(tiles.tiles_of(0)) == []


@given(st.integers(0, 200_000))
def test_no_tile_is_empty_and_only_the_rightmost_is_partial(size):
    for tile in tiles.tiles_of(size):
        assert 1 <= tile.width <= 256
        assert tile.width == tiles.width_at(tile.level, tile.number, size)
        assert tile.width == 256 or tiles.width_at(tile.level, tile.number + 1, size) == 0


def of_definition(tile):
    """The hashes of a tile of `LEAVES`, in the words of the specification."""
    span = 256**tile.level
    starts = ((tile.number * 256 + i) * span for i in range(tile.width))
    return b"".join(reference.root(LEAVES[start : start + span]) for start in starts)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700])
def test_the_tiles_alone_tell_the_root_of_every_size(size):
    tree = TiledTree(size, of_definition)
    for smaller in {1, size // 2, size - 1, size} - {0}:
        assert tree.root(smaller) == reference.root(LEAVES[:smaller])


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_a_bundle_is_its_entries(entries):
    assert tiles.unbundle(tiles.bundle(entries)) == entries


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_bundle_that_ends_within_an_entry_is_none(cut):
    bundle = tiles.bundle([b"one", b"other"])
    assert bundle == b"\0\3one\0\5other"
    with pytest.raises(ValueError, match="ends within"):
        tiles.unbundle(bundle[:-cut])
