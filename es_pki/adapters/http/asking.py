"""What a query may ask for: pages, filters, a time or position in the past, and to see at least a position."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web
from msgspec import Struct

from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem, is_repeatable
from es_pki.adapters.recorded import microseconds_of, time_of
from es_pki.adapters.views import Query
from es_pki.commands.refusals import Malformed
from es_pki.projections.view import View

R = TypeVar("R", bound=Struct)

DEFAULT_LIMIT = 100
HIGHEST_LIMIT = 1000
LONGEST_WAIT = 5.0
"""Seconds that a query waits for the views to reach `at_least`."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def check_parameters(request: web.Request, known: Collection[str]) -> None:
    """Raise `Malformed` for a parameter that a route doesn't have: what it was meant to say would go unheard."""
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        field = unknown[0] if is_repeatable(unknown[0]) else "query"
        raise Malformed.at(field, "queries are known", f"this takes {', '.join(sorted(known)) or 'no parameter'}")


async def wait_until_seen(request: web.Request) -> None:
    """Wait for the views to reach `?at_least=` (or the header `ES-PKI-At-Least`). Raises `Problem` 503."""
    text = request.query.get("at_least") or request.headers.get("ES-PKI-At-Least")
    if text and not await request.app[PARTS].follower.reached(number("at_least", text), LONGEST_WAIT):
        raise Problem(503, "views-behind", f"the views have not reached position {text} yet", Retry_After="1")


async def as_of(request: web.Request) -> int | None:
    """Return the position that `?as_of=` names: a log position, or a time (RFC 3339); None for now."""
    text = request.query.get("as_of")
    if text is None:
        return None
    if text.isdigit():
        return number("as_of", text)
    return await request.app[PARTS].log.position_at(microseconds_of(moment("as_of", text)))


async def time_asked_about(request: web.Request) -> datetime:
    """Return the time that `?as_of=` names, of a position its record's; now without it or beyond the log's end."""
    text, parts = request.query.get("as_of"), request.app[PARTS]
    if text is None:
        return parts.now()
    if not text.isdigit():
        return moment("as_of", text)
    position = number("as_of", text)
    async for page in parts.log.read_all(after=position - 1, until=position):
        for record in page.records:
            return time_of(record.time)
    return parts.now()


def moment(field: str, text: str) -> datetime:
    """Return a time (RFC 3339, with its offset) or a day's first moment (UTC). Raises `Malformed`."""
    written = text.replace(" ", "+")  # what a plus in a query stands for
    if not _DAY.fullmatch(written) and not _TIME.fullmatch(written):
        raise _no_moment(field)
    try:
        parsed = datetime.fromisoformat(written.upper())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_moment(field) from None


def _no_moment(field: str) -> Malformed:
    return Malformed.at(field, "RFC 3339", "a time as 2026-05-03T12:00:00Z, or a day as 2026-05-03")


async def query_of(request: web.Request, view: View[R]) -> Query:
    """Return the query of a list: `limit`, `cursor`, `as_of`, and the view's filters. Raises `Malformed`."""
    return Query(
        filters={name: request.query[name] for name in view.filters if name in request.query},
        limit=limit_of(request),
        cursor=request.query.get("cursor"),
        as_of=await as_of(request),
    )


def limit_of(request: web.Request) -> int:
    """Return `?limit=`, 1 to `HIGHEST_LIMIT`. Raises `Malformed`."""
    limit = number("limit", request.query.get("limit", str(DEFAULT_LIMIT)))
    if not 1 <= limit <= HIGHEST_LIMIT:
        raise Malformed.at("limit", "pages are bounded", f"1 to {HIGHEST_LIMIT}")
    return limit


def number_of(request: web.Request, field: str, default: int) -> int:
    """Return a whole number of the query. Raises `Malformed`."""
    return number(field, request.query.get(field, str(default)))


def number(field: str, text: str) -> int:
    """Return a whole number. Raises `Malformed`, naming the field."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Malformed.at(field, "numbers are whole", "a whole number, 0 or more, of 18 digits at most")
    return int(text)
