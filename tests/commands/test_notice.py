"""Notices: begun once, tried again when they failed for sure, and given up in the end."""

from datetime import UTC, datetime, timedelta

import pytest

from es_pki.commands.notice import (
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    BeginNotice,
    NoticeMissing,
    RecordNotice,
    decider,
    is_settled,
)
from es_pki.events.notice import NoticeBegun, NoticeFailed, NoticeSent
from es_pki.values.notices import NoticeKind, Occasion
from tests.spec import Spec

spec = Spec(decider)

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OCCASION = Occasion(NoticeKind.EXPIRY, "id", "www", 2, "www expires", "soon", "14")


def begin(later=timedelta()):
    return BeginNotice("channel-id", "mail", OCCASION, NOW + later)


def begun(attempt=1):
    return NoticeBegun("channel-id", "mail", OCCASION, attempt)


def fail(attempt=1, **further):
    return RecordNotice(attempt, "no connection", NOW, **further)


def failed(attempt=1, pause=MINUTE):
    return NoticeFailed(attempt, "no connection", NOW + pause if pause else None)


def test_a_notice_is_begun_once_whoever_else_wants_to():
    spec.given().when(begin()).then(begun())
    spec.given(begun()).when(begin(timedelta(days=9))).then_nothing()
    spec.given(begun(), NoticeSent(1)).when(begin(timedelta(days=9))).then_nothing()


def test_what_failed_is_begun_again_when_its_time_has_come():
    spec.given(begun(), failed()).when(begin()).then_nothing()
    spec.given(begun(), failed()).when(begin(MINUTE)).then(begun(2))
    spec.given(begun(), failed(), begun(2)).when(begin(MINUTE)).then_nothing()


def test_pauses_grow_until_it_is_given_up():
    spec.given(begun()).when(fail()).then(failed())
    spec.given(begun(2)).when(fail(2)).then(failed(2, 4 * MINUTE))
    spec.given(begun(9)).when(fail(9)).then(failed(9, LONGEST_PAUSE))
    spec.given(begun(MOST_ATTEMPTS)).when(fail(MOST_ATTEMPTS)).then(failed(MOST_ATTEMPTS, None))


def test_what_may_have_been_taken_is_not_tried_again():
    spec.given(begun()).when(fail(is_final=True)).then(failed(1, None))
    spec.given(begun(), failed(1, None)).when(begin(timedelta(days=9))).then_nothing()


def test_only_the_attempt_that_is_under_way_ends():
    spec.given(begun()).when(RecordNotice(1, None, NOW, "b refused")).then(NoticeSent(1, "b refused"))
    spec.given(begun(), failed(), begun(2)).when(fail(1)).then_nothing()
    spec.given(begun(), NoticeSent(1)).when(fail(1)).then_nothing()
    spec.given().when(fail()).then_refused(NoticeMissing)


@pytest.mark.parametrize(
    ("events", "settled"),
    [((), False), ((begun(),), False), ((begun(), failed()), False), ((begun(), failed(1, None)), True)],
)
def test_what_will_never_be_sent_again_is_settled(events, settled):
    state = decider.initial
    for event in events:
        state = decider.evolve(state, event)
    assert is_settled(state) is settled
