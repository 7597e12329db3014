"""Lists and the calendar, where the clock and the views' pace matter."""

import pytest
from icalendar import Calendar

from es_pki.adapters.http import calendar_feed
from es_pki.adapters.http.parts import PARTS
from es_pki.projections import inventory
from tests.adapters.http.test_live import command
from tests.serving import PATIENCE


@pytest.fixture
def parts(inside):
    return inside.server.app[PARTS]


async def issued(inside, parts, name):
    """Issue a certificate; return the log position at which the views show it."""
    await command(inside, "SelfSignCertificate", name=name, dns_names=["lists.test"], validity_days=1)
    position = (await parts.log.head()).size
    assert await parts.follower.reached(position, PATIENCE)
    return position


async def names(inside, query):
    async with inside.get(f"/api/v1/calendar?{query}") as reply:
        return {item["name"] for item in (await reply.json())["items"]}


async def test_the_calendar_of_the_past_begins_in_the_past(inside, parts, wall_clock):
    position = await issued(inside, parts, "short-lived")
    then = wall_clock().isoformat().replace("+00:00", "Z")
    wall_clock.days = 30
    assert "short-lived" not in await names(inside, "")
    assert "short-lived" in await names(inside, f"as_of={position}")
    assert "short-lived" in await names(inside, f"as_of={then}")
    assert "short-lived" in await names(inside, "from=2020-01-01")
    assert await names(inside, "as_of=2200-01-01T00:00:00Z") == set()
    assert "root" in await names(inside, "as_of=999999999")


async def test_a_calendar_program_gets_everything_however_many_pages_it_is(inside, parts, monkeypatch):
    monkeypatch.setattr(calendar_feed, "PAGE", 2)
    for number in range(5):
        await issued(inside, parts, f"feed-{number}")
    async with inside.get("/api/v1/calendar.ics") as reply:
        events = Calendar.from_ical(await reply.read()).walk("VEVENT")
    assert len({str(event["uid"]) for event in events}) == len(events) == 7


async def test_the_position_of_a_list_is_never_newer_than_its_rows(inside, parts, monkeypatch):
    find = parts.views.find

    async def overtaken(view, query):
        found = await find(view, query)
        if view is inventory.view:
            await issued(inside, parts, "meanwhile")
        return found

    monkeypatch.setattr(parts.views, "find", overtaken)
    async with inside.get("/api/v1/certificates") as reply:
        page = await reply.json()
    assert page["items"] == []
    async with inside.get(f"/api/v1/events?after={page['position']}&type=certificate.issued.v1") as reply:
        assert len((await reply.json())["items"]) == 1
