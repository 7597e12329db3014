"""When a service is served its fallback: its own certificate is at its end, and the fallback is good for longer."""

from datetime import UTC, datetime, timedelta

import pytest

from es_pki.commands.fallback import Standing, falls_back

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def standing(days_left, life=90, **further):
    ends = NOW + timedelta(days=days_left)
    return Standing(ends - timedelta(days=life), ends, **further)


GOOD = standing(60)


@pytest.mark.parametrize(
    ("own", "is_due"),
    [
        (standing(30), False),
        (standing(1.1), False),
        (standing(1), True),
        (standing(-1), True),
        (standing(0.21, life=6), False),
        (standing(0.19, life=6), True),
        (standing(30, holds=False), True),
        (standing(0.5, is_renewed=True), False),
        (standing(0.5, is_renewed=True, is_given_up=True), True),
    ],
)
def test_a_service_falls_back_when_its_own_certificate_ends_without_a_successor(own, is_due):
    assert falls_back(own, GOOD, NOW) is is_due


@pytest.mark.parametrize("fallback", [standing(-1), standing(0.5), standing(60, holds=False)])
def test_a_fallback_that_is_no_better_is_not_served(fallback):
    assert not falls_back(standing(0.5), fallback, NOW)


def test_an_expired_certificate_is_worse_than_any_that_is_good():
    assert falls_back(standing(-1), standing(0.5), NOW)
