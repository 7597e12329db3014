"""A certificate's life over HTTP: renewed, rolled back, renamed, labelled, deleted; with openssl as judge."""

import uuid

import pytest

from tests import openssl

PATH = "/api/v1/certificates"


def fresh():
    return f"l-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def name(server):
    """The name of a new certificate."""
    name = fresh()
    answer = server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    assert shown(server, name, answer).status == 200
    return name


@pytest.fixture(scope="module")
def root(server):
    return server.get("/api/v1/authorities/root").json["certificate_pem"]


def shown(server, name, answer, what=""):
    """Ask about a certificate after an answer."""
    return server.get(f"{PATH}/{name}{what}{'&' if '?' in what else '?'}at_least={answer['position']}")


def problem(server, command, status, code, **body):
    reply = server.command(command, body)
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    return reply.json


def test_a_renewed_certificate_verifies_and_is_what_is_served(server, root, name):
    before = server.get(f"{PATH}/{name}").json
    answer = server.done("RenewCertificate", certificate=name)
    result = answer["result"]
    assert (result["name"], result["version"]) == (name, 2)
    assert openssl.verifies(root, result["certificate_pem"], "-verify_hostname", "www.example.test")
    row = shown(server, name, answer).json
    assert (row["current_version"], row["version"], row["versions"]) == (2, 2, 2)
    assert row["serial_number"] == result["serial_number"] != before["serial_number"]
    assert [other["serial_number"] for other in row["other_versions"]] == [before["serial_number"]]
    assert shown(server, name, answer, "/pem").body.decode() == result["certificate_pem"]


def test_both_versions_stay_visible(server, name):
    first = server.get(f"{PATH}/{name}/pem").body
    answer = server.done("RenewCertificate", certificate=name)
    versions = shown(server, name, answer, "/versions").json["items"]
    assert [(v["version"], v["status"], v["is_current"]) for v in versions] == [
        (1, "issued", False),
        (2, "issued", True),
    ]
    assert shown(server, name, answer, "/pem?version=1").body == first
    history = shown(server, name, answer, "/history").json["items"]
    assert [line["type"] for line in history].count("certificate.prepared.v1") == 2


def public_key_of(pem):
    return openssl.run("x509", "-noout", "-pubkey", text=pem.encode())


@pytest.mark.parametrize("reuse_key", [True, False])
def test_the_key_is_new_unless_it_is_to_stay(server, name, reuse_key):
    before = server.get(f"{PATH}/{name}/pem").body.decode()
    after = server.done("RenewCertificate", certificate=name, reuse_key=reuse_key)["result"]["certificate_pem"]
    assert (public_key_of(before) == public_key_of(after)) == reuse_key


def test_a_renewal_may_change_the_kind_of_key_and_the_days(server, name):
    answer = server.done("RenewCertificate", certificate=name, key_type="ed25519", validity_days=7)
    assert "ED25519" in openssl.text_of(answer["result"]["certificate_pem"])
    assert shown(server, name, answer).json["key_type"] == "ed25519"


def test_a_certificate_whose_key_is_elsewhere_is_renewed_by_a_csr_or_with_the_same_key(server, root, csrs):
    name, csr = fresh(), openssl.new_csr(openssl.KEYS["rsa-2048"], "/CN=www.example.test", "DNS:www.example.test")
    server.done("SignCSR", name=name, authority="intermediate", csr=csrs["ec-p256"])
    problem(server, "RenewCertificate", 409, "key-elsewhere", certificate=name)
    renewed = server.done("RenewCertificate", certificate=name, csr=csr)["result"]["certificate_pem"]
    assert openssl.verifies(root, renewed)
    same = server.done("RenewCertificate", certificate=name, reuse_key=True)["result"]["certificate_pem"]
    assert public_key_of(same) == public_key_of(renewed)
    other = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=x.test", "DNS:x.test")
    refused = problem(server, "RenewCertificate", 422, "rules-broken", certificate=name, csr=other)
    assert {error["field"] for error in refused["errors"]} == {"csr.subject", "csr.subject_alt_names"}


def test_a_key_comes_from_one_place(server, name, csrs):
    problem(server, "RenewCertificate", 409, "key-here", certificate=name, csr=csrs["ec-p256"])
    for both in ({"csr": csrs["ec-p256"], "reuse_key": True}, {"key_type": "ed25519", "reuse_key": True}):
        problem(server, "RenewCertificate", 400, "malformed", certificate=name, **both)


