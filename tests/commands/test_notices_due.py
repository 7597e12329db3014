"""What is told when: by the time that is left, and by what failed."""

from datetime import UTC, datetime, timedelta

import pytest

from es_pki.commands.notices_due import Expiring, Facts, Renewing, Watched, due
from es_pki.values.notices import NoticeKind

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def expiring(days_left, *, life=90, version=2, renewing=None, name="www"):
    ends = NOW + timedelta(days=days_left)
    return Expiring(name, name, "certificate", version, ends - timedelta(days=life), ends, renewing)


def watched(**further):
    return Watched("id", "nginx", "www", "www", 3, **further)


def told(*facts):
    """What is told about these ends and services: kinds and details."""
    ends = tuple(fact for fact in facts if isinstance(fact, Expiring))
    services = tuple(fact for fact in facts if isinstance(fact, Watched))
    return [(occasion.kind, occasion.detail) for occasion in due(Facts(ends, services), NOW)]


def renewing(days, failures=0, version=2):
    return Renewing(version, NOW + timedelta(days=days), failures, "rejected" if failures else "")


@pytest.mark.parametrize(
    ("days_left", "detail"),
    [
        (31, None),
        (30, "30"),
        (14.1, "30"),
        (14, "14"),
        (7, "7"),
        (3.5, "7"),
        (3, "3"),
        (1, "1"),
        (0.01, "1"),
        (0, None),
    ],
)
def test_an_end_is_told_at_the_nearest_of_its_days_alone(days_left, detail):
    assert told(expiring(days_left)) == ([(NoticeKind.EXPIRY, detail)] if detail else [])


def test_a_new_version_that_lives_for_less_is_not_near_its_end():
    assert told(expiring(7, life=7)) == []
    assert told(expiring(6, life=7)) == []
    assert told(expiring(3, life=7)) == [(NoticeKind.EXPIRY, "3")]


@pytest.mark.parametrize(
    ("plan", "is_quiet"),
    [
        (renewing(2), True),
        (renewing(-0.4), True),
        (renewing(-1), False),
        (renewing(2, failures=1), False),
        (renewing(2, version=1), False),
        (renewing(20), False),
    ],
)
def test_it_is_quiet_while_a_renewal_is_on_its_way(plan, is_quiet):
    assert (told(expiring(10, renewing=plan)) == []) is is_quiet


def test_a_renewal_is_told_from_its_second_failure_on_however_far_the_end():
    assert told(expiring(40, renewing=renewing(0, failures=1))) == []
    assert told(expiring(40, renewing=renewing(0, failures=2))) == [(NoticeKind.RENEWAL, "")]
    assert told(expiring(40, renewing=renewing(0, failures=2, version=1))) == []


def test_failed_deployments_and_each_way_to_differ_are_told():
    service = watched(failed_version=2, failure="the step test: no", drift=("expired", "foreign"), seen="until then")
    assert told(service) == [
        (NoticeKind.DEPLOYMENT, ""),
        (NoticeKind.DRIFT, "expired"),
        (NoticeKind.DRIFT, "foreign"),
    ]
    assert told(watched(failed_version=2, failed_fallback=True)) == [(NoticeKind.DEPLOYMENT, "fallback")]
    assert told(watched(fallback="spare")) == [(NoticeKind.FALLBACK, "")]
    assert told(watched()) == []
    deployment, drift, _ = due(Facts(services=(service,)), NOW)
    assert (deployment.version, drift.version, drift.service) == (2, 3, "nginx")


def test_what_ends_first_is_told_first_in_words():
    first, second = due(Facts((expiring(12, name="later"), expiring(0.05, name="sooner"))), NOW)
    assert first.title == "The certificate sooner expires in 1 hour"
    assert second.title == "The certificate later expires in 12 days"
    assert second.text == "Version 2 ends at 2026-05-15 12:00Z. Nothing replaces it by itself."


def test_why_a_renewal_fails_is_told_in_bounds():
    plan = Renewing(2, NOW, 1, "x" * 1_000)
    (occasion,) = due(Facts((expiring(5, renewing=plan),)), NOW)
    assert len(occasion.text) < 400
