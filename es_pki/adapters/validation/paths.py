"""Which certificates could lead from a certificate up to a trust anchor (RFC 4158, RFC 5280 sections 4.2.1.1, 4.2.1.2).

The graph goes up from the asked certificate by names, each certificate once, so that loops and cross-signs end; paths
are then followed down from the trust anchors, where a step that fails ends all paths that begin with it.
"""

from collections.abc import Iterator

from es_pki.adapters.validation.budget import DEPTH, Budget
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.question import Certificates

EDGE = 8
"""What it costs to keep in mind that a certificate may be the issuer of another, in comparisons."""

Path = tuple[Parsed, ...]
"""Certificates, the trust anchor first."""


class Graph:
    """The certificates above a target, by what each may have issued. `anchors` are the trust anchors among them."""

    def __init__(self, target: Parsed, pool: Certificates, anchors: Certificates, budget: Budget) -> None:
        """Find them. Raises `Exhausted`."""
        self.target = target
        self.anchors: list[Parsed] = []
        self._issued: dict[bytes, list[Parsed]] = {}
        self._distance: dict[bytes, int] = {target.der: 0}
        self._next_below: dict[bytes, Parsed] = {}
        self._above: dict[bytes, list[Parsed]] = {}
        level = [target]
        for distance in range(1, DEPTH + 1):
            level = [new for child in level for new in self._add_issuers(child, distance, pool, anchors, budget)]

    def _add_issuers(
        self, child: Parsed, distance: int, pool: Certificates, anchors: Certificates, budget: Budget
    ) -> Iterator[Parsed]:
        """Add the certificates that may have issued one; yield those that may have an issuer themselves."""
        trusted = anchors.of(child.issuer)
        known = {anchor.der for anchor in trusted}
        others = [each for each in pool.of(child.issuer) if each.der != child.der and each.der not in known]
        budget.spend_comparisons(EDGE * (len(trusted) + len(others) + 1))
        self._above[child.der] = sorted(others, key=lambda issuer: _mismatch(issuer, child))
        for issuer in (*trusted, *others):
            self._issued.setdefault(issuer.der, []).append(child)
            if issuer.der not in self._distance:
                self._distance[issuer.der] = distance
                self._next_below[issuer.der] = child
                if issuer.der in known:
                    self.anchors.append(issuer)
                else:
                    yield issuer

    def below(self, path: Path) -> list[Parsed]:
        """Return what may come next below a path, the likeliest first: by key identifier, then by distance.

        Nobody comes twice, but for the target, with which a path ends: a name with the same key again would be a loop
        (RFC 4158 section 2.4.2).
        """
        issuer = path[-1]
        candidates = [
            child
            for child in self._issued.get(issuer.der, ())
            if len(path) + self._distance[child.der] <= DEPTH
            and (child.der == self.target.der or not _is_on(path, child))
        ]
        if len(candidates) < 2:
            return candidates
        return sorted(candidates, key=lambda child: (_mismatch(issuer, child), self._distance[child.der]))

    def first(self) -> list[Parsed]:
        """Return the trust anchors, those with a fitting key identifier and the shortest way first."""
        if len(self.anchors) < 2:
            return self.anchors
        return sorted(self.anchors, key=self._likelihood)

    def _likelihood(self, anchor: Parsed) -> tuple[int, int]:
        children = self._issued[anchor.der]
        return min((_mismatch(anchor, child), self._distance[child.der]) for child in children)

    def completed(self, path: Path) -> Path:
        """Return a path down to the target, by the shortest way."""
        while path[-1].der != self.target.der:
            path = (*path, self._next_below[path[-1].der])
        return path

    def upwards(self) -> Path:
        """Return the likeliest path above the target when no trust anchor is there, the topmost certificate first."""
        path: Path = (self.target,)
        while len(path) < DEPTH:
            above = next((each for each in self._above.get(path[0].der, ()) if not _is_on(path, each)), None)
            if above is None:
                break
            path = (above, *path)
        return path


def _mismatch(issuer: Parsed, child: Parsed) -> int:
    """Return how badly key identifiers fit: 0 when they are equal, 1 when one is missing, 2 when they differ."""
    wanted, found = child.authority_key_identifier, issuer.subject_key_identifier
    if wanted is None or found is None:
        return 1
    return 0 if wanted == found else 2


def _is_on(path: Path, certificate: Parsed) -> bool:
    return any(
        each.subject == certificate.subject and each.public_key_info == certificate.public_key_info for each in path
    )
