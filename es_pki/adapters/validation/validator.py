"""Validation of a certificate (RFC 5280 section 6): the first valid path is the answer, or what is wrong with the best.

Pure: certificates, CRLs, OCSP responses and the time are given. It never raises for what is sent, and it ends: what it
may cost is bounded by its `Budget`.
"""

from es_pki.adapters.validation.budget import DEPTH, Budget, Exhausted
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import Finding, Rule
from es_pki.adapters.validation.paths import Path
from es_pki.adapters.validation.question import Question
from es_pki.adapters.validation.search import Search, Trust
from es_pki.adapters.validation.verdict import Verdict
from es_pki.adapters.validation.walk import Broken, look, look_alone, look_at_anchor, start


def validate(target: Parsed, trust: Trust, question: Question, budget: Budget | None = None) -> Verdict:
    """Return whether a certificate is valid, by which path, and what was found."""
    spending = budget if budget is not None else Budget()
    search = Search(target, trust, question, spending)
    found = search.find()
    if found is not None:
        return _verdict(found.path, found.broken, (), found.policies)
    if search.exhausted is None:
        return _explained(target, search, question, spending, [])
    general = [BUDGET.finding(f"no valid path was found before {search.exhausted.what}")]
    if search.best is None:
        return _verdict((target,), ((),), general)
    return _explained(target, search, question, spending, general)


def _explained(target: Parsed, search: Search, question: Question, spent: Budget, general: list[Finding]) -> Verdict:
    """Return what is wrong with the path that got furthest, or why none began. What that costs is counted anew."""
    best, graph, budget = search.best, search.graph, Budget(checked=spent.checked)
    if graph is None:
        return _verdict((target,), (best.broken[0] if best is not None else (),), general)
    if best is None:
        path = graph.upwards()
        general.append(ANCHOR_REACHED.finding(_why_not(path)))
        return _verdict(path, _everything_below(path, question, budget), general)
    if best.is_complete and best.score[0] == len(best.path) - 1:
        return _verdict(best.path, best.broken, general)
    path = graph.completed(best.path)
    return _verdict(path, _everything_about(path, question, budget), general)


def budget_suffices(_what: str) -> str | None:
    """RFC 4158 section 2.5.2: looking for a path ends, also among certificates that were made to keep it going.

    Send the certificates and CRLs of this chain alone.
    """
    return None


def path_reaches_a_trust_anchor(_path: Path) -> str | None:
    """RFC 5280 section 6.1: a path begins with a trust anchor.

    Send the authorities in between, or trust the authority at the top if you know that it is the right one.
    """
    return None


BUDGET = Rule(budget_suffices)
ANCHOR_REACHED = Rule(path_reaches_a_trust_anchor)


def _why_not(path: Path) -> str:
    if len(path) >= DEPTH:
        return f"no trust anchor is within {DEPTH} certificates"
    if path[0].is_self_issued:
        return "the topmost certificate signed for itself and is not trusted"
    return "nobody whose certificate is here has the name of the topmost certificate's issuer"


def _everything_about(path: Path, question: Question, budget: Budget) -> tuple[tuple[Broken, ...], ...]:
    """Return all that is wrong with a path from a trust anchor, as far as the budget goes."""
    told = [look_at_anchor(path[0], question, budget, issues=True)]
    return (*told, *_below(path, question, budget))


def _everything_below(path: Path, question: Question, budget: Budget) -> tuple[tuple[Broken, ...], ...]:
    """Return all that is wrong with a path whose topmost certificate nobody trusts."""
    return (look_alone(path[0], question, budget, is_last=len(path) == 1), *_below(path, question, budget))


def _below(path: Path, question: Question, budget: Budget) -> list[tuple[Broken, ...]]:
    state, told = start(path[0], question), []
    try:
        for certificate in path[1:]:
            taken = look(state, certificate, question, budget, is_last=certificate is path[-1])
            state = taken.state
            told.append(taken.broken)
    except Exhausted:
        told += [()] * (len(path) - 1 - len(told))
    return told


def _verdict(
    path: Path,
    wrong: tuple[tuple[Broken, ...], ...],
    general: list[Finding] | tuple[Finding, ...],
    policies: frozenset[str] = frozenset(),
) -> Verdict:
    """Return the answer, its path turned around: the certificate that was asked about is first, number 0."""
    last = len(path) - 1
    findings = [
        rule.finding(message, last - position, path[position].text)
        for position, each in reversed(list(enumerate(wrong)))
        for rule, message in each
    ]
    return Verdict(tuple(reversed(path)), (*general, *findings), policies)
