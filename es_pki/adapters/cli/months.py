"""The calendar as text: the months in which something ends, day by day, and below each what."""

import calendar
import itertools
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from es_pki.adapters.cli.show import Row

WEEK = "Mo  Tu  We  Th  Fr  Sa  Su"


def months(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the calendar, in UTC; rows come soonest first. A day on which something ends has a star."""
    ends = [(datetime.fromisoformat(str(row["at"])).date(), row) for row in rows]
    for (year, month), found in itertools.groupby(ends, key=lambda end: (end[0].year, end[0].month)):
        entries = list(found)
        yield f"{calendar.month_name[month]} {year}".center(len(WEEK)).rstrip()
        yield WEEK
        yield from _weeks(year, month, {day for day, _ in entries})
        yield ""
        yield from (_line(day, row) for day, row in entries)
        yield ""


def _weeks(year: int, month: int, marked: set[date]) -> Iterator[str]:
    for week in calendar.Calendar().monthdayscalendar(year, month):
        days = (f"{day:2}{'*' if date(year, month, day) in marked else ' '}" if day else "   " for day in week)
        yield " ".join(days).rstrip()


def _line(day: date, row: Row) -> str:
    what = "is revoked in its earlier version" if row["what"] == "revocation" else "expires"
    return f"  {day:%d}  {row['kind']} {row['name']} {what}"
