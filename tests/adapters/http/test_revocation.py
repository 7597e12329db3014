"""Revocation over HTTP: what is asked for, what is answered, and who shows it."""

import pytest

from tests.samples import fresh

PATH = "/api/v1/certificates"


@pytest.fixture
def name(server):
    name = fresh()
    answer = server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    assert server.get(f"{PATH}/{name}?at_least={answer['position']}").status == 200
    return name


def problem(server, command, status, code, **body):
    reply = server.command(command, body)
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    return reply.json


def revocations(server, answer, **filters):
    query = "&".join(f"{field}={value}" for field, value in filters.items())
    return server.get(f"/api/v1/revocations?{query}&at_least={answer['position']}").json["items"]


def test_a_revocation_is_seen_everywhere(server, name):
    answer = server.done("RevokeCertificate", certificate=name, reason="superseded")
    result = answer["result"]
    assert (result["status"], result["version"], result["reason"]) == ("revoked", 1, "superseded")
    row = server.get(f"{PATH}/{name}?at_least={answer['position']}").json
    told = row["status"], row["reason"], row["revoked_at"]
    assert told == ("revoked", "superseded", result["revoked_at"])
    listed = server.get(f"{PATH}?reason=superseded&status=revoked&name={name}").json["items"]
    assert [item["id"] for item in listed] == [row["id"]]
    (version,) = server.get(f"{PATH}/{name}/versions").json["items"]
    assert (version["status"], version["reason"]) == ("revoked", "superseded")
    (found,) = revocations(server, answer, serial_number=row["serial_number"])
    assert (found["id"], found["status"], found["revoked_by"]) == (row["id"], "revoked", "admin")
    assert row["id"] not in {item["id"] for item in server.get("/api/v1/calendar?limit=1000").json["items"]}
    history = server.get(f"{PATH}/{name}/history").json["items"]
    assert history[-1]["summary"].startswith("version 1: superseded")


def test_a_second_revocation_is_answered_by_the_firsts_facts(server, name):
    first = server.done("RevokeCertificate", certificate=name, reason="superseded")
    again = server.done("RevokeCertificate", certificate=name, reason="superseded")
    assert (again["result"], again["events"]) == (first["result"], [])
    refused = problem(server, "RevokeCertificate", 409, "already-revoked", certificate=name, reason="keyCompromise")
    assert first["result"]["revoked_at"][:10] in refused["detail"]


def test_a_certificate_is_held_and_released(server, name):
    answer = server.done("HoldCertificate", certificate=name)
    assert answer["result"]["reason"] == "certificateHold"
    (found,) = revocations(server, answer, name=name, status="held")
    calendar = server.get("/api/v1/calendar?limit=1000").json["items"]
    assert found["id"] in {item["id"] for item in calendar}
    answer = server.done("ReleaseCertificate", certificate=name)
    assert (answer["result"]["status"], answer["result"]["revoked_at"]) == ("issued", None)
    assert revocations(server, answer, name=name) == []
    row = server.get(f"{PATH}/{name}").json
    assert (row["status"], row["reason"], row["revoked_at"]) == ("issued", None, None)
    assert len(server.get(f"/api/v1/revocations?name={name}&as_of={answer['position'] - 1}").json["items"]) == 1


def test_a_version_is_found_by_its_serial_number_however_it_is_written(server, name):
    before = server.get(f"{PATH}/{name}").json["serial_number"]
    server.done("RenewCertificate", certificate=name)
    written = ":".join(before[i : i + 2] for i in range(0, len(before), 2)).upper()
    answer = server.done("RevokeCertificate", certificate=name, serial_number=written, reason="superseded")
    assert (answer["result"]["version"], answer["result"]["serial_number"]) == (1, before)
    row = server.get(f"{PATH}/{name}?at_least={answer['position']}").json
    assert (row["status"], row["other_versions"][0]["status"]) == ("issued", "revoked")
    problem(server, "RollBackCertificate", 409, "version-revoked", certificate=name, version=1)


@pytest.mark.parametrize("text", ["", "xyz", "-1", "1" * 65, "0x", "é"])
def test_a_serial_number_is_hex(server, name, text):
    problem(server, "RevokeCertificate", 400, "malformed", certificate=name, serial_number=text)


def test_a_compromised_key_is_blocked_with_the_revocation(server, name):
    server.done("RevokeCertificate", certificate=name, reason="keyCompromise")
    problem(server, "RenewCertificate", 422, "key-compromised", certificate=name, reuse_key=True)
    answer = server.done("RenewCertificate", certificate=name)
    assert answer["result"]["version"] == 2


def test_a_deleted_certificate_is_revoked_by_its_id(server, name):
    deleted = server.done("DeleteCertificate", certificate=name)["result"]["certificate_id"]
    answer = server.done("RevokeCertificate", certificate=deleted, reason="cessationOfOperation")
    assert [row["id"] for row in revocations(server, answer, id=deleted)] == [deleted]


def test_a_revoked_authority_issues_nothing_nor_does_one_below_it(server):
    upper, lower = fresh("ca"), fresh("ca")
    server.done("CreateAuthority", name=upper, subject={"common_name": upper}, issuer="root", path_length=0)
    problem(server, "RevokeAuthority", 409, "root-unrevocable", authority="root")
    answer = server.done("RevokeAuthority", authority=upper, reason="cessationOfOperation")
    row = server.get(f"/api/v1/authorities/{upper}?at_least={answer['position']}").json
    assert (row["status"], row["reason"]) == ("revoked", "cessationOfOperation")
    problem(server, "IssueCertificate", 409, "issuer-revoked", name=fresh(), authority=upper, dns_names=["a.test"])
    body = {"name": lower, "subject": {"common_name": lower}, "issuer": upper}
    problem(server, "CreateAuthority", 409, "issuer-revoked", **body)
    (found,) = revocations(server, answer, kind="authority", id=row["id"])
    assert (found["authority_id"], found["serial_number"]) == (row["issuer_id"], row["serial_number"])


def test_a_self_signed_certificate_is_not_revoked(server):
    name = fresh()
    server.done("SelfSignCertificate", name=name, dns_names=["self.test"])
    problem(server, "RevokeCertificate", 409, "issued-elsewhere", certificate=name)


def test_what_uses_a_compromised_key_is_revoked(server, csrs):
    names = [fresh(), fresh()]
    for name in names:
        answer = server.done("SignCSR", name=name, authority="intermediate", csr=csrs["ec-p384"])
    answer = server.done("RevokeCertificate", certificate=names[0], reason="keyCompromise")
    found = [row for name in names for row in revocations(server, answer, name=name)]
    assert [(row["name"], row["reason"]) for row in found] == [(name, "keyCompromise") for name in names]
    again = server.done("RevokeCertificate", certificate=names[1], reason="keyCompromise")
    assert again["events"] == []
