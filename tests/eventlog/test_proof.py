"""Proofs against the RFC's own recursive definitions, and against whoever forges them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import merkle, proof
from tests.eventlog import reference

SMALL = 70
LEAVES = reference.leaves(1_100)


def node_hash(node):
    """The hash of a complete subtree of `LEAVES`."""
    start = node.number << node.level
    return reference.root(LEAVES[start : start + (1 << node.level)])


def filled_in(plan):
    return [merkle.root([node_hash(node) for node in nodes]) for nodes in plan]


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_every_inclusion_proof_is_the_one_of_the_definition_and_holds(size):
    root = reference.root(LEAVES[:size])
    for index in range(size):
        hashes = filled_in(proof.inclusion(index, size))
        assert hashes == reference.path(index, LEAVES[:size])
        assert proof.verify_inclusion(index, size, LEAVES[index], hashes, root)


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_every_consistency_proof_is_the_one_of_the_definition_and_holds(size):
    root = reference.root(LEAVES[:size])
    for old in range(1, size + 1):
        hashes = filled_in(proof.consistency(old, size))
        assert hashes == reference.proof(old, LEAVES[:size])
        assert proof.verify_consistency(old, size, hashes, reference.root(LEAVES[:old]), root)


@settings(deadline=None)
@given(st.data())
def test_proofs_of_larger_trees_are_those_of_the_definition(data):
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    assert filled_in(proof.inclusion(index, size)) == reference.path(index, LEAVES[:size])
    assert filled_in(proof.consistency(index + 1, size)) == reference.proof(index + 1, LEAVES[:size])


@given(st.integers(1, 1 << 62), st.data())
def test_a_proof_has_about_a_hash_for_each_doubling(size, data):
    index = data.draw(st.integers(0, size - 1))
    assert len(proof.inclusion(index, size)) <= size.bit_length()
    assert len(proof.consistency(index + 1, size)) <= size.bit_length() + 1


def changed(hashes):
    """Every way of damaging a proof a little."""
    for place, each in enumerate(hashes):
        yield [*hashes[:place], bytes([each[0] ^ 1]) + each[1:], *hashes[place + 1 :]]
        yield [*hashes[:place], *hashes[place + 1 :]]
        yield [*hashes[:place], each, *hashes[place:]]
    yield [*hashes, b"\0" * 32]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 16, 21])
def test_no_changed_inclusion_proof_holds(size):
    root = reference.root(LEAVES[:size])
    for index in range(size):
        hashes = reference.path(index, LEAVES[:size])
        for forged in changed(hashes):
            assert not proof.verify_inclusion(index, size, LEAVES[index], forged, root)
        assert not proof.verify_inclusion(index, size, LEAVES[index + 1], hashes, root)
        for other in range(-1, size + 2):
            assert (other == index) == proof.verify_inclusion(other, size, LEAVES[index], hashes, root)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 16, 21])
def test_no_changed_consistency_proof_holds(size):
    root = reference.root(LEAVES[:size])
    for old in range(1, size + 1):
        old_root, hashes = reference.root(LEAVES[:old]), reference.proof(old, LEAVES[:size])
        for forged in changed(hashes):
            assert not proof.verify_consistency(old, size, forged, old_root, root)
        assert not proof.verify_consistency(old, size, hashes, LEAVES[-1], root)
        assert not proof.verify_consistency(old, size, hashes, old_root, LEAVES[-1])


def test_a_rewritten_history_is_consistent_with_nothing():
    rewritten = [*LEAVES[:4], reference.leaf_hash(b"rewritten"), *LEAVES[5:20]]
    for old, size in itertools.combinations(range(5, 21), 2):
        hashes = reference.proof(old, rewritten[:size])
        old_root, root = reference.root(LEAVES[:old]), reference.root(rewritten[:size])
        assert not proof.verify_consistency(old, size, hashes, old_root, root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_what_is_not_in_the_tree_has_no_proof(index, size):
    with pytest.raises(ValueError, match="not in a tree"):
        proof.inclusion(index, size)


@pytest.mark.parametrize(("old", "size"), [(0, 5), (6, 5), (-1, 5), (0, 0)])
def test_no_proof_leads_back_or_begins_at_nothing(old, size):
    with pytest.raises(ValueError, match="no proof"):
        proof.consistency(old, size)
    assert not proof.verify_consistency(old, size, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
