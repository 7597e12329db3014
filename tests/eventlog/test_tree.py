"""The tree beside a log: every proof and tile of every size, from whatever state it is in, as the reference says."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import Damaged, NewEvent, Write, entry, merkle, tiles
from eventlog.memory import MemoryLog
from eventlog.tree import PART, Tree, derive, entries
from tests.eventlog import reference

LEAVES = reference.leaves(5_000)
EVENT = NewEvent("type.v1", b"{}")


class Leaves:
    """A log's leaf hashes, which counts how often it is asked."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.asked = 0

    async def leaf_hashes(self, after, until):
        self.asked += 1
        if until > len(self.leaves):
            raise Damaged("beyond the head")
        return b"".join(self.leaves[after:until])


async def filled(count):
    log = await MemoryLog.open()
    await log.append([Write("stream", 0, (EVENT,) * count)])
    return log


@pytest.mark.parametrize("size", [1, 2, 3, 70, 255, 256, 257, 511, 512, 513, 600])
async def test_every_proof_of_a_size_is_the_reference_one(size):
    tree, leaves = Tree(Leaves(LEAVES)), LEAVES[:size]
    assert await tree.root(size) == reference.root(leaves)
    for position in range(1, size + 1, max(size // 40, 1)):
        assert await tree.inclusion(position, size) == reference.path(position - 1, leaves)
        assert await tree.consistency(position, size) == reference.proof(position, leaves)
        assert await tree.leaf_hash(position) == leaves[position - 1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, len(LEAVES)), min_size=1, max_size=6))
def test_sizes_may_be_asked_for_in_any_order(sizes):
    async def ask():
        tree = Tree(Leaves(LEAVES))
        for size in sizes:
            leaves = LEAVES[:size]
            middle = (size + 1) // 2
            assert await tree.inclusion(middle, size) == reference.path(middle - 1, leaves)
            assert await tree.frontier(size) == merkle.extend(0, (), leaves)

    asyncio.run(ask())


async def test_tiles_are_those_of_the_definition():
    tree = Tree(Leaves(LEAVES))
    for tile in tiles.tiles_of(len(LEAVES)):
        span = 256**tile.level
        starts = [(tile.number * 256 + place) * span for place in range(tile.width)]
        expected = b"".join(reference.root(LEAVES[start : start + span]) for start in starts)
        assert await tree.tile(*tile) == expected
        assert await tree.tile(tile.level, tile.number, 1) == expected[:32]


async def test_the_tree_grows_with_its_log():
    leaves = Leaves(LEAVES[:300])
    tree = Tree(leaves)
    assert await tree.root(300) == reference.root(LEAVES[:300])
    leaves.leaves = LEAVES
    for size in (301, 511, 512, 513, 4_999):
        assert await tree.root(size) == reference.root(LEAVES[:size])
        assert await tree.consistency(300, size) == reference.proof(300, LEAVES[:size])


async def test_those_who_ask_at_once_read_the_log_once():
    leaves = Leaves(LEAVES)
    tree = Tree(leaves)
    roots = await asyncio.gather(*(tree.root(4_864) for _ in range(8)))
    assert set(roots) == {reference.root(LEAVES[:4_864])}
    assert leaves.asked == -(-4_864 // PART)


async def test_no_append_waits_for_a_tree_that_is_being_built():
    log = await filled(20 * PART)
    building = asyncio.create_task(Tree(log).reach(20 * PART))
    await asyncio.sleep(0)
    assert await log.append([Write("other", 0, (EVENT,))]) == (20 * PART + 1,)
    assert not building.done()
    await building


async def test_beyond_the_head_there_is_no_tree():
    tree = Tree(Leaves(LEAVES[:300]))
    for size in (301, 600):
        with pytest.raises(Damaged):
            await tree.root(size)
    assert await tree.root(300) == reference.root(LEAVES[:300])


async def test_an_entry_bundle_holds_the_bytes_that_the_leaves_are_made_of():
    log = await filled(300)
    tree = Tree(log)
    for number, width in ((0, 256), (1, 44), (1, 7)):
        bundle = tiles.unbundle(await entries(log, number, width))
        assert b"".join(map(entry.leaf_hash, bundle)) == await tree.tile(0, number, width)


@pytest.mark.parametrize("trusted", [0, 1, 256, 299, 300])
async def test_the_root_that_is_derived_is_the_heads(trusted):
    log = await filled(300)
    head = await log.head()
    assert await derive(log, Tree(log), head, trusted=trusted) == merkle.root(head.frontier)


@pytest.mark.parametrize("position", [1, 200, 300])
async def test_a_record_that_is_not_its_leaf_hash_is_found_before_anything_is_signed(position):
    log = await filled(300)
    log._records[position - 1] = log._records[position - 1]._replace(data=b"changed")
    with pytest.raises(Damaged, match=f"position {position}"):
        await derive(log, Tree(log), await log.head(), trusted=0)


async def test_a_record_that_nobody_can_have_appended_is_an_alarm():
    log = await filled(3)
    log._records[1] = log._records[1]._replace(stream="")
    with pytest.raises(Damaged, match="position 2"):
        await derive(log, Tree(log), await log.head(), trusted=0)
    with pytest.raises(Damaged, match="position 2"):
        await entries(log, 0, 3)


@pytest.mark.parametrize("trusted", [0, 250])
async def test_records_rewritten_with_their_leaf_hashes_are_not_the_heads_tree(trusted):
    log = await filled(300)
    changed = log._records[100]._replace(data=b"changed")
    log._records[100] = changed._replace(leaf_hash=entry.leaf_hash(entry.encode(changed)))
    with pytest.raises(Damaged, match="the tree that the log's head names"):
        await derive(log, Tree(log), await log.head(), trusted=trusted)
