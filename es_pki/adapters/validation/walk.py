"""Down a path, from the trust anchor to the certificate that was asked about (RFC 5280 sections 6.1.2 to 6.1.5).

A `State` is what is carried from a certificate to the next, and never changes: many paths may go on from one.
"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from msgspec import Struct

from es_pki.adapters.validation import policies
from es_pki.adapters.validation.budget import DEPTH, Budget
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import Rule, broken, rules
from es_pki.adapters.validation.link import (
    ADVICE,
    AUTHORITY,
    CHEAP,
    SIGNATURE,
    Link,
    authority_serves_purpose,
    key_may_sign_certificates,
    weakness_of,
)
from es_pki.adapters.validation.name_constraints import Constraints
from es_pki.adapters.validation.question import Question
from es_pki.adapters.validation.target import TARGET, TARGET_ADVICE, Target

Broken = tuple[Rule[Any], str]
"""A rule that doesn't hold, and what is wrong."""


class State(Struct, frozen=True):
    """What is known above a certificate (RFC 5280 section 6.1.2)."""

    issuer: Parsed
    key: PublicKeyTypes | None
    constraints: tuple[Constraints, ...]
    policies: policies.PolicyState
    may_follow: int


class Step(Struct, frozen=True):
    """What came of a step: the state for the next certificate, what is wrong, and the policies that hold at the end."""

    state: State
    broken: tuple[Broken, ...]
    policies: frozenset[str] = frozenset()

    @property
    def has_failed(self) -> bool:
        """Tell whether a path that takes this step is not valid."""
        return any(rule.severity.is_error for rule, _ in self.broken)

    @property
    def is_of_the_issuer(self) -> bool:
        """Tell whether the signature at least was the issuer's."""
        return all(rule not in SIGNATURE for rule, _ in self.broken)


def start(anchor: Parsed, question: Question) -> State:
    """Return the state below a trust anchor: RFC 5280 section 6.1.2.

    An anchor that comes as a certificate constrains what is below it as its certificate says (RFC 5937 section 3).
    """
    return State(
        anchor,
        anchor.public_key,
        (anchor.constraints,) if anchor.constraints is not None else (),
        policies.initial(question.policies),
        DEPTH if anchor.path_length is None else min(DEPTH, anchor.path_length),
    )


def look_at_anchor(anchor: Parsed, question: Question, budget: Budget, *, issues: bool) -> tuple[Broken, ...]:
    """Return what is wrong with a trust anchor; `issues`: certificates are below it on the path."""
    state = start(anchor, question)
    link = Link(anchor, anchor, state.key, (), state.policies, DEPTH, False, question, budget)
    return tuple(broken((*ANCHOR, *ISSUING_ANCHOR) if issues else ANCHOR, link))


def step(state: State, certificate: Parsed, question: Question, budget: Budget, *, is_last: bool) -> Step:
    """Take a step down, stopping to look when something cheap is wrong: its signature is then not checked.

    RFC 5280 sections 6.1.3, 6.1.4 and 6.1.5.
    """
    link, found = _looked_at(state, certificate, question, budget, is_last=is_last)
    if not any(rule.severity.is_error for rule, _ in found):
        found += broken(SIGNATURE, link)
    return _taken(link, found)


def look(state: State, certificate: Parsed, question: Question, budget: Budget, *, is_last: bool) -> Step:
    """Take the same step and look at everything, to tell all that is wrong."""
    link, found = _looked_at(state, certificate, question, budget, is_last=is_last)
    found += broken(SIGNATURE, link)
    return _taken(link, found)


def _looked_at(
    state: State, certificate: Parsed, question: Question, budget: Budget, *, is_last: bool
) -> tuple[Link, list[Broken]]:
    link = Link(
        certificate,
        state.issuer,
        state.key,
        state.constraints,
        policies.entering(state.policies, certificate, budget, is_last=is_last),
        state.may_follow,
        is_last,
        question,
        budget,
    )
    found: list[Broken] = [*broken(CHEAP, link), *broken(ADVICE, link)]
    if not is_last:
        found += broken(AUTHORITY, link)
    return link, found


def _taken(link: Link, found: list[Broken]) -> Step:
    """Return the step with the state below: RFC 5280 section 6.1.4 (c) to (m), or section 6.1.5 at the end."""
    certificate = link.certificate
    held: frozenset[str] = frozenset()
    if link.is_last:
        needed, held = policies.closing(link.policies, certificate, link.question.policies.acceptable)
        has_none = link.policies.graph is None and link.policies.explicit == 0  # which was told already
        found += look_at_target(Target(certificate, link.question, needed == 0 and not has_none, held))
    may_follow = link.may_follow - (0 if certificate.is_self_issued else 1)
    if certificate.path_length is not None:
        may_follow = min(may_follow, certificate.path_length)
    own = certificate.constraints
    state = State(
        certificate,
        link.public_key,
        link.constraints if own is None else (*link.constraints, own),
        policies.leaving(link.policies, certificate, link.budget),
        may_follow,
    )
    return Step(state, tuple(found), held)


def look_alone(certificate: Parsed, question: Question, budget: Budget, *, is_last: bool) -> tuple[Broken, ...]:
    """Return what is wrong with a certificate whose issuer isn't known: neither name nor signature can be judged."""
    link, found = _looked_at(start(certificate, question), certificate, question, budget, is_last=is_last)
    if is_last:
        found += look_at_target(Target(certificate, link.question))
    return tuple((rule, message) for rule, message in found if rule.name not in OF_THE_ISSUER)


def look_at_target(target: Target) -> list[Broken]:
    """Return what is wrong with the certificate that was asked about, whoever issued it."""
    return [*broken(TARGET, target), *broken(TARGET_ADVICE, target)]


def anchor_is_readable(link: Link) -> str | None:
    """RFC 5280 section 6.1.1 (d): a trust anchor's certificate can be read.

    Trust another certificate of this authority.
    """
    return link.certificate.fault


def anchor_holds_still(link: Link) -> str | None:
    """RFC 5280 section 6.2: a trust anchor is not trusted outside its own validity.

    Trust the authority's new certificate and drop the old one.
    """
    certificate, now = link.certificate, link.question.time
    if certificate.not_before <= now <= certificate.not_after:
        return None
    return f"the trust anchor is valid from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d} only"


def anchor_key_is_strong(link: Link) -> str | None:
    """NIST SP 800-57 part 1 table 2: a trust anchor's key protects something.

    Trust an authority with a better key.
    """
    key = link.certificate.public_key
    if key is None:
        return "the trust anchor's key can't be read"
    return weakness_of(link.certificate, key, link.question.algorithms)


def anchor_is_an_authority(link: Link) -> str | None:
    """RFC 5280 section 4.2.1.9: a trust anchor of version 3 whose basic constraints deny it is no CA.

    Trust the authority that issued the certificate.
    """
    certificate = link.certificate
    is_denied = certificate.is_version_3 and not certificate.is_authority and bool(certificate.extensions)
    return "the trust anchor is no CA" if is_denied else None


OF_THE_ISSUER = frozenset({"names-chain", "names-are-within-constraints", "policy-is-valid"})
ANCHOR = rules(anchor_is_readable, anchor_holds_still, anchor_key_is_strong)
ISSUING_ANCHOR = rules(anchor_is_an_authority, key_may_sign_certificates, authority_serves_purpose)
