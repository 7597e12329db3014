"""Looks for a valid path (RFC 5280 section 6), trying the likeliest first, and remembers the one that got furthest."""

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.validation.budget import Budget, Exhausted
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl import ParsedCRL
from es_pki.adapters.validation.evidence import Evidence, Inquiry
from es_pki.adapters.validation.findings import broken
from es_pki.adapters.validation.paths import Graph, Path
from es_pki.adapters.validation.question import Certificates, Policies, Purpose, Question
from es_pki.adapters.validation.revocation import REVOCATION, known
from es_pki.adapters.validation.target import Target
from es_pki.adapters.validation.walk import Broken, State, Step, look_at_anchor, look_at_target, start, step

DEEPEST = 4
"""How many signers of CRLs may vouch for each other."""


class Found(Struct, frozen=True):
    """A path from a trust anchor down as far as it was followed, and what is wrong with each of its certificates."""

    path: Path
    broken: tuple[tuple[Broken, ...], ...]
    policies: frozenset[str] = frozenset()
    score: tuple[int, bool] = (0, False)
    is_complete: bool = False

    @property
    def has_failed(self) -> bool:
        """Tell whether something is wrong so that no path that begins like this is valid."""
        return any(rule.severity.is_error for each in self.broken for rule, _ in each)

    @property
    def is_valid(self) -> bool:
        """Tell whether the path reaches its target and nothing is wrong."""
        return self.is_complete and not self.has_failed


class Trust(Struct, frozen=True):
    """Whom one trusts, and what is at hand: certificates that may help, and evidence about revocation."""

    anchors: Certificates
    pool: Certificates = Certificates(())
    evidence: Evidence = Evidence()


class Search:
    """One question about one certificate. `best` is the path that got furthest; `exhausted` says what ran out."""

    def __init__(
        self,
        target: Parsed,
        trust: Trust,
        question: Question,
        budget: Budget,
        vouching: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """`vouching` are the signers of CRLs, each with its CRL, that are being looked at already."""
        self._target = target
        self._trust = trust
        self._question = question
        self._budget = budget
        self._vouching = vouching
        self.graph: Graph | None = None
        self.best: Found | None = None
        self.exhausted: Exhausted | None = None

    def find(self) -> Found | None:
        """Return the first valid path, None when there is none."""
        try:
            if self._target in self._trust.anchors:
                return self._kept(self._trusted_itself())
            self.graph = Graph(self._target, self._trust.pool, self._trust.anchors, self._budget)
            for anchor in self.graph.first():
                found = self._from(anchor, self.graph)
                if found is not None:
                    return found
        except Exhausted as exhausted:
            self.exhausted = exhausted
        return None

    def _trusted_itself(self) -> Found:
        """Return the path of a target that is a trust anchor: nobody has to vouch for it."""
        wrong = look_at_anchor(self._target, self._question, self._budget, issues=False)
        wrong += tuple(look_at_target(Target(self._target, self._question)))
        return Found((self._target,), (wrong,), score=(1, True), is_complete=True)

    def _from(self, anchor: Parsed, graph: Graph) -> Found | None:
        wrong = look_at_anchor(anchor, self._question, self._budget, issues=True)
        found = Found((anchor,), (wrong,), score=(0, True))
        if found.has_failed:
            self._budget.spend_path()
            return self._kept(found)
        return self._down(found, (start(anchor, self._question),), graph)

    def _down(self, above: Found, states: tuple[State, ...], graph: Graph) -> Found | None:
        """Return the first valid path that begins with one that was followed so far."""
        below = graph.below(above.path)
        if not below:
            self._budget.spend_path()
        for child in below:
            is_last = child.der == self._target.der
            taken = step(states[-1], child, self._question, self._budget, is_last=is_last)
            found = _further(above, child, taken, is_last=is_last)
            if not taken.has_failed and not is_last:
                deeper = self._down(found, (*states, taken.state), graph)
                if deeper is not None:
                    return deeper
                continue
            self._budget.spend_path()
            if not taken.has_failed:
                found = self._with_revocation(found, states)
            if self._kept(found) is not None:
                return found
        return None

    def _kept(self, found: Found) -> Found | None:
        """Remember a path if it got further than all before; return it if it is valid."""
        if self.best is None or found.is_valid or found.score > self.best.score:
            self.best = found
        return found if found.is_valid else None

    def _with_revocation(self, found: Found, states: tuple[State, ...]) -> Found:
        """Return a complete path with what is known of the revocation of each certificate below its trust anchor."""
        rules = REVOCATION[self._question.revocation]
        if not rules:
            return found
        inquiry = Inquiry(
            self._question,
            self._budget,
            self._trust.evidence,
            self._trust.pool,
            found.path[0],
            lambda signer, crl: self._distrusts(signer, crl, found.path[0]),
            frozenset(crl for _, crl in self._vouching),
        )
        wrong = [found.broken[0]]
        for certificate, above, before in zip(found.path[1:], states, found.broken[1:], strict=True):
            found_out = known(certificate, above, inquiry)
            wrong.append((*before, *broken(rules, found_out), *found_out.unused))
        return replace(found, broken=tuple(wrong))

    def _distrusts(self, signer: Parsed, crl: ParsedCRL, anchor: Parsed) -> str | None:
        """Return why somebody's CRLs are not to be believed: RFC 5280 section 6.3.3 (f).

        Who signs the CRL that lists himself is believed once it doesn't: nobody else could say so.
        """
        pair = (signer.der, crl.der)
        if pair in self._vouching:
            return None
        if len(self._vouching) >= DEEPEST:
            return "too many signers of CRLs vouch for each other"
        trust = replace(self._trust, anchors=Certificates((anchor,)))
        search = Search(signer, trust, _about_signers(self._question), self._budget, (*self._vouching, pair))
        found = search.find()
        if search.exhausted is not None:
            raise search.exhausted
        return None if found is not None else "no valid path leads to whom the CRL is signed by"


def _about_signers(question: Question) -> Question:
    """Return the question about whoever signs CRLs: what the certificate is for doesn't matter, its key usage does."""
    return replace(question, purpose=Purpose.ANY, host=None, ip=None, mailbox=None, policies=Policies())


def _further(above: Found, child: Parsed, taken: Step, *, is_last: bool) -> Found:
    reached = len(above.path) - (1 if taken.has_failed else 0)
    return Found(
        (*above.path, child),
        (*above.broken, taken.broken),
        taken.policies,
        (reached, taken.is_of_the_issuer),
        is_last,
    )
