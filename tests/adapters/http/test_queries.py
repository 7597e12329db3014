"""The views over HTTP: lists, one by id or name, the past, the calendar, and certificates in every form."""

import datetime
import subprocess
import time
import uuid

import pytest
from icalendar import Calendar

from es_pki.adapters.http.server import PATIENCE
from tests import openssl, serving

PEM, DER, PKCS7 = "application/pem-certificate-chain", "application/pkix-cert", "application/pkcs7-mime"


@pytest.fixture(scope="module")
def issued(server):
    """A certificate: its answer and its name."""
    name = f"q-{uuid.uuid4().hex[:12]}"
    answer = server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["q.example.test"])
    return {**answer, "name": name, "id": answer["result"]["certificate_id"]}


def at_least(answer):
    return f"at_least={answer['position']}"


def test_one_reads_ones_own_writes(server):
    for number in range(20):
        name = f"own-{uuid.uuid4().hex[:12]}"
        answer = server.done("SelfSignCertificate", name=name, dns_names=[f"h{number}.test"])
        assert server.get(f"/api/v1/certificates/{name}?{at_least(answer)}").json["status"] == "issued"


def test_a_position_that_is_not_there_yet_is_waited_for_in_vain(server):
    reply = server.get("/api/v1/certificates?at_least=999999999")
    assert (reply.status, reply.json["code"]) == (503, "views-behind")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_certificate_is_found_by_id_and_by_name(server, issued, by):
    row = server.get(f"/api/v1/certificates/{issued[by]}?{at_least(issued)}").json
    assert (row["id"], row["name"]) == (issued["id"], issued["name"])
    assert row["serial_number"] == issued["result"]["serial_number"]
    assert row["subject_alt_names"] == {"dns_names": ["q.example.test"]}
    assert row["key_is_here"] is True


def test_a_list_is_read_page_by_page_without_loss(server, issued):
    found, cursor = [], None
    while True:
        page = server.get(f"/api/v1/certificates?limit=3{f'&cursor={cursor}' if cursor else ''}").json
        found += [row["id"] for row in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    whole = [row["id"] for row in server.get("/api/v1/certificates?limit=1000").json["items"]]
    assert found == whole
    assert len(set(found)) == len(found)


def test_a_list_is_filtered(server, issued):
    serial_number = issued["result"]["serial_number"]
    rows = server.get(f"/api/v1/certificates?serial_number={serial_number}&{at_least(issued)}").json["items"]
    assert [row["id"] for row in rows] == [issued["id"]]
    assert server.get("/api/v1/certificates?status=failed").json["items"] == []


def test_the_past_is_shown_as_it_was(server, issued):
    prepared = issued["position"] - 3
    path = f"/api/v1/certificates/{issued['name']}"
    assert server.get(f"{path}?as_of={issued['position']}&{at_least(issued)}").json["status"] == "issued"
    assert server.get(f"{path}?as_of={issued['position'] - 1}").json["status"] == "prepared"
    assert server.get(f"{path}?as_of={prepared - 1}").status == 404
    now = datetime.datetime.now(datetime.UTC).isoformat().replace("+", "%2B")
    assert server.get(f"{path}?as_of={now}").json["status"] == "issued"
    assert server.get(f"{path}?as_of=2020-01-01").status == 404


def test_a_list_of_the_past_has_what_was_there(server, issued):
    before = server.get(f"/api/v1/certificates?limit=1000&as_of={issued['position'] - 4}&{at_least(issued)}").json
    after = server.get(f"/api/v1/certificates?limit=1000&as_of={issued['position']}").json
    new = {row["id"] for row in after["items"]} - {row["id"] for row in before["items"]}
    assert new == {issued["id"]}


def test_the_history_says_who_did_what(server, issued):
    lines = server.get(f"/api/v1/certificates/{issued['id']}/history?{at_least(issued)}").json["items"]
    assert [line["type"] for line in lines] == ["certificate.prepared.v1", "certificate.issued.v1"]
    assert {line["actor"] for line in lines} == {"admin"}
    authority = server.get("/api/v1/authorities/root/history").json["items"]
    assert [line["type"] for line in authority][:2] == ["authority.prepared.v1", "authority.created.v1"]


def test_the_calendar_has_what_ends_soonest_first(server, issued):
    items = server.get(f"/api/v1/calendar?limit=1000&{at_least(issued)}").json["items"]
    times = [item["at"] for item in items]
    assert times == sorted(times)
    assert {"authority", "certificate"} == {item["kind"] for item in items}
    mine = next(item for item in items if item["id"] == issued["id"])
    assert mine["not_after"] == issued["result"]["not_after"]


def test_the_calendar_is_bounded_by_from_and_to(server, issued):
    end = issued["result"]["not_after"]
    inside = server.get(f"/api/v1/calendar?limit=1000&from={end}&{at_least(issued)}").json["items"]
    outside = server.get(f"/api/v1/calendar?limit=1000&to={end}").json["items"]
    assert issued["id"] in {item["id"] for item in inside}
    assert issued["id"] not in {item["id"] for item in outside}


def test_the_calendar_comes_as_icalendar(server, issued):
    reply = server.get(f"/api/v1/calendar.ics?{at_least(issued)}")
    assert reply.headers["content-type"].startswith("text/calendar")
    uids = {str(event["uid"]) for event in Calendar.from_ical(reply.body).walk("VEVENT")}
    assert f"{issued['id']}-1@es-pki" in uids


def test_a_certificate_comes_in_the_form_that_is_asked_for(server, issued):
    path = f"/api/v1/certificates/{issued['name']}/pem?{at_least(issued)}"
    pem = server.get(path, headers={"Accept": PEM})
    assert pem.headers["content-type"] == PEM
    assert pem.body.decode() == issued["result"]["certificate_pem"]
    assert pem.body.count(b"BEGIN CERTIFICATE") == 2
    der = server.get(path, headers={"Accept": DER})
    assert (
        subprocess.run(["openssl", "x509", "-inform", "DER"], input=der.body, capture_output=True, check=True).stdout
        == pem.body[: pem.body.index(b"-----END CERTIFICATE-----") + 26]
    )
    pkcs7 = server.get(path, headers={"Accept": PKCS7})
    shown = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=pkcs7.body, capture_output=True, check=True
    ).stdout
    assert shown.count(b"BEGIN CERTIFICATE") == 2
    assert server.get(path).headers["content-type"] == PEM
    assert server.get(path, headers={"Accept": "text/html"}).status == 406


