"""The expiry calendar as an iCalendar feed (RFC 5545), for calendar programs: all of it, for they read no pages."""

from datetime import datetime

from aiohttp import web
from icalendar import Calendar, Event
from msgspec.structs import replace

from es_pki.adapters.http.lists import calendar_query
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.views import every_row
from es_pki.projections import expiry_calendar

PAGE = 100
"""Entries that are written out before others get their turn."""

END = b"END:VCALENDAR\r\n"


async def calendar_feed(request: web.Request) -> web.StreamResponse:
    """Answer with an event for each expiry and each revocation that is planned; `from` and `to` as for the calendar."""
    parts, query = request.app[PARTS], replace(await calendar_query(request), limit=PAGE)
    feed = Calendar()
    feed.add("prodid", "-//es-pki//expiry calendar//EN")
    feed.add("version", "2.0")
    now = parts.now()
    written = [feed.to_ical().removesuffix(END)]
    written += [_expiry(row, now).to_ical() async for row in every_row(parts.views, expiry_calendar.view, query)]
    return web.Response(body=b"".join((*written, END)), content_type="text/calendar", charset="utf-8")


def _expiry(row: expiry_calendar.Row, now: datetime) -> Event:
    event = Event()
    is_expiry = row.what is expiry_calendar.What.EXPIRY
    told = f"version {row.version}, serial number {row.serial_number}"
    waiting = f", still served by {', '.join(row.held_up_by)}" if row.held_up_by else ""
    event.add("uid", f"{row.id}-{row.version}{'' if is_expiry else '-revocation'}@es-pki")
    event.add("dtstamp", now)
    event.add("dtstart", row.at)
    event.add("summary", f"{row.kind} {row.name} {'expires' if is_expiry else 'is revoked in its earlier version'}")
    event.add("description", told + waiting)
    return event
