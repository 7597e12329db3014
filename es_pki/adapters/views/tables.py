"""How a view lies in a table: one line per version of a row, found along an index whatever is asked.

`since` and `until` are log positions: a version holds from `since` on, until before `until`. Lists run along `sort`
(the view's order, as sortable text), then along the key.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from es_pki.adapters.views.store import MOST_VALUES, BadQuery, Query
from es_pki.events.happened import Happened
from es_pki.projections.view import View

STILL = (1 << 63) - 1
"""`until` of the version that holds now."""

_LINE = "\n{}\n"
"""One of several texts in a column: no text that is filtered by has line breaks."""

_ENCODER = msgspec.json.Encoder()


LIVE_IS_AHEAD = """
SELECT 1 FROM checkpoint building JOIN checkpoint live ON live.version = building.version
WHERE building.view = ? AND live.view = ? AND live.position > building.position
"""

REACHED = "SELECT position FROM {}checkpoint WHERE view = ? AND version = ?"
"""How far a table has come, by its entry and VERSION."""

MOVE = """
INSERT INTO {}checkpoint VALUES (?, ?, ?)
ON CONFLICT (view) DO UPDATE SET version = excluded.version, position = excluded.position
"""
"""Note how far a table has come."""


Line = tuple[Any, ...]
"""A version of a row, as it is stored: key, since, until, sort, row, and the filters' values (see `names`)."""


class Change(NamedTuple):
    """What a page of events does to a view: rows that end at a position, and versions that are new."""

    closed: list[tuple[int, str]]
    added: list[Line]


class Statement(NamedTuple):
    """SQL with `?` for each argument."""

    sql: str
    arguments: list[Any]


class Index(NamedTuple):
    """An index: its name, what it is good for, and the statement that makes it."""

    name: str
    purpose: str
    sql: str


def table_of(view: View[Any]) -> str:
    """Return the name of a view's live table."""
    return f"view_{view.name}"


def building_of(view: View[Any]) -> str:
    """Return the name of the table that is built beside it."""
    return f"building_{view.name}"


def filtered(view: View[Any]) -> tuple[str, ...]:
    """Return the filters and moments that have a column of their own: the field by which lists are sorted is `sort`."""
    return tuple(name for name in (*view.filters, *view.moments) if name != view.order_by)


def columns(view: View[Any]) -> tuple[str, ...]:
    """Return the names of a view's filter columns."""
    return tuple(f"by_{name}" for name in filtered(view))


def folded(view: View[Any], happened: Sequence[Happened], live: dict[str, Any]) -> Change:
    """Return what events do to a view whose touched rows are `live` (by key; none for those that aren't there)."""
    closed: list[tuple[int, str]] = []
    open_versions: dict[str, tuple[int, Any]] = {}
    added: list[Line] = []
    sought = attrgetter(view.order_by, view.order_by, *filtered(view))  # twice: it always returns a tuple
    for event in happened:
        key = view.key(event)
        known = open_versions.get(key)
        before = known[1] if known else live.get(key)
        after = view.evolve(before, event)
        if after == before:
            continue
        if known:
            added += _version(sought, key, known, event.position)
        elif before is not None:
            closed.append((event.position, key))
        open_versions[key] = (event.position, after)
    for key, known in open_versions.items():
        added += _version(sought, key, known, STILL)
    return Change(closed, added)


def _version(
    sought: Callable[[Any], tuple[object, ...]], key: str, known: tuple[int, Any], until: int
) -> tuple[Line, ...]:
    since, row = known
    if row is None:
        return ()
    sort, _, *values = sought(row)
    return ((key, since, until, _text(sort) or "", _ENCODER.encode(row), *map(_asked_for, values)),)


def _asked_for(value: object) -> str | None:
    """Return a value as a query asks for it: numbers as they are written."""
    return str(value) if isinstance(value, int) else _text(value)


def _text(value: object) -> str | None:
    """Return a value as text that sorts like the value."""
    if type(value) is str:  # nearly all are; a `match` would ask twice as long
        return value
    match value:
        case None:
            return None
        case str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case int():
            return f"{value:019d}"
        case Mapping():
            return "".join(_LINE.format(f"{key}={text}") for key, text in value.items())
        case tuple():
            return "".join(map(_LINE.format, value))
        case _:
            return str(value)


def find(view: View[Any], query: Query) -> Statement:
    """Return the statement of a list: columns `row`, `sort`, `key`, one line more than the limit."""
    _check_is_known(view, query)
    where, arguments = [_holds(query.as_of)], _held(query.as_of)
    for condition, values in _conditions(view, query):
        where.append(condition)
        arguments += values
    for sign, bound in ((">=", query.since), ("<", query.until)):
        if bound is not None:
            where.append(f"sort {sign} ?")
            arguments.append(_text(bound))
    if query.cursor is not None:
        where.append("(sort, key) > (?, ?)")
        arguments += _cursor_parts(query.cursor)
    sql = f"SELECT row, sort, key FROM {table_of(view)} WHERE {' AND '.join(where)} ORDER BY sort, key LIMIT ?"  # noqa: S608 - names of our own
    return Statement(sql, [*arguments, query.limit + 1])


