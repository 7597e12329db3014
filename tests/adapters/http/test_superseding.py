"""The planned end of an earlier version over HTTP: who asks for it, and where it is seen."""

from datetime import datetime, timedelta

import pytest
from icalendar import Calendar

from tests.adapters.http.test_lineages import PATH, fresh, problem, shown


@pytest.fixture
def renewed(server):
    """A certificate's name, and the answer to its renewal, which superseded the version before in a week."""
    name = fresh()
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    return name, server.done("RenewCertificate", certificate=name, revoke_previous_after_days=7)


def planned(server, name, answer):
    """Return what the calendar says of the certificate's planned end."""
    items = server.get(f"/api/v1/calendar?what=revocation&limit=1000&at_least={answer['position']}").json["items"]
    return [item for item in items if item["name"] == name]


def test_a_planned_end_is_shown_everywhere(server, renewed):
    name, answer = renewed
    assert answer["events"][0]["data"]["supersede_at"]
    (entry,) = planned(server, name, answer)
    assert (entry["kind"], entry["version"], entry["held_up_by"]) == ("certificate", 1, [])
    days = datetime.fromisoformat(entry["at"]) - datetime.fromisoformat(answer["result"]["not_after"])
    assert days < timedelta(0)
    row = shown(server, name, answer).json
    assert row["revocation_due_at"] is None
    assert [other["revocation_due_at"] for other in row["other_versions"]] == [entry["at"]]
    versions = server.get(f"{PATH}/{name}/versions").json["items"]
    assert [version["revocation_due_at"] for version in versions] == [entry["at"], None]
    feed = Calendar.from_ical(server.get("/api/v1/calendar.ics?what=revocation").body.decode())
    (event,) = [event for event in feed.walk("VEVENT") if f" {name} " in str(event["summary"])]
    assert event.decoded("dtstart") == datetime.fromisoformat(entry["at"])
    assert "is revoked in its earlier version" in event["summary"]
    history = server.get(f"{PATH}/{name}/history?type=certificate.supersession_planned.v1").json["items"]
    assert [item["summary"].startswith("version 1 is to be revoked at ") for item in history] == [True]


def test_a_plan_is_replaced_and_withdrawn(server, renewed):
    name, answer = renewed
    (before,) = planned(server, name, answer)
    answer = server.done("PlanSupersession", certificate=name, version=1, after_days=1)
    assert answer["result"]["revocation_due_at"] < before["at"]
    (entry,) = planned(server, name, answer)
    assert entry["at"] == answer["result"]["revocation_due_at"]
    answer = server.done("WithdrawSupersession", certificate=name, serial_number=entry["serial_number"])
    assert (answer["result"]["status"], answer["result"]["revocation_due_at"]) == ("issued", None)
    assert planned(server, name, answer) == []


def test_what_is_revoked_by_hand_or_current_again_stands_there_no_more(server, renewed):
    name, _ = renewed
    answer = server.done("RollBackCertificate", certificate=name, version=1)
    assert planned(server, name, answer) == []
    server.done("PlanSupersession", certificate=name, version=2, after_days=0)
    answer = server.done("RevokeCertificate", certificate=name, version=2, reason="superseded", unless_current=True)
    assert planned(server, name, answer) == []


def test_the_current_version_is_not_superseded(server, renewed):
    name, _ = renewed
    problem(server, "PlanSupersession", 409, "version-served", certificate=name, after_days=1)
    problem(server, "RevokeCertificate", 409, "version-served", certificate=name, unless_current=True)
    problem(server, "PlanSupersession", 422, "rules-broken", certificate=name, version=1, after_days=10**9)
