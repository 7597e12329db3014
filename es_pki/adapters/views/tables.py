"""How a view lies in a table: one line per version of a row, found along an index whatever is asked.

`since` and `until` are log positions: a version holds from `since` on, until before `until`. Lists run along `sort`
(the view's order, as sortable text), then along the key.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from es_pki.adapters.views.store import BadQuery, Query
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


class Version(NamedTuple):
    """A version of a row, as it is stored: `columns` are the filters' values."""

    key: str
    since: int
    until: int
    sort: str
    row: bytes
    columns: tuple[str | None, ...]


class Change(NamedTuple):
    """What a page of events does to a view: rows that end at a position, and versions that are new."""

    closed: list[tuple[int, str]]
    added: list[Version]


class Statement(NamedTuple):
    """SQL with `?` for each argument."""

    sql: str
    arguments: list[Any]


def table_of(view: View[Any]) -> str:
    """Return the name of a view's live table."""
    return f"view_{view.name}"


def building_of(view: View[Any]) -> str:
    """Return the name of the table that is built beside it."""
    return f"building_{view.name}"


def columns(view: View[Any]) -> tuple[str, ...]:
    """Return the names of a view's filter columns."""
    return tuple(f"by_{name}" for name in view.filters)


def folded(view: View[Any], happened: Sequence[Happened], live: dict[str, Any]) -> Change:
    """Return what events do to a view whose touched rows are `live` (by key; none for those that aren't there)."""
    closed: list[tuple[int, str]] = []
    open_versions: dict[str, tuple[int, Any]] = {}
    added: list[Version] = []
    for event in happened:
        key = view.key(event)
        known = open_versions.get(key)
        before = known[1] if known else live.get(key)
        after = view.evolve(before, event)
        if after == before:
            continue
        if known:
            added += _version(view, key, known, event.position)
        elif before is not None:
            closed.append((event.position, key))
        open_versions[key] = (event.position, after)
    for key, known in open_versions.items():
        added += _version(view, key, known, STILL)
    return Change(closed, added)


def _version(view: View[Any], key: str, known: tuple[int, Any], until: int) -> Iterator[Version]:
    since, row = known
    if row is not None:
        values = tuple(_asked_for(getattr(row, name)) for name in view.filters)
        yield Version(key, since, until, _text(getattr(row, view.order_by)) or "", _ENCODER.encode(row), values)


def _asked_for(value: object) -> str | None:
    """Return a value as a query asks for it: numbers as they are written."""
    return str(value) if isinstance(value, int) else _text(value)


def _text(value: object) -> str | None:
    """Return a value as text that sorts like the value."""
    match value:
        case None:
            return None
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case int():
            return f"{value:019d}"
        case Mapping():
            return "".join(_LINE.format(f"{key}={text}") for key, text in value.items())
        case _:
            return str(value)


def find(view: View[Any], query: Query) -> Statement:
    """Return the statement of a list: columns `row`, `sort`, `key`, one line more than the limit."""
    unknown = sorted(set(query.filters) - set(view.filters))
    if unknown:
        raise BadQuery(f"{view.name} has no filter {unknown[0][:80]}; it has {', '.join(view.filters)}")
    where, arguments = [_holds(query.as_of)], _held(query.as_of)
    for name, value in query.filters.items():
        if name in view.members:
            where.append(f"replace(by_{name}, ?, '') <> by_{name}")
            arguments.append(_LINE.format(value))
        else:
            where.append(f"by_{name} = ?")
            arguments.append(value)
    for sign, bound in ((">=", query.since), ("<", query.until)):
        if bound is not None:
            where.append(f"sort {sign} ?")
            arguments.append(_text(bound))
    if query.cursor is not None:
        where.append("(sort, key) > (?, ?)")
        arguments += _cursor_parts(query.cursor)
    sql = f"SELECT row, sort, key FROM {table_of(view)} WHERE {' AND '.join(where)} ORDER BY sort, key LIMIT ?"  # noqa: S608 - names of our own
    return Statement(sql, [*arguments, query.limit + 1])


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


def indexes(view: View[Any], table: str) -> Iterator[str]:
    """Yield the statements that make a table's indexes: by the view's order, and by what rows are looked up by."""
    yield f"CREATE INDEX {table}_in_order ON {table} (sort, key, until)"
    for name in view.lookups:
        yield f"CREATE INDEX {table}_by_{name} ON {table} (by_{name}, sort, key)"


def insert(view: View[Any], table: str) -> str:
    """Return the statement that adds a version."""
    names = ", ".join(("key", "since", "until", "sort", "row", *columns(view)))
    marks = ", ".join("?" * (5 + len(view.filters)))
    return f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own


def close(table: str) -> str:
    """Return the statement that ends a version: arguments are the position and the key."""
    return f"UPDATE {table} SET until = ? WHERE key = ? AND until = {STILL}"  # noqa: S608 - names of our own


def line(version: Version) -> tuple[Any, ...]:
    """Return a version as the arguments of `insert`."""
    return (*version[:5], *version.columns)
