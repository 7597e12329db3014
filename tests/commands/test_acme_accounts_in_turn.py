"""Orders that go on with another account, and rehearsals: what is decided about them."""

import pytest
from msgspec.structs import replace

from es_pki.adapters.acme.problems import Trouble
from es_pki.commands.acme_order import AbandonACMEOrder, ACMEOrderOver, decider, reservations
from es_pki.commands.acme_problems import is_lasting, is_of_directory
from es_pki.commands.acme_steps import (
    RecordACMEHindrance,
    RecordACMEOrderCreated,
    RecordACMEOrderMove,
    RecordACMERehearsalPassed,
)
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Release
from es_pki.events.acme_order import ACMEOrderMoved, ACMERehearsalPassed
from es_pki.values.acme import ACMEProblem
from tests.builders import CERTIFICATE_ID, NOW
from tests.commands.test_acme_order import PROBLEM, place, placed
from tests.spec import Spec

spec = Spec(decider)
in_turn = replace(place, fallback_ids=("second", "third"), replaces="a.b", renews=True)
PLACED = replace(placed, fallback_ids=("second", "third"), replaces="a.b", renews=True)


def state_after(*events):
    state = decider.initial
    for event in events:
        state = decider.evolve(state, event)
    return state


def test_fallbacks_are_other_accounts_each_once_and_few():
    for ids in (("account",), ("second", "second"), ("2", "3", "4", "5", "6")):
        spec.given().when(replace(place, fallback_ids=ids)).then_refused(RulesBroken)


def test_what_goes_on_elsewhere_begins_there_anew():
    created = decider.decide(
        RecordACMEOrderCreated("https://a.test/1", ("https://a.test/z",), None), state_after(PLACED)
    )
    move = RecordACMEOrderMove("second", PROBLEM)
    spec.given(PLACED, *created).when(move).then(ACMEOrderMoved("second", PROBLEM))
    state = state_after(PLACED, *created, ACMEOrderMoved("second", PROBLEM))
    assert (state.account_id, state.created, state.later_accounts) == ("second", None, ("third",))
    assert state_after(PLACED, ACMEOrderMoved("third", PROBLEM)).later_accounts == ()


def test_moving_forgets_no_hindrances():
    hindered = decider.decide(RecordACMEHindrance(PROBLEM, NOW), state_after(PLACED))
    assert state_after(PLACED, *hindered, ACMEOrderMoved("second", PROBLEM)).hindered == 1


def test_only_the_directory_that_issued_a_certificate_hears_that_it_is_replaced():
    assert state_after(PLACED).replaces == "a.b"
    assert state_after(PLACED, ACMEOrderMoved("second", PROBLEM)).replaces == ""
    came_from_second = replace(PLACED, former_account_id="second")
    assert state_after(came_from_second).replaces == ""
    assert state_after(came_from_second, ACMEOrderMoved("second", PROBLEM)).replaces == "a.b"


def test_a_rehearsal_that_passed_is_over_and_makes_way_for_the_order():
    rehearsed = replace(PLACED, is_rehearsal=True)
    passed = ACMERehearsalPassed(CERTIFICATE_ID)
    spec.given(rehearsed).when(RecordACMERehearsalPassed()).then(passed)
    spec.given(rehearsed, passed).when(AbandonACMEOrder("")).then_refused(ACMEOrderOver)
    (release,) = reservations(passed, "order")
    assert isinstance(release, Release)
    assert release.stream == f"acme_order_for-{CERTIFICATE_ID}"


@pytest.mark.parametrize("kind", ["rateLimited", "serverInternal", "caa", "rejectedIdentifier", "accountDoesNotExist"])
def test_another_directory_may_answer_otherwise(kind):
    assert is_of_directory(ACMEProblem(f"urn:ietf:params:acme:error:{kind}", ""))


@pytest.mark.parametrize(
    "kind", ["dns", "connection", "unauthorized", "incorrectResponse", "tls", "malformed", "badCSR"]
)
def test_no_other_directory_helps_a_name_that_can_not_be_proved_or_a_wish_that_is_wrong(kind):
    assert not is_of_directory(ACMEProblem(f"urn:ietf:params:acme:error:{kind}", ""))


def test_whoever_is_away_may_come_back_and_others_be_there():
    away = {Trouble.UNREACHABLE, Trouble.UNTRUSTED, Trouble.SLOW, Trouble.MALFORMED, Trouble.FAILING}
    assert {kind for kind in Trouble if is_of_directory(ACMEProblem(kind, ""))} == {*away, Trouble.NO_CHALLENGE}
    assert not any(is_lasting(ACMEProblem(kind, "")) for kind in Trouble)