def test_the_chain_ends_with_the_root(server, issued):
    chain = server.get(f"/api/v1/certificates/{issued['name']}/chain").body.decode()
    root = server.get("/api/v1/authorities/root").json["certificate_pem"]
    assert chain.endswith(root)
    assert chain.count("BEGIN CERTIFICATE") == 2


def test_the_versions_of_a_certificate_are_listed(server, issued):
    (version,) = server.get(f"/api/v1/certificates/{issued['name']}/versions").json["items"]
    assert (version["version"], version["status"]) == (1, "issued")
    assert server.get(f"/api/v1/certificates/{issued['name']}/pem?version=2").status == 404


def test_the_audit_trail_has_every_record(server, issued):
    records = server.get(f"/api/v1/events?after={issued['position'] - 4}&limit=4").json["items"]
    assert [r["position"] for r in records] == list(range(issued["position"] - 3, issued["position"] + 1))
    assert records[0]["data"]["name"] == issued["name"]
    assert records[0]["metadata"] == {"actor": "admin", "command": "IssueCertificate"}
    only = server.get(f"/api/v1/events?stream=certificate-{issued['id']}").json["items"]
    assert len(only) == 2
    types = server.get("/api/v1/events?type=principal.token_created.v1").json["items"]
    assert {r["type"] for r in types} == {"principal.token_created.v1"}


def test_events_are_sent_as_they_happen(server):
    command = [
        *("curl", "-sN", "--max-time", "20", "--cacert", str(server.folder / "ca.pem"), "-H", "@-"),
        f"{server.url}/api/v1/events/stream?after={server.size()}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listener:
        listener.stdin.write(f"Authorization: Bearer {server.token}\n".encode())
        listener.stdin.close()
        time.sleep(0.3)
        server.done("SelfSignCertificate", name=f"live-{uuid.uuid4().hex[:12]}", dns_names=["live.test"])
        lines = [listener.stdout.readline() for _ in range(2)]
        listener.kill()
    assert lines[0].startswith(b"id: ")
    assert lines[1] == b"event: certificate.prepared.v1\n"


def test_a_listener_does_not_keep_a_server_from_stopping(tmp_path):
    with serving.running(tmp_path / "data") as server:
        command = ["curl", "-sN", "--cacert", str(server.folder / "ca.pem"), "-H", "@-"]
        command.append(f"{server.url}/api/v1/events/stream?after={server.size() - 1}")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listener:
            listener.stdin.write(f"Authorization: Bearer {server.token}\n".encode())
            listener.stdin.close()
            assert listener.stdout.readline().startswith(b"id: ")
            server.process.terminate()
            assert listener.stdout.read().endswith(b"\n\n")
            assert server.process.wait(PATIENCE / 2) == 0


def test_an_authority_is_published_over_plain_http(server):
    der = server.fetch("/pki/root/ca.crt")
    assert (der.status, der.headers["content-type"]) == (200, DER)
    pem = server.fetch("/pki/root/ca.crt", headers={"Accept": PEM}).body.decode()
    assert pem == (server.folder / "ca.pem").read_text()


def test_nothing_of_the_management_is_public(server):
    for path in ("/api/v1/certificates", "/api/v1/commands", "/openapi.json", "/"):
        assert server.fetch(path, headers={"Authorization": f"Bearer {server.token}"}).status == 404


def test_health_needs_no_token(server):
    assert server.get("/healthz", token=None).json == {"status": "alive"}
    ready = server.get("/readyz", token=None)
    assert (ready.status, ready.json["status"]) == (200, "ready")


def test_the_server_shows_a_certificate_of_its_own_authority(server):
    host = server.url.removeprefix("https://")
    shown = openssl.run(
        *("s_client", "-connect", host, "-servername", "localhost", "-verify_return_error", "-brief"),
        *("-CAfile", str(server.folder / "ca.pem"), "-verify_hostname", "localhost"),
    )
    assert shown == ""  # -brief speaks on standard error; the exit status is the judgement


def test_nothing_is_outstanding(server):
    assert server.get("/api/v1/reactions").json == {"items": []}
