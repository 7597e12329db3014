"""What a query may ask for: pages, filters, a time or position in the past, and to see at least a position."""

from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web
from msgspec import Struct

from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem, is_repeatable
from es_pki.adapters.recorded import microseconds_of
from es_pki.adapters.views import Query
from es_pki.commands.refusals import Malformed
from es_pki.projections.view import View

R = TypeVar("R", bound=Struct)

DEFAULT_LIMIT = 100
HIGHEST_LIMIT = 1000
LONGEST_WAIT = 5.0
"""Seconds that a query waits for the views to reach `at_least`."""

EVERYWHERE = frozenset({"limit", "cursor", "as_of", "at_least"})


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


def moment(field: str, text: str) -> datetime:
    """Return a time or day (the day's first moment, UTC). Raises `Malformed`."""
    try:
        parsed = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Malformed.at(field, "RFC 3339", "a time as 2026-05-03T12:00:00Z, or a day as 2026-05-03") from None
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError:
        raise Malformed.at(field, "RFC 3339", "a time within the years 1 to 9999") from None


async def query_of(request: web.Request, view: View[R], *, also: frozenset[str] = frozenset()) -> Query:
    """Return the query of a list: `limit`, `cursor`, `as_of`, and the view's filters. Raises `Malformed`.

    `also` names parameters that the caller reads itself.
    """
    unknown = sorted(set(request.query) - EVERYWHERE - also - set(view.filters))
    if unknown:
        known = ", ".join(sorted(EVERYWHERE | also | set(view.filters)))
        field = unknown[0] if is_repeatable(unknown[0]) else "query"
        raise Malformed.at(field, "queries are known", f"this list takes {known}")
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
        raise Malformed.at(field, "numbers are whole", "a whole number, 0 or more")
    return int(text)
