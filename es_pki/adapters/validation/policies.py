"""Certificate policies by the valid policy graph of RFC 9618, which replaces the tree of RFC 5280.

The tree doubles with every certificate that maps two policies to the same two; the graph has each policy once a level.
"""

from collections.abc import Iterable, Mapping

from cryptography import x509
from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.question import ANY_POLICY, Policies


class Node(Struct, frozen=True):
    """A policy that is valid at a depth: what it may become one level down, and the policies it comes from."""

    expected: frozenset[str]
    parents: frozenset[str]


Level = Mapping[str, Node]
"""The nodes of one depth by their policies."""


class Graph(Struct, frozen=True):
    """The valid policy graph, the trust anchor's level first."""

    levels: tuple[Level, ...]

    def extended(self, policies: Iterable[str], budget: Budget, *, any_counts: bool) -> "Graph | None":
        """Return the graph with a certificate's policies below it; None: none of them is valid.

        RFC 9618 section 5.3 (RFC 5280 section 6.1.3 (d)); `any_counts`: whether anyPolicy of this certificate counts.
        """
        above = self.levels[-1]
        parents: dict[str, set[str]] = {}
        for policy, node in above.items():
            budget.spend_comparisons(len(node.expected) + 1)
            for expected in node.expected:
                parents.setdefault(expected, set()).add(policy)
        asserted = set(policies)
        level: dict[str, Node] = {}
        for policy in asserted - {ANY_POLICY}:
            if policy in parents:
                level[policy] = _node(policy, parents[policy])
            elif ANY_POLICY in above:
                level[policy] = _node(policy, {ANY_POLICY})
        if any_counts and ANY_POLICY in asserted:
            for policy in parents.keys() - level.keys():
                level[policy] = _node(policy, parents[policy])
        return _pruned((*self.levels, level))

    def mapped(self, mappings: Mapping[str, frozenset[str]], budget: Budget) -> "Graph":
        """Return the graph after mappings (issuer's policy: subject's), RFC 9618 section 5.4 (b)(1)."""
        level = dict(self.levels[-1])
        for policy, expected in mappings.items():
            budget.spend_comparisons(len(expected) + 1)
            if policy in level:
                level[policy] = Node(expected, level[policy].parents)
            elif ANY_POLICY in level:
                level[policy] = Node(expected, frozenset({ANY_POLICY}))
        return Graph((*self.levels[:-1], level))

    def without(self, policies: Iterable[str]) -> "Graph | None":
        """Return the graph without mapped policies, RFC 9618 section 5.4 (b)(2)."""
        gone = set(policies)
        return _pruned((*self.levels[:-1], {p: node for p, node in self.levels[-1].items() if p not in gone}))

    def authority_constrained(self) -> frozenset[str]:
        """Return what the authorities vouch for, in the anchor's terms: RFC 9618 section 5.5 (g)(2) to (4)."""
        found = {
            policy
            for level in self.levels[1:]
            for policy, node in level.items()
            if policy != ANY_POLICY and node.parents == {ANY_POLICY}
        }
        return frozenset(found | ({ANY_POLICY} & self.levels[-1].keys()))

    def user_constrained(self, acceptable: frozenset[str]) -> frozenset[str]:
        """Return those of them that are acceptable: RFC 9618 section 5.5 (g)(5)-(6)."""
        vouched = self.authority_constrained()
        if ANY_POLICY in acceptable:
            return vouched
        return acceptable if ANY_POLICY in vouched else vouched & acceptable


def _node(policy: str, parents: set[str]) -> Node:
    return Node(frozenset({policy}), frozenset(parents))


def _pruned(levels: tuple[Level, ...]) -> Graph | None:
    """Return the graph without nodes above the last level that have no child; None when nothing is left."""
    kept: list[Level] = [levels[-1]]
    for level in reversed(levels[:-1]):
        wanted = {parent for node in kept[-1].values() for parent in node.parents}
        if len(wanted) == len(level):
            kept += reversed(levels[: len(levels) - len(kept)])
            break
        kept.append({policy: node for policy, node in level.items() if policy in wanted})
    return Graph(tuple(reversed(kept))) if kept[0] else None


START = Graph(({ANY_POLICY: Node(frozenset({ANY_POLICY}), frozenset())},))


class PolicyState(Struct, frozen=True):
    """What is known of policies on the way down: the graph (None: no policy is valid), and the three counters."""

    graph: Graph | None
    explicit: int
    mapping: int
    any: int


def initial(inputs: Policies) -> PolicyState:
    """RFC 5280 section 6.1.2 (a), (d), (e) and (f): a counter above any path's length inhibits nothing."""
    never = 1 << 16
    return PolicyState(
        START,
        explicit=0 if inputs.explicit else never,
        mapping=0 if inputs.mapping_inhibited else never,
        any=0 if inputs.any_inhibited else never,
    )


def asserted(certificate: Parsed) -> tuple[str, ...] | None:
    """Return the policies of a certificate, None without the extension (RFC 5280 section 4.2.1.4)."""
    found = certificate.extension(x509.CertificatePolicies)
    return tuple(each.policy_identifier.dotted_string for each in found) if found is not None else None


def entering(state: PolicyState, certificate: Parsed, budget: Budget, *, is_last: bool) -> PolicyState:
    """Return the state at a certificate: RFC 5280 section 6.1.3 (d) and (e)."""
    policies = asserted(certificate)
    if policies is None or state.graph is None:
        return replace(state, graph=None)
    any_counts = state.any > 0 or (not is_last and certificate.is_self_issued)
    budget.spend_comparisons(len(policies))
    return replace(state, graph=state.graph.extended(policies, budget, any_counts=any_counts))


def leaving(state: PolicyState, certificate: Parsed, budget: Budget) -> PolicyState:
    """Return the state for the next certificate: RFC 5280 section 6.1.4 (b) and (h) to (j)."""
    graph, mappings = state.graph, certificate.policy_mappings
    if graph is not None and mappings:
        graph = graph.mapped(mappings, budget) if state.mapping > 0 else graph.without(mappings)
    counted = 0 if certificate.is_self_issued else 1
    explicit, mapping, any_policy = (max(n - counted, 0) for n in (state.explicit, state.mapping, state.any))
    constraints = certificate.extension(x509.PolicyConstraints)
    inhibited = certificate.extension(x509.InhibitAnyPolicy)
    if constraints is not None:
        explicit = _least(explicit, constraints.require_explicit_policy)
        mapping = _least(mapping, constraints.inhibit_policy_mapping)
    return PolicyState(graph, explicit, mapping, _least(any_policy, inhibited.skip_certs if inhibited else None))


def closing(state: PolicyState, certificate: Parsed, acceptable: frozenset[str]) -> tuple[int, frozenset[str]]:
    """Return whether a policy is needed (not 0), and those that hold: RFC 5280 section 6.1.5 (a), (b) and (g)."""
    explicit = max(state.explicit - 1, 0)
    constraints = certificate.extension(x509.PolicyConstraints)
    if constraints is not None and constraints.require_explicit_policy == 0:
        explicit = 0
    graph = state.graph
    return explicit, graph.user_constrained(acceptable) if graph is not None else frozenset()


def _least(counter: int, limit: int | None) -> int:
    return counter if limit is None else min(counter, limit)
