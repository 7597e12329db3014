"""Whose turn it is at a directory, hour by hour, with a clock of the test's own."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.acme.turns import HOUR, Pace, Turns
from es_pki.commands.acme_renewal import PlanACMERenewal, Window, decider
from tests.builders import NOW

LOOK = timedelta(seconds=30)


def planned_within(window, count, seed):
    """Return the moments that are drawn for so many certificates from one window, the earliest first."""
    drawn = random.Random(seed)  # noqa: S311 - moments, no secrets
    commands = (
        PlanACMERenewal("www", 1, NOW, NOW + timedelta(days=90), window, "", drawn.random(), NOW) for _ in range(count)
    )
    return sorted(decider.decide(command, decider.initial)[0].at for command in commands)


def begun(moments, pace):
    """Return when each begins, if it is looked every 30 seconds from the first moment on."""
    turns, waiting, times, now = Turns(pace, moments[0]), list(moments), [], moments[0]
    while waiting:
        while waiting and waiting[0] <= now and turns.take(now):
            waiting.pop(0)
            times.append(now)
        now += LOOK
    return times


def most_within(times, span):
    """Return how many there are within any span of time."""
    return max(sum(begin <= time < begin + span for time in times) for begin in set(times))


@pytest.mark.parametrize("per_hour", [100, 300, 600])
def test_five_hundred_that_are_due_in_one_hour_begin_at_the_rate_that_was_set(per_hour):
    window = Window(NOW + timedelta(days=60), NOW + timedelta(days=60, hours=1))
    pace = Pace(per_hour=per_hour)
    moments = planned_within(window, 500, per_hour)
    times = begun(moments, pace)
    assert len(times) == 500
    assert most_within(times, HOUR) <= per_hour + pace.burst
    assert most_within(times, timedelta(minutes=1)) <= per_hour / 60 + pace.burst
    assert all(moment <= time for moment, time in zip(moments, times, strict=True))
    # No turn is lost while somebody waits.
    assert times[-1] - times[0] <= max(HOUR, HOUR * 500 / per_hour) + timedelta(minutes=1)


def test_moments_are_spread_over_their_window():
    window = Window(NOW + timedelta(days=60), NOW + timedelta(days=60, hours=1))
    moments = planned_within(window, 500, 1)
    for sixth in range(6):
        begin = window.start + sixth * timedelta(minutes=10)
        within = sum(begin <= moment < begin + timedelta(minutes=10) for moment in moments)
        assert 50 <= within <= 120, (sixth, within)


@given(st.lists(st.integers(-100, 4000), max_size=200), st.integers(1, 4000), st.integers(1, 16))
def test_however_it_is_asked_no_hour_sees_more_than_its_rate_and_a_burst(waits, per_hour, at_once):
    pace = Pace(per_hour, at_once)
    turns, now, taken = Turns(pace, NOW), NOW, []
    for wait in waits:
        now += timedelta(seconds=max(wait, 0))
        while len(taken) < 2000 and turns.take(now):
            taken.append(now)
    assert all(sum(begin <= time < begin + HOUR for time in taken) <= per_hour + pace.burst for begin in set(taken))


def test_a_clock_that_was_set_back_gives_no_turns():
    turns = Turns(Pace(per_hour=60, at_once=1), NOW)
    assert turns.take(NOW)
    assert not turns.take(NOW - timedelta(days=1))
    assert not turns.take(NOW - timedelta(days=1) + timedelta(seconds=59))
    assert turns.take(NOW - timedelta(days=1) + timedelta(seconds=61))
