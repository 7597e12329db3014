"""Whether the terms of a profile can be kept at all: what is wrong with them is told when they are written."""

from collections.abc import Iterator, Sequence

from es_pki.commands.name_space import constraints_violations
from es_pki.commands.names import subject_violations
from es_pki.commands.rules.issuer import LONGEST_PATH
from es_pki.commands.usages import key_usages
from es_pki.commands.validity import LONGEST_DAYS
from es_pki.decider import Violation
from es_pki.values import PURPOSE_OIDS, Attribute, KeyUsage
from es_pki.values.profile import ProfileTerms

MAXIMUM_IDENTIFIERS = 20
"""Purposes, and policy identifiers, of a profile."""

_LONGEST_DESCRIPTION = 200
_OF_AUTHORITIES = frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})


def terms_violations(terms: ProfileTerms) -> Iterator[Violation]:
    """Yield what is wrong with terms, each field named by its path below `terms`."""
    if len(terms.description) > _LONGEST_DESCRIPTION or not terms.description.isprintable():
        yield Violation(
            "terms.description", "a description is one line", f"at most {_LONGEST_DESCRIPTION} printable characters"
        )
    yield from _usage_violations(terms)
    yield from _identifier_violations(terms)
    yield from _validity_violations(terms)
    yield from _name_violations(terms)
    yield from _authority_violations(terms)


def _usage_violations(terms: ProfileTerms) -> Iterator[Violation]:
    if not terms.key_types:
        yield Violation("terms.key_types", "profile", "at least one key type")
    for key_type in terms.key_types:
        used = set(key_usages(terms, key_type))
        if not used:
            detail = f"a key has a usage, {key_type} too"
            yield Violation("terms.key_usages", "RFC 5280 section 4.2.1.3", detail)
            return
        if terms.is_authority and KeyUsage.KEY_CERT_SIGN not in used:
            yield Violation("terms.key_usages", "RFC 5280 section 4.2.1.3", "an authority's key signs certificates")
            return
        if not terms.is_authority and used & _OF_AUTHORITIES:
            yield Violation("terms.key_usages", "RFC 5280 section 4.2.1.9", "only authorities sign these")
            return


def _identifier_violations(terms: ProfileTerms) -> Iterator[Violation]:
    forms: tuple[tuple[str, Sequence[str], str], ...] = (
        ("terms.extended_key_usages", terms.extended_key_usages, "RFC 5280 section 4.2.1.12"),
        ("terms.policy_identifiers", terms.policy_identifiers, "RFC 5280 section 4.2.1.4"),
    )
    for field, values, rule in forms:
        if len(set(values)) < len(values):
            yield Violation(field, rule, "each once")
        if len(values) > MAXIMUM_IDENTIFIERS:
            yield Violation(field, "identifiers are counted", f"at most {MAXIMUM_IDENTIFIERS}")
    yield from purpose_violations(terms.extended_key_usages, "terms.extended_key_usages")


def purpose_violations(purposes: Sequence[str], field: str) -> Iterator[Violation]:
    """Yield the purposes that are written by number though they have a name: rules know them by it."""
    names = {oid: name for name, oid in PURPOSE_OIDS.items()}
    for index, purpose in enumerate(purposes):
        if purpose in names:
            yield Violation(f"{field}[{index}]", "one word per purpose", f"write {names[purpose]}")


def _validity_violations(terms: ProfileTerms) -> Iterator[Violation]:
    longest = LONGEST_DAYS if terms.maximum_validity_days is None else terms.maximum_validity_days
    if not 1 <= longest <= LONGEST_DAYS:
        yield Violation("terms.maximum_validity_days", "RFC 5280 section 4.1.2.5", f"1 to {LONGEST_DAYS} days")
    elif not 1 <= terms.default_validity_days <= longest:
        yield Violation("terms.default_validity_days", "RFC 5280 section 4.1.2.5", f"1 to {longest} days")


def _name_violations(terms: ProfileTerms) -> Iterator[Violation]:
    yield from constraints_violations(terms.names, "terms.names")
    if not set(terms.required_names) <= set(terms.name_forms):
        yield Violation("terms.required_names", "profile", "what is required is allowed: add it to name_forms")
    subject = terms.subject
    if subject.allowed is not None and not {*subject.required, *subject.fixed} <= set(subject.allowed):
        yield Violation("terms.subject.allowed", "profile", "what is required or fixed is allowed too")
    for violation in subject_violations(tuple(Attribute(kind, value) for kind, value in subject.fixed.items())):
        yield violation._replace(field=f"terms.subject.fixed.{violation.field.removeprefix('subject.')}")


def _authority_violations(terms: ProfileTerms) -> Iterator[Violation]:
    yield from constraints_violations(terms.name_constraints, "terms.name_constraints")
    if terms.path_length is not None and not 0 <= terms.path_length <= LONGEST_PATH:
        yield Violation("terms.path_length", "RFC 5280 section 4.2.1.9", f"0 to {LONGEST_PATH}")
    if not terms.is_authority:
        if terms.path_length is not None:
            yield Violation("terms.path_length", "RFC 5280 section 4.2.1.9", "only an authority has one")
        if terms.name_constraints:
            yield Violation("terms.name_constraints", "RFC 5280 section 4.2.1.10", "only an authority has them")
