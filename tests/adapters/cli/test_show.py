"""What is shown never steers the terminal, and nothing is lost in showing it."""

import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress

from es_pki.adapters.cli import show

NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Zürich 株式会社 🔒", "Zürich 株式会社 🔒"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("one\ntwo\r", r"one\ntwo\r"),
        ("\x9b2J", r"\x9b2J"),
        ("gpj\u202efdp", r"gpj\u202efdp"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud800", r"\ud800"),
        (None, ""),
        (True, "yes"),
        (0, "0"),
    ],
)
def test_a_value_is_one_line_of_harmless_text(value, shown):
    assert show.safe(value) == shown


@given(st.text())
def test_no_text_has_control_or_format_characters_when_shown(text):
    assert not {unicodedata.category(c) for c in show.safe(text)} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_is_printable_ascii_and_says_the_same(text):
    shown = show.as_json(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(shown) == text


def test_a_table_shows_markup_as_it_is_and_cuts_nothing_off(capsys):
    long = "[bold]" + "x" * 300 + "\x1b[2J:smile:"
    show.print_table([("NAME", lambda row: row["name"])], [{"name": long}])
    assert "[bold]" + "x" * 300 + r"\x1b[2J:smile:" in capsys.readouterr().out


def test_fields_of_fields_stand_on_lines_of_their_own(capsys):
    show.print_fields({"name": "www", "subject": {"country": "CH"}, "names": ["a", "b"], "none": None, "empty": {}})
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines == [["name:", "www"], ["subject.country:", "CH"], ["names:", "a, b"]]


def test_the_attributes_of_a_name_stand_by_their_types_and_are_shown_escaped(capsys):
    issuer = [["common_name", "a\u202eb"], ["organizational_unit", "x=y"], ["organizational_unit", "a/b"]]
    show.print_fields({"issuer": issuer})
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines == [["issuer.common_name:", r"a\u202eb"], ["issuer.organizational_unit:", "x=y, a/b"]]


def test_a_bar_shows_its_rate_and_what_was_done_before_does_not_count():
    now = [0.0]
    bars = Progress(get_time=lambda: now[0], disable=True)
    task = bars.add_task("inventory", total=20_000, completed=9_000)
    assert str(show.RateColumn().render(bars.tasks[0])) == ""
    for done in (10_000, 12_000, 14_000):
        now[0] += 1
        bars.update(task, completed=done)
    assert str(show.RateColumn().render(bars.tasks[0])) == "2,000/s"


@pytest.mark.parametrize(
    ("not_after", "days"), [("2026-05-04T12:00:00Z", 1), ("2026-05-03T11:59:59Z", -1), (None, None)]
)
def test_days_left_are_whole_and_negative_when_over(not_after, days):
    assert show.days_left(not_after, NOW) == days


def test_times_are_shown_to_the_minute():
    assert show.when("2026-05-03T12:00:59.123Z") == "2026-05-03 12:00Z"
    assert show.when("never") == "never"