def test_a_self_signed_certificate_is_renewed_as_such_for_as_long_as_before(server):
    name = fresh()
    server.done("SelfSignCertificate", name=name, dns_names=["self.test"], validity_days=3650)
    answer = server.done("RenewCertificate", certificate=name)
    pem = answer["result"]["certificate_pem"]
    assert openssl.verifies(pem, pem, "-check_ss_sig")
    row = shown(server, name, answer).json
    (first,) = row["other_versions"]
    assert row["not_after"] >= first["not_after"]


def test_the_same_renewal_with_the_same_key_is_answered_alike(server, name):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = server.command("RenewCertificate", {"certificate": name}, headers=headers)
    size = server.size()
    again = server.command("RenewCertificate", {"certificate": name}, headers=headers)
    assert again.json["result"] == first.json["result"]
    assert (again.json["events"], server.size()) == ([], size)
    other = server.command("RenewCertificate", {"certificate": name, "validity_days": 3}, headers=headers)
    assert (other.status, other.json["code"]) == (409, "request-reused")
    without = server.done("RenewCertificate", certificate=name)
    assert without["result"]["version"] == 3


def test_a_reissued_certificate_has_the_other_names(server, root, name):
    answer = server.done("ReissueCertificate", certificate=name, dns_names=["a.test"], ip_addresses=["192.0.2.7"])
    assert openssl.verifies(root, answer["result"]["certificate_pem"], "-verify_hostname", "a.test")
    row = shown(server, name, answer).json
    assert row["subject_alt_names"] == {"dns_names": ["a.test"], "ip_addresses": ["192.0.2.7"]}


def test_rolling_back_changes_everything_that_is_served(server, name):
    first = server.get(f"{PATH}/{name}").json
    renewed = server.done("RenewCertificate", certificate=name)
    answer = server.done("RollBackCertificate", certificate=name, version=1)
    row = shown(server, name, answer).json
    for field in ("serial_number", "not_after", "fingerprint", "issued_at"):
        assert row[field] == first[field]
    assert (row["current_version"], row["versions"]) == (1, 2)
    assert [other["version"] for other in row["other_versions"]] == [2]
    found = server.get(f"{PATH}?serial_number={first['serial_number']}").json["items"]
    assert [item["name"] for item in found] == [name]
    calendar = server.get("/api/v1/calendar?limit=1000").json["items"]
    assert [item["serial_number"] for item in calendar if item["name"] == name] == [first["serial_number"]]
    then = server.get(f"{PATH}/{name}/pem?as_of={renewed['position']}").body.decode()
    assert then == renewed["result"]["certificate_pem"]
    problem(server, "RollBackCertificate", 404, "version-missing", certificate=name, version=3)


def test_only_the_current_version_stands_in_the_calendar(server, name):
    answer = server.done("RenewCertificate", certificate=name)
    entries = server.get(f"/api/v1/calendar?limit=1000&at_least={answer['position']}").json["items"]
    assert [(entry["version"]) for entry in entries if entry["name"] == name] == [2]


def test_a_former_name_goes_on_leading_to_the_certificate(server, name):
    new = fresh()
    answer = server.done("RenameCertificate", certificate=name, name=new)
    for known_as in (name, new):
        row = shown(server, known_as, answer).json
        assert (row["name"], row["aliases"]) == (new, [name])
        assert shown(server, known_as, answer, "/pem").status == 200
    assert server.get(f"{PATH}/{new}?as_of={answer['position'] - 2}").status == 404
    assert server.get(f"{PATH}/{name}?as_of={answer['position'] - 2}").json["name"] == name
    problem(server, "RenameCertificate", 409, "name-taken", certificate=new, name="es-pki-api")


def test_a_released_name_is_anothers(server, name):
    new = fresh()
    server.done("RenameCertificate", certificate=name, name=new, keep_former_name=False)
    other = server.done("SelfSignCertificate", name=name, dns_names=["other.test"])
    assert shown(server, name, other).json["id"] == other["result"]["certificate_id"]


def test_certificates_are_found_by_label_and_owner(server, name):
    team = fresh()
    labels = {"environment": "production", "team": team}
    answer = server.done("DescribeCertificate", certificate=name, labels=labels, owner=f"the team {team}")
    after = f"at_least={answer['position']}"
    for query in (f"labels=team={team}", f"owner=the team {team}".replace(" ", "%20")):
        assert [row["name"] for row in server.get(f"{PATH}?{query}&{after}").json["items"]] == [name]
    for query in (f"labels=team={team[:-1]}", f"labels={team}", f"labels=team={team.upper()}", "owner=the"):
        assert server.get(f"{PATH}?{query}").json["items"] == []
    row = server.get(f"{PATH}/{name}").json
    assert (row["labels"], row["owner"]) == (labels, f"the team {team}")
    changed = server.done("DescribeCertificate", certificate=name, labels={"team": None, "tier": "1"})
    assert shown(server, name, changed).json["labels"] == {"environment": "production", "tier": "1"}


