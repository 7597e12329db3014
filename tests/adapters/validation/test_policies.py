"""Policies by the graph of RFC 9618 say what the tree of RFC 5280 section 6.1 says, which it replaces."""

from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.policies import START
from es_pki.adapters.validation.question import ANY_POLICY
from es_pki.adapters.x509.der import object_identifier, sequence
from tests.adapters.validation.chains import authority, made, server

P, Q, R = "1.1", "1.2", "1.3"
NAMES = [P, Q, R, ANY_POLICY]


class Node:
    """A node of the tree: its policy, what is expected below, and its children."""

    def __init__(self, policy, expected):
        self.policy, self.expected, self.children = policy, expected, []


def leaves(node, depth):
    """The nodes of a depth."""
    if depth == 0:
        return [node]
    return [leaf for child in node.children for leaf in leaves(child, depth - 1)]


def pruned(node, depth):
    """Tell whether a node still has descendants at a depth; those that don't are cut off."""
    if depth == 0:
        return True
    node.children = [child for child in node.children if pruned(child, depth - 1)]
    return bool(node.children)


def grown(root, depth, policies):
    """RFC 5280 section 6.1.3 (d) on a tree; tell whether anything is left."""
    above = leaves(root, depth)
    for policy in sorted(policies - {ANY_POLICY}):
        matching = [node for node in above if policy in node.expected]
        for node in matching or [node for node in above if node.policy == ANY_POLICY]:
            node.children.append(Node(policy, {policy}))
    if ANY_POLICY in policies:
        for node in above:
            have = {child.policy for child in node.children}
            node.children += [Node(each, {each}) for each in sorted(node.expected - have)]
    return pruned(root, depth + 1)


def mapped(root, depth, mapping):
    """RFC 5280 section 6.1.4 (b)(1) on a tree."""
    for policy, expected in mapping.items():
        found = [node for node in leaves(root, depth) if node.policy == policy]
        for node in found:
            node.expected = set(expected)
        if not found:
            for parent in leaves(root, depth - 1):
                if any(child.policy == ANY_POLICY for child in parent.children):
                    parent.children.append(Node(policy, set(expected)))


def constrained(root, depth):
    """RFC 5280 section 6.1.5 (g)(iii): the nodes whose parent is anyPolicy, those of anyPolicy at the end."""
    found = {ANY_POLICY for node in leaves(root, depth) if node.policy == ANY_POLICY}
    for level in range(depth):
        for node in leaves(root, level):
            if node.policy == ANY_POLICY:
                found |= {child.policy for child in node.children if child.policy != ANY_POLICY}
    return found


sets = st.frozensets(st.sampled_from(NAMES), min_size=1)
mappings = st.dictionaries(st.sampled_from([P, Q, R]), st.frozensets(st.sampled_from([P, Q, R]), min_size=1))


@given(st.lists(st.tuples(sets, mappings), min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_the_graph_says_what_the_tree_says(certificates):
    root, graph = Node(ANY_POLICY, {ANY_POLICY}), START
    for depth, (policies, mapping) in enumerate(certificates):
        is_left = grown(root, depth, policies)
        graph = graph.extended(policies, Budget(), any_counts=True)
        assert is_left == (graph is not None)
        if graph is None:
            return
        assert {node.policy for node in leaves(root, depth + 1)} == set(graph.levels[-1])
        assert constrained(root, depth + 1) == graph.authority_constrained()
        mapped(root, depth + 1, mapping)
        graph = graph.mapped(mapping, Budget())


def extension(*pairs):
    value = sequence(*(sequence(*map(object_identifier, pair)) for pair in pairs))
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value)


def test_a_mapping_that_is_malformed_makes_its_certificate_unreadable():
    root = authority("root")
    for value in (b"", b"\x30\x00", b"\x30\x02\x30\x00", sequence(sequence(object_identifier("1.1"))), b"\x04\x00"):
        bad = made("bad", root, (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value), True))
        assert bad.parsed.fault is not None
    assert authority("good", root, (extension((P, Q)), True)).parsed.policy_mappings == {P: frozenset({Q})}
    assert server(root).parsed.policy_mappings == {}
