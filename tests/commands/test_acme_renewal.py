"""When certificates of ACME directories are renewed: drawn once for each window, later again after failures."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from es_pki.commands.acme_renewal import (
    AFTERLIFE,
    LONGEST_PAUSE,
    PlanACMERenewal,
    RecordACMERenewalFailure,
    RecordACMERenewalMissed,
    Window,
    decider,
    last_resort,
    own_window,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned
from es_pki.values.acme import ACMEProblem
from tests.builders import NOW
from tests.spec import Spec

LIFE = timedelta(days=90)
PROBLEM = ACMEProblem("urn:ietf:params:acme:error:dns", "no such name")
spec = Spec(decider)


def plan(version=1, suggested=None, fraction=0.5, now=NOW, life=LIFE):
    return PlanACMERenewal("www", version, NOW, NOW + life, suggested, "", fraction, now)


def failure(attempt=1, is_lasting=False, now=NOW, fraction=0.5):
    return RecordACMERenewalFailure(1, attempt, PROBLEM, is_lasting, NOW + LIFE, fraction, now)


def planned(version=1, suggested=False, days=61):
    window = own_window(NOW, NOW + LIFE)
    at = NOW + timedelta(days=days)
    return ACMERenewalPlanned("www", version, NOW + LIFE, at, window.start, window.end, suggested)


SUGGESTED = Window(NOW + timedelta(days=30), NOW + timedelta(days=32))


@pytest.mark.parametrize(("days", "part"), [(90, 2 / 3), (10, 2 / 3), (9, 1 / 2), (6, 1 / 2)])
def test_nobody_suggesting_anything_two_thirds_of_the_life_pass_half_of_a_short_one(days, part):
    life = timedelta(days=days)
    (event,) = spec.given().when(plan(fraction=0, life=life)).events()
    assert abs(event.at - (NOW + life * part)) < timedelta(seconds=1)


def test_a_suggested_window_is_drawn_from():
    (event,) = spec.given().when(plan(suggested=SUGGESTED)).events()
    assert (event.at, event.suggested) == (NOW + timedelta(days=31), True)


def test_the_moment_is_drawn_once_for_a_window():
    spec.given(planned()).when(plan(fraction=0.9)).then_nothing()


def test_another_window_is_drawn_from_anew():
    (event,) = spec.given(planned()).when(plan(suggested=SUGGESTED)).events()
    assert event.suggested


def test_a_directory_that_says_nothing_for_once_takes_nothing_back():
    suggested = ACMERenewalPlanned("www", 1, NOW + LIFE, NOW + timedelta(days=31), SUGGESTED.start, SUGGESTED.end, True)
    spec.given(suggested).when(plan()).then_nothing()


def test_every_version_has_a_plan_of_its_own():
    (event,) = spec.given(planned()).when(plan(version=2)).events()
    assert event.version == 2


def test_a_version_that_is_the_current_one_again_is_planned_again():
    (event,) = spec.given(planned(), planned(version=2)).when(plan(version=1)).events()
    assert event.version == 1


def test_what_is_revoked_is_replaced_now_whatever_was_planned_or_is_suggested():
    revoked = replace(plan(suggested=SUGGESTED), is_revoked=True)
    for before in ([], [planned()], [planned(suggested=True)]):
        (event,) = spec.given(*before).when(revoked).events()
        assert (event.at, event.revoked, event.suggested) == (NOW, True, False)
        spec.given(event).when(revoked).then_nothing()
        spec.given(event).when(plan(suggested=SUGGESTED)).then_nothing()


def test_a_revocation_ends_the_wait_after_a_failure_once():
    failed = ACMERenewalFailed(1, 3, PROBLEM, NOW + timedelta(days=1))
    (event,) = spec.given(planned(), failed).when(replace(plan(), is_revoked=True)).events()
    state = decider.evolve(decider.evolve(decider.evolve(decider.initial, planned()), failed), event)
    assert (state.failure.attempt, state.failure.next_attempt) == (3, NOW)
    (again,) = spec.given(planned(), failed, event).when(failure(4)).events()
    assert again.next_attempt - NOW == timedelta(hours=8)


def test_a_window_that_has_passed_means_now():
    now = NOW + timedelta(days=40)
    (event,) = spec.given().when(plan(suggested=SUGGESTED, now=now)).events()
    assert event.at == now


@given(st.floats(0, 1), st.integers(0, 89), st.integers(1, 400), st.integers(0, 400))
def test_no_suggestion_keeps_a_certificate_beyond_its_last_twentieth(fraction, day, start, length):
    window = Window(NOW + timedelta(days=start), NOW + timedelta(days=start + length))
    now = NOW + timedelta(days=day)
    (event,) = spec.given().when(plan(suggested=window, fraction=fraction, now=now)).events()
    assert now <= event.at <= max(now, last_resort(NOW, NOW + LIFE))


def test_failures_are_retried_later_and_later():
    pauses, events = [], []
    for attempt in range(1, 8):
        (event,) = spec.given(*events).when(failure(attempt)).events()
        pauses.append(event.next_attempt - NOW)
        events.append(event)
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(hours=1)
    assert pauses[-1] == LONGEST_PAUSE


def test_what_does_not_pass_by_itself_waits_longest():
    (event,) = spec.given().when(failure(is_lasting=True)).events()
    assert event.next_attempt - NOW == LONGEST_PAUSE


def test_near_the_end_attempts_come_closer():
    now = NOW + LIFE - timedelta(hours=5)
    (event,) = spec.given().when(failure(9, now=now)).events()
    assert event.next_attempt - now == timedelta(minutes=30)


def test_after_the_end_it_is_attempted_once_a_day_as_long_as_somebody_may_want_it():
    now = NOW + LIFE + timedelta(hours=1)
    (event,) = spec.given().when(failure(9, now=now)).events()
    assert event.next_attempt - now == LONGEST_PAUSE
    (event,) = spec.given().when(failure(40, now=NOW + LIFE + AFTERLIFE)).events()
    assert event.next_attempt is None


def test_the_end_of_what_was_not_replaced_is_recorded_once_with_what_failed_last():
    miss = RecordACMERenewalMissed(1, NOW + LIFE)
    spec.given(planned()).when(miss).then(ACMERenewalMissed(1, NOW + LIFE))
    failed = ACMERenewalFailed(1, 3, PROBLEM, NOW)
    spec.given(planned(), failed).when(miss).then(ACMERenewalMissed(1, NOW + LIFE, PROBLEM))
    spec.given(planned(), ACMERenewalMissed(1, NOW + LIFE)).when(miss).then_nothing()


def test_the_same_failure_is_recorded_once():
    failed = ACMERenewalFailed(1, 2, PROBLEM, NOW)
    spec.given(failed).when(failure(2)).then_nothing()
    spec.given(failed).when(failure(1)).then_nothing()
