"""The expiry calendar as an iCalendar feed (RFC 5545), for calendar programs."""

from aiohttp import web
from icalendar import Calendar, Event

from es_pki.adapters.http.lists import calendar_rows
from es_pki.adapters.http.parts import PARTS
from es_pki.projections import expiry_calendar


async def calendar_feed(request: web.Request) -> web.StreamResponse:
    """Answer with an event for each expiry; `from`, `to` and `limit` as for the calendar."""
    rows, _, _ = await calendar_rows(request)
    feed = Calendar()
    feed.add("prodid", "-//es-pki//expiry calendar//EN")
    feed.add("version", "2.0")
    for row in rows:
        feed.add_component(_expiry(row, request))
    return web.Response(body=feed.to_ical(), content_type="text/calendar", charset="utf-8")


def _expiry(row: expiry_calendar.Row, request: web.Request) -> Event:
    event = Event()
    event.add("uid", f"{row.id}-{row.version}@es-pki")
    event.add("dtstamp", request.app[PARTS].now())
    event.add("dtstart", row.not_after)
    event.add("summary", f"{row.kind} {row.name} expires")
    event.add("description", f"version {row.version}, serial number {row.serial_number}")
    return event
