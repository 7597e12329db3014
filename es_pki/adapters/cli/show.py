"""How answers are shown: tables and lines for people, JSON for programs. No value may steer the terminal."""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from operator import itemgetter
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

UNBOUNDED = 10_000
"""Columns of an output that is no terminal: programs read whole lines."""

Row = Mapping[str, object]
Column = tuple[str, Callable[[Row], object]]
"""A column's heading and what stands in it."""


def safe(value: object) -> str:
    """Return a value as one line of text; control and format characters (bidirectional overrides) are escaped."""
    text = {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _is_harmless(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def when(time: object) -> str:
    """Return an RFC 3339 time to the minute, as tables show it; "" for None."""
    if not isinstance(time, str):
        return ""
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%MZ}"
    except ValueError:
        return time


def days_left(not_after: object, now: datetime) -> int | None:
    """Return the whole days until a time, negative when it is over; None without a time."""
    return (datetime.fromisoformat(not_after) - now).days if isinstance(not_after, str) else None


def as_json(value: object, *, indent: int | None = 2) -> str:
    """Return JSON in printable ASCII."""
    return json.dumps(value, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


def say(text: object) -> None:
    """Print a line of the answer."""
    print(safe(text), flush=True)


def note(text: object) -> None:
    """Print a line beside the answer, to standard error."""
    print(safe(text), file=sys.stderr)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print an answer for programs."""
    print(as_json(value, indent=indent), flush=True)


def print_table(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Print rows as a table; a terminal folds what is too long, nothing is cut off."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading, _ in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe(value(row))) for _, value in columns))
    width = None if sys.stdout.isatty() else UNBOUNDED
    _Output(width=width, markup=False, highlight=False, emoji=False).print(table)


class _Output(Console):
    """Standard output, whose reader may go at any time."""

    def on_broken_pipe(self) -> None:
        """Leave it to whoever prints: by itself it would end the program with status 1."""
        raise BrokenPipeError


class JSONItems:
    """Prints `{"items": […], …}` item by item: there may be more of them than memory holds."""

    def __init__(self) -> None:
        self._before = '{"items": ['

    def add(self, item: Row) -> None:
        """Print an item."""
        print(f"{self._before}\n{as_json(item, indent=None)}", end="")
        self._before = ","

    def end(self, further: Row) -> None:
        """Print what else there is to say, and the end."""
        begin = self._before if self._before != "," else ""
        print(f"{begin}\n],{as_json(further, indent=None)[1:]}", flush=True)


class TableOfItems:
    """Prints items as a table, a column for each field. Of a text in several lines the first is shown."""

    def __init__(self) -> None:
        self._items: list[Row] = []

    def add(self, item: Row) -> None:
        """Take an item."""
        self._items.append({field: _cell(value) for field, value in item.items()})

    def end(self, further: Row) -> None:
        """Print the table, and what else there is to say."""
        fields = list(self._items[0]) if self._items else []
        print_table([(field.upper().replace("_", " "), itemgetter(field)) for field in fields], self._items)
        print_fields(further)


def _cell(value: object) -> object:
    match value:
        case str():
            first, *more = value.splitlines() or [""]
            return f"{first} …" if more else first
        case list() if all(isinstance(part, str) for part in value):
            return ", ".join(value)
        case list() | dict():
            return as_json(value, indent=None)
        case _:
            return value


def print_fields(value: Row) -> None:
    """Print an object as lines `field: value`, fields of fields with dots; what is empty is left out."""
    lines = list(_lines("", value))
    width = max((len(field) for field, _ in lines), default=0)
    for field, shown in lines:
        say(f"{field + ':':{width + 1}} {shown}")


def _lines(prefix: str, value: Row) -> Iterable[tuple[str, str]]:
    for field, part in value.items():
        name = prefix + safe(field)
        match part:
            case dict():
                yield from _lines(f"{name}.", part)
            case list() if part and all(map(_is_attribute, part)):
                yield from _lines(f"{name}.", _by_type(part))
            case list() | tuple() if part:
                yield name, ", ".join(safe(item) for item in part)
            case None | "" | [] | ():
                pass
            case _:
                yield name, safe(part)


def _is_attribute(part: object) -> bool:
    """Tell whether it is one of a distinguished name's attributes as the API tells them: its type and its value."""
    match part:
        case [str(), str()]:
            return True
        case _:
            return False


def _by_type(attributes: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for type_name, value in attributes:
        values.setdefault(type_name, []).append(value)
    return values


class RateColumn(ProgressColumn):
    """How many records a second a work goes through."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last while, of a finished work the whole one."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class ProgressBars(AbstractContextManager["ProgressBars"]):
    """A bar on standard error for each part of a long work; nothing when nobody is looking."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), RateColumn()
        self._bars = Bars(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Move the bar of a part; where it is at first it was before: that doesn't count for its rate."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(safe(what), total=total, completed=done)
        self._bars.update(self._tasks[what], completed=done, total=total)