def _check_is_known(view: View[Any], query: Query) -> None:
    unknown = sorted({*query.filters, *query.among} - set(view.filters))
    if unknown:
        raise BadQuery(f"{view.name} has no filter {unknown[0][:80]}; it has {', '.join(view.filters)}")
    unknown = sorted({*query.before, *query.after} - set(view.moments))
    if unknown:
        raise BadQuery(f"{view.name} has no moment {unknown[0][:80]}; it has {', '.join(view.moments) or 'none'}")
    most = max(map(len, query.among.values()), default=0)
    if most > MOST_VALUES:
        raise BadQuery(f"{view.name} is asked about {most} values at once; {MOST_VALUES} is the most")


def _conditions(view: View[Any], query: Query) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield what must hold of a row's filters, with its arguments."""

    def column(name: str) -> str:
        return "sort" if name == view.order_by else f"by_{name}"

    for name, value in query.filters.items():
        if name in view.members:
            yield f"replace(by_{name}, ?, '') <> by_{name}", [_LINE.format(value)]
        else:
            yield f"{column(name)} = ?", [value]
    for name, values in query.among.items():
        yield f"{column(name)} IN ({', '.join('?' * len(values)) or 'NULL'})", values
    for sign, bounds in (("<", query.before), (">", query.after)):
        for name, bound in bounds.items():
            yield f"{column(name)} {sign} ?", [_text(bound)]


def get(view: View[Any], key: str, as_of: int | None) -> Statement:
    """Return the statement of one row by its key."""
    sql = f"SELECT row FROM {table_of(view)} WHERE key = ? AND {_holds(as_of)}"  # noqa: S608 - names of our own
    return Statement(sql, [key, *_held(as_of)])


def _holds(as_of: int | None) -> str:
    return f"until = {STILL}" if as_of is None else "since <= ? AND until > ?"


def _held(as_of: int | None) -> list[Any]:
    return [] if as_of is None else [min(as_of, STILL - 1)] * 2


def cursor(sort: str, key: str) -> str:
    """Return the cursor behind a row."""
    return base64.urlsafe_b64encode(_ENCODER.encode((sort, key))).decode()


def _cursor_parts(text: str) -> tuple[str, str]:
    try:
        sort, key = msgspec.json.decode(base64.b64decode(text, altchars=b"-_", validate=True), type=tuple[str, str])
    except (ValueError, msgspec.MsgspecError):
        raise BadQuery("the cursor is none of this list's; take the one of the page before") from None
    if "\0" in sort + key:
        raise BadQuery("the cursor is none of this list's; take the one of the page before")
    return sort, key


def create(view: View[Any], table: str, types: tuple[str, str, str]) -> str:
    """Return the statement that makes a table; `types` are the backend's words for text, whole numbers and bytes."""
    text, number, octets = types
    filters = "".join(f", {name} {text}" for name in columns(view))
    return (
        f"CREATE TABLE {table} (key {text} NOT NULL, since {number} NOT NULL, until {number} NOT NULL, "
        f"sort {text} NOT NULL, row {octets} NOT NULL{filters}, PRIMARY KEY (key, since))"
    )


def indexes(view: View[Any], table: str, prefix: str) -> Iterator[Index]:
    """Yield a table's indexes: by the view's order, and by what rows are looked up by. Made again, they stay."""
    looked_up = [by for by in filtered(view) if by in view.lookups]
    for name, of in (("in_order", "sort, key, until"), *((f"by_{by}", f"by_{by}, sort, key") for by in looked_up)):
        yield Index(f"{prefix}_{name}", name, f"CREATE INDEX IF NOT EXISTS {prefix}_{name} ON {table} ({of})")


def names(view: View[Any]) -> tuple[str, ...]:
    """Return the names of all columns, in the order of a `Line`."""
    return ("key", "since", "until", "sort", "row", *columns(view))


def insert(view: View[Any], table: str) -> str:
    """Return the statement that adds a version."""
    marks = ", ".join("?" * len(names(view)))
    return f"INSERT INTO {table} ({', '.join(names(view))}) VALUES ({marks})"  # noqa: S608 - names of our own


def close(table: str) -> str:
    """Return the statement that ends a version: arguments are the position and the key."""
    return f"UPDATE {table} SET until = ? WHERE key = ? AND until = {STILL}"  # noqa: S608 - names of our own
