"""The expiry calendar as an iCalendar feed (RFC 5545), for calendar programs: all of it, for they read no pages.

Each certificate that was issued has one event with one UID for ever. It is cancelled when another version takes its
place, or when it is revoked; `SEQUENCE` counts what changed. A calendar program sends no token in a header: one with
just the role calendar may stand in the address.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from aiohttp import web
from icalendar import Alarm, Calendar, Event
from msgspec.structs import replace

from es_pki.adapters.http.lists import calendar_query
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.views import Query, ViewStore, every_row
from es_pki.projections import expiry_calendar
from es_pki.projections.expiry_calendar import Row, Version, What

PAGE = 100
"""Entries that are written out before others get their turn."""

END = b"END:VCALENDAR\r\n"

ALARM_DAYS = (14, 3)
"""How long before an end a calendar program reminds of it."""

REFRESH = timedelta(hours=6)
"""How often a calendar program should look (RFC 7986 section 5.7)."""


async def calendar_feed(request: web.Request) -> web.StreamResponse:
    """Answer with an event for each end; `from`, `to` and filters as for the calendar.

    A token with just the role calendar may be given as `token` too.
    """
    query = replace(await calendar_query(request), limit=PAGE)
    written = [_head().to_ical().removesuffix(END)]
    written += [event.to_ical() async for event in _events(request.app[PARTS].views, query)]
    return web.Response(
        body=b"".join((*written, END)),
        content_type="text/calendar",
        charset="utf-8",
        headers={"Cache-Control": "private"},
    )


def _head() -> Calendar:
    feed = Calendar()
    feed.add("prodid", "-//es-pki//expiry calendar//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("name", "es-pki")
    feed.add("x-wr-calname", "es-pki")
    feed.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    return feed


async def _events(views: ViewStore, query: Query) -> AsyncIterator[Event]:
    """Yield the events of the rows: also those of versions that a row's current one has replaced."""

    def is_within(ends: datetime) -> bool:
        return (query.since is None or query.since <= ends) and (query.until is None or ends < query.until)

    for signed in ("yes", "revoked"):
        wanted = replace(query, filters={**query.filters, "signed": signed}, until=None)
        async for row in every_row(views, expiry_calendar.view, wanted):
            if is_within(row.at):
                yield _of_row(row)
            for version in row.other_versions:
                if version.was_current and is_within(version.not_after):
                    yield _event(row, version, "was replaced")


def _of_row(row: Row) -> Event:
    if row.what is What.REVOCATION:
        return _planned(row)
    return _current(row) if row.signed == "yes" else _event(row, row, "was revoked")


def _planned(row: Row) -> Event:
    waiting = f", still served by {', '.join(row.held_up_by)}" if row.held_up_by else ""
    what = f"is revoked in its earlier version{waiting}"
    event = _event(row, row, what, at=row.at, mark="-revocation")
    event["status"] = "CONFIRMED"
    return event


def _current(row: Row) -> Event:
    event = _event(row, row, "expires")
    event["status"] = "CONFIRMED"
    for days in ALARM_DAYS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", timedelta(days=-days))
        alarm.add("description", f"{row.kind} {row.name} expires in {days} days")
        event.add_component(alarm)
    return event


def _event(row: Row, version: Version, what: str, *, at: datetime | None = None, mark: str = "") -> Event:
    event = Event()
    event.add("uid", f"{row.id}-{version.version}{mark}@es-pki")
    event.add("dtstamp", version.changed_at)
    event.add("last-modified", version.changed_at)
    event.add("sequence", version.sequence)
    event.add("dtstart", at or version.not_after)
    event.add("summary", f"{row.kind} {row.name} {what}")
    event.add("description", f"version {version.version}, serial number {version.serial_number}")
    event.add("status", "CANCELLED")
    event.add("transp", "TRANSPARENT")
    return event
