"""The calendar feed: what calendar programs subscribe to, by a token that opens nothing else."""

from datetime import datetime, timedelta

import pytest
from icalendar import Calendar

from tests.samples import fresh

FEED = "/api/v1/calendar.ics"


@pytest.fixture(scope="module")
def token(server):
    """A token with just the role calendar."""
    return server.done("CreateToken", name=fresh("feed"), roles=["calendar"])["result"]["token"]


@pytest.fixture
def read(server, token):
    """Subscribes as a calendar program does: with nothing but an address; returns the events by UID."""

    def events(query="", *, at_least=0):
        reply = server.get(f"{FEED}?token={token}&at_least={at_least}{query}", token=None)
        assert reply.status == 200, reply.body
        calendar = Calendar.from_ical(reply.body)
        assert calendar.errors == []
        found = calendar.walk("VEVENT")
        assert all(event.errors == [] for event in found)
        assert {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE", "STATUS"} <= set.intersection(*map(set, found))
        return {str(event["uid"]): event for event in found}

    return events


def issue(server, **described):
    """Issue a certificate; return its id, its end and a position from which it is seen."""
    name = fresh("feed")
    answer = server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["feed.example.test"])
    position = answer["position"]
    if described:
        position = server.done("DescribeCertificate", certificate=name, **described)["position"]
    return name, answer["result"], position


def test_an_end_is_an_event_with_alarms_and_a_uid_for_ever(server, read):
    name, made, position = issue(server)
    uid = f"{made['certificate_id']}-1@es-pki"
    event = read(at_least=position)[uid]
    assert (str(event["status"]), int(event["sequence"])) == ("CONFIRMED", 0)
    assert event.decoded("dtstart") == datetime.fromisoformat(made["not_after"])
    triggers = [alarm.decoded("trigger") for alarm in event.walk("VALARM")]
    assert triggers == [timedelta(days=-14), timedelta(days=-3)]
    renamed = server.done("RenameCertificate", certificate=name, name=fresh("renamed"))
    again = read(at_least=renamed["position"])[uid]
    assert (int(again["sequence"]), again.decoded("dtstamp") >= event.decoded("dtstamp")) == (1, True)
    assert read(at_least=renamed["position"])[uid] == again


def test_a_renewal_cancels_the_event_and_so_does_a_revocation(server, read):
    name, made, _ = issue(server)
    first, second = (f"{made['certificate_id']}-{version}@es-pki" for version in (1, 2))
    renewed = server.done("RenewCertificate", certificate=name)
    events = read(at_least=renewed["position"])
    assert (str(events[first]["status"]), int(events[first]["sequence"])) == ("CANCELLED", 1)
    assert events[first].walk("VALARM") == []
    assert (str(events[second]["status"]), int(events[second]["sequence"])) == ("CONFIRMED", 0)
    revoked = server.done("RevokeCertificate", certificate=name, reason="superseded")
    event = read(at_least=revoked["position"])[second]
    assert (str(event["status"]), int(event["sequence"])) == ("CANCELLED", 1)


def test_a_feed_is_of_one_owner_or_label(server, read):
    owner = fresh("owner")
    _, owned, _ = issue(server, owner=owner)
    _, labelled, position = issue(server, labels={"team": owner})
    assert set(read(f"&owner={owner}", at_least=position)) == {f"{owned['certificate_id']}-1@es-pki"}
    assert set(read(f"&labels=team%3D{owner}")) == {f"{labelled['certificate_id']}-1@es-pki"}


def test_only_a_token_that_opens_nothing_else_may_stand_in_the_address(server, token):
    other = server.done("CreateToken", name=fresh("feed"), roles=["calendar", "viewer"])["result"]["token"]
    for opening in (server.token, other, "espki_unknown", ""):
        reply = server.get(f"{FEED}?token={opening}", token=None)
        assert reply.status == 401
        assert not opening or opening.encode() not in reply.body
    assert server.get(FEED, token=token).status == 200
    assert server.get(f"/api/v1/calendar?token={token}", token=None).status == 401


def test_a_revoked_token_opens_no_feed_and_no_token_is_in_a_log_line(server):
    name = fresh("feed")
    opening = server.done("CreateToken", name=name, roles=["calendar"])["result"]["token"]
    assert server.get(f"{FEED}?token={opening}", token=None).status == 200
    server.done("RevokeToken", principal=name)
    assert server.get(f"{FEED}?token={opening}", token=None).status == 401
    assert server.get(f"{FEED}?token={opening}&from=soon", token=None).status == 401
    assert opening not in server.log.read_text()
