"""Answers that are kept: not too many, not too long, and not when something has happened."""

from datetime import timedelta

from es_pki.adapters.ocsp.kept import OVERHEAD, Answer, KeptAnswers
from tests.builders import NOW

SOON = NOW + timedelta(hours=1)


def answer(size=100, until=SOON):
    return Answer(bytes(size), says=("good",), this_update=NOW, fresh_until=until)


def key(number):
    return "authority", number.to_bytes(4, "big")


def test_an_answer_is_given_until_it_is_not_fresh_any_more():
    kept = KeptAnswers()
    kept.put(key(1), "owner", answer())
    assert kept.get(key(1), NOW) == answer()
    assert kept.get(key(2), NOW) is None
    assert kept.get(key(1), SOON) is None
    assert len(kept) == 0


def test_an_answer_from_before_the_clock_was_set_back_is_not_given():
    kept = KeptAnswers()
    kept.put(key(1), "owner", answer())
    assert kept.get(key(1), NOW - timedelta(seconds=1)) is None


def test_the_least_recently_used_answers_make_room():
    kept = KeptAnswers(largest=10 * (OVERHEAD + 104))
    for number in range(10):
        kept.put(key(number), f"owner {number}", answer())
    assert kept.get(key(0), NOW)
    kept.put(key(10), "owner 10", answer())
    assert kept.get(key(0), NOW)
    assert kept.get(key(1), NOW) is None
    for number in range(1_000):
        kept.put(key(number), f"owner {number % 7}", answer(size=number))
    assert 0 < len(kept) < 10


def test_the_same_question_has_one_answer_and_room_for_it():
    kept = KeptAnswers(largest=2 * (OVERHEAD + 104))
    for _ in range(5):
        kept.put(key(1), "owner", answer())
    kept.put(key(2), "owner", answer())
    assert len(kept) == 2


def test_all_that_is_about_an_owner_is_forgotten_and_nothing_else():
    kept = KeptAnswers()
    for number in range(4):
        kept.put(key(number), "odd" if number % 2 else "even", answer())
    kept.forget("odd")
    kept.forget("nobody")
    assert [kept.get(key(number), NOW) is not None for number in range(4)] == [True, False, True, False]
    kept.clear()
    assert kept.get(key(0), NOW) is None


def test_an_answer_too_large_to_be_kept_is_not():
    kept = KeptAnswers(largest=1_000)
    kept.put(key(1), "owner", answer(size=2_000))
    assert len(kept) == 0