def test_a_deleted_certificate_is_only_seen_in_the_past(server, name):
    answer = server.done("DeleteCertificate", certificate=name, reason="out of service")
    row = server.get(f"{PATH}/{name}?as_of={answer['position'] - 3}&at_least={answer['position']}").json
    assert shown(server, name, answer).status == 404
    assert server.get(f"{PATH}/{row['id']}").status == 404
    assert row["id"] not in {item["id"] for item in server.get("/api/v1/calendar?limit=1000").json["items"]}
    again = server.done("SelfSignCertificate", name=name, dns_names=["again.test"])
    assert again["result"]["certificate_id"] != row["id"]
    assert server.done("DeleteCertificate", certificate=row["id"])["events"] == []
    problem(server, "RenewCertificate", 404, "already-deleted", certificate=row["id"])


def test_what_es_pki_uses_itself_is_not_deleted(server):
    refused = problem(server, "DeleteCertificate", 409, "certificate-in-use", certificate="es-pki-api")
    assert "used by es-pki itself" in [error["detail"] for error in refused["errors"]]


def test_a_compromised_key_is_neither_certified_again_nor_made_current_again(server, name):
    server.done("RenewCertificate", certificate=name, reuse_key=True)
    server.done("ReportKeyCompromise", certificate=name, reason="its disk was sold")
    problem(server, "RenewCertificate", 422, "key-compromised", certificate=name, reuse_key=True)
    problem(server, "RollBackCertificate", 409, "version-revoked", certificate=name, version=1)
    answer = server.done("RenewCertificate", certificate=name)
    server.done("ReportKeyCompromise", certificate=name, reason="and this one too")
    assert server.done("RenewCertificate", certificate=name)["result"]["version"] == answer["result"]["version"] + 1


COMMANDS = {
    "RenewCertificate": {},
    "ReissueCertificate": {"dns_names": ["a.test"]},
    "RollBackCertificate": {"version": 1},
    "RenameCertificate": {"name": "x"},
    "DescribeCertificate": {"owner": "x"},
    "DeleteCertificate": {},
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("which", ["nobody", "", "a\0b", "A" * 100_000, "018f0000-0000-7000-8000-00000000dead"])
def test_an_unknown_certificate_is_refused_by_every_command(server, command, which):
    size = server.size()
    refused = problem(server, command, 404, "certificate-missing", certificate=which, **COMMANDS[command])
    assert refused["errors"][0]["field"] == "certificate"
    assert server.size() == size


# Every door against the policy of today

POLICIES = {
    "key_type": {"key_types": ["ed25519"]},
    "profile": {"extended_key_usages": ["client_auth"]},
    "dns_names": {"names": {"permitted": {"dns_names": ["example.org"]}}},
    "validity_days": {"maximum_validity_days": 10},
}


@pytest.fixture(scope="module")
def lineages(server, csrs):
    """An authority, and what it issued while its policy allowed nearly everything."""
    mine, issued, signed = fresh(), fresh(), fresh()
    server.done("CreateAuthority", name=mine, subject={"common_name": mine})
    server.done("IssueCertificate", name=issued, authority=mine, dns_names=["www.example.test"])
    server.done("SignCSR", name=signed, authority=mine, csr=csrs["ec-p256"])
    return mine, issued, signed


@pytest.mark.parametrize("field", POLICIES)
def test_a_policy_holds_at_every_door_from_its_adoption_on(server, csrs, lineages, field):
    mine, issued, signed = lineages
    doors = [
        ("IssueCertificate", {"name": fresh(), "authority": mine, "dns_names": ["www.example.test"]}),
        ("SignCSR", {"name": fresh(), "authority": mine, "csr": csrs["ec-p256"]}),
        ("RenewCertificate", {"certificate": issued}),
        ("RenewCertificate", {"certificate": issued, "reuse_key": True}),
        ("RenewCertificate", {"certificate": signed, "csr": csrs["ec-p256"]}),
        ("ReissueCertificate", {"certificate": issued, "dns_names": ["www.example.test"]}),
    ]
    server.done("SetIssuancePolicy", authority=mine, policy=POLICIES[field])
    size = server.size()
    for command, body in doors:
        refused = problem(server, command, 422, "rules-broken", validity_days=30, **body)
        assert field in {error["field"] for error in refused["errors"]}, command
    assert server.size() == size
