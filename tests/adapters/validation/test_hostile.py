"""What was made to keep a validator busy ends within its budget, with a finding and never with an exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.validation import Parsed, ParsedCRL, ParsedResponse, Purpose, RevocationMode, Unreadable, validate
from es_pki.adapters.validation.budget import DEPTH, PATHS, SIGNATURES, Budget
from tests.adapters.validation.chains import asked, authority, crl, response, server, trust
from tests.adapters.validation.hostile import HOSTILE, long_chain

ANSWERS = {
    "long_chain": "path-reaches-a-trust-anchor",
    "cross_signed_mesh": "path-reaches-a-trust-anchor",
    "trusted_mesh": "validity-has-not-ended",
    "many_keys_of_one_name": "budget-suffices",
    "names_and_constraints": "budget-suffices",
    "policies_mapped_to_each_other": None,
    "entries_to_be_read_singly": "budget-suffices",
    "slow_curve": "budget-suffices",
    "layers_of_authorities": "budget-suffices",
}
ROOT = authority("root")
INTERMEDIATE = authority("intermediate", ROOT)
LEAF = server(INTERMEDIATE, serial_number=7)
CRLS = crl(ROOT), crl(INTERMEDIATE)
QUESTION = asked(purpose=Purpose.SERVER, host="www.example.test", revocation=RevocationMode.HARD)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_in_a_finding(name):
    target, trusted, question = HOSTILE[name]()
    verdict = validate(target, trusted, question)
    assert (ANSWERS[name] in verdict.rules) if ANSWERS[name] else verdict.is_valid
    assert len(verdict.path) <= DEPTH + 1


def test_a_long_chain_costs_no_more_signatures_than_are_looked_at():
    budget = Budget()
    validate(*long_chain(), budget)
    assert (budget.signatures, budget.paths) == (SIGNATURES, PATHS)


def test_two_budgets_share_nothing():
    one, other = Budget(), Budget()
    validate(LEAF.parsed, trust(ROOT, pool=(INTERMEDIATE,)), asked(), one)
    assert one.checked
    assert not other.checked


def judged(leaf, *pool, crls=CRLS):
    return validate(leaf, trust(ROOT, pool=pool, crls=crls), QUESTION)


def test_what_is_changed_below_is_valid_as_it_is():
    assert judged(LEAF.parsed, INTERMEDIATE).is_valid


changes = st.tuples(st.integers(0), st.integers(1, 255))


def changed(der, change):
    """The same octets but for one."""
    place, flip = change
    place %= len(der)
    return der[:place] + bytes((der[place] ^ flip,)) + der[place + 1 :]


def said(parsed):
    """What was signed and how: octets may change that say nothing, like the count of unused bits of a signature."""
    return parsed.signature.algorithm, parsed.signature.value, parsed.signature.data


@given(changes)
@settings(max_examples=200, deadline=None)
def test_no_changed_certificate_is_valid(change):
    try:
        target = Parsed(changed(LEAF.der, change))
    except Unreadable:
        return
    assert said(target) == said(LEAF.parsed) or not judged(target, INTERMEDIATE).is_valid


@given(changes)
@settings(max_examples=200, deadline=None)
def test_no_changed_crl_says_good(change):
    for number, der in enumerate(CRLS):
        sent = list(CRLS)
        try:
            sent[number] = changed(der, change)
            verdict = judged(LEAF.parsed, INTERMEDIATE, crls=tuple(sent))
        except Unreadable:
            continue
        same = said(ParsedCRL(sent[number])) == said(ParsedCRL(der))
        assert same or "revocation-is-known" in verdict.rules


@given(changes)
@settings(max_examples=200, deadline=None)
def test_no_changed_response_says_good(change):
    genuine = response(LEAF, INTERMEDIATE)
    try:
        sent = changed(genuine, change)
        trusted = trust(ROOT, pool=(INTERMEDIATE,), crls=CRLS[:1], responses=(sent,))
    except Unreadable:
        return
    verdict = validate(LEAF.parsed, trusted, QUESTION)
    same = said(ParsedResponse(sent)) == said(ParsedResponse(genuine))
    assert same or "revocation-is-known" in verdict.rules


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_told_and_nothing_else_raised(rubbish):
    for kind in (Parsed, ParsedCRL, ParsedResponse):
        with pytest.raises(Unreadable):
            kind(rubbish)
