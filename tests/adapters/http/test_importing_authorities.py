"""Authorities from elsewhere over HTTP: with their key they issue here, without it they only stand above others."""

import pytest
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus

from tests import ocsp, openssl
from tests.adapters.x509.reading.made import Made
from tests.samples import fresh
from tests.serving import wait_for


@pytest.fixture
def made(tmp_path):
    """A root and an intermediate of their own for each test: an authority's subject is taken once."""
    return Made(tmp_path, fresh("Elsewhere"))


def body(made, name, *, key=False):
    sent = {"name": fresh(name), "certificate": made.read(f"{name}.pem").decode()}
    return {**sent, "private_key": made.read(f"{name}.key").decode()} if key else sent


def issue(server, authority, **more):
    return server.command(
        "IssueCertificate", {"name": fresh(), "authority": authority, "dns_names": ["www.example.test"], **more}
    )


def test_an_authority_with_its_key_issues_and_openssl_accepts_the_chain(server, made):
    root, intermediate = body(made, "root"), body(made, "intermediate", key=True)
    server.done("ImportAuthority", **root)
    answer = server.done("ImportAuthority", **intermediate)
    assert [event["type"] for event in answer["events"]] == [
        "authority.imported.v1",
        "authority.issuance_policy_adopted.v1",
    ]
    chain = issue(server, intermediate["name"]).json["result"]["certificate_pem"]
    assert chain.count("BEGIN CERTIFICATE") == 2
    assert openssl.verifies(made.read("root.pem").decode(), chain)
    row = server.get(f"/api/v1/authorities/{intermediate['name']}?at_least={server.size()}").json
    assert (row["imported"], row["key_is_here"], row["path_length"], row["status"]) == ("yes", True, 0, "active")
    bundle = server.get(f"/api/v1/authorities/{intermediate['name']}/bundle").body.decode()
    assert bundle.endswith(made.read("root.pem").decode())


def test_an_authority_without_its_key_signs_nothing(server, made):
    root = body(made, "root")
    server.done("ImportAuthority", **root)
    reply = issue(server, root["name"])
    assert (reply.status, reply.json["code"]) == (409, "authority-key-elsewhere")
    below = {"name": fresh("ca"), "subject": {"common_name": fresh("ca")}, "issuer": root["name"]}
    assert server.command("CreateAuthority", below).json["code"] == "authority-key-elsewhere"


def test_the_same_again_changes_nothing(server, made):
    root = body(made, "root", key=True)
    server.done("ImportAuthority", **root)
    again = server.done("ImportAuthority", **root)
    assert (again["events"], again["result"]["is_new"], again["result"]["key_is_here"]) == ([], False, True)
    other = {**body(made, "intermediate"), "name": root["name"]}
    assert server.command("ImportAuthority", other).json["code"] == "name-taken"
    assert server.command("ImportAuthority", {**root, "name": fresh()}).json["code"] == "name-taken"


def test_the_key_of_one_that_was_imported_without_it_may_come_later(server, made):
    intermediate = body(made, "intermediate")
    server.done("ImportAuthority", **intermediate)
    strange = {**intermediate, "private_key": made.read("root.key").decode()}
    assert server.command("ImportAuthority", strange).json["errors"][0]["field"] == "private_key"
    assert issue(server, intermediate["name"]).json["code"] == "authority-key-elsewhere"
    answer = server.done("ImportAuthority", **intermediate, private_key=made.read("intermediate.key").decode())
    assert [event["type"] for event in answer["events"]] == ["authority.key_imported.v1"]
    assert (answer["result"]["is_new"], answer["result"]["key_is_new"], answer["result"]["key_is_here"]) == (
        False,
        True,
        True,
    )
    path = f"/api/v1/authorities/{intermediate['name']}"
    row = server.get(f"{path}?at_least={answer['position']}").json
    assert (row["key_is_here"], row["imported"]) == (True, "yes")
    summaries = [item["summary"] for item in server.get(f"{path}/history").json["items"]]
    assert "its private key is here: it may sign" in summaries
    chain = issue(server, intermediate["name"]).json["result"]["certificate_pem"]
    assert openssl.verifies(made.read("root.pem").decode(), chain + made.read("intermediate.pem").decode())
    wait_for(lambda: server.fetch(f"/pki/{intermediate['name']}/crl").status == 200)
    again = server.done("ImportAuthority", **intermediate, private_key=made.read("intermediate.key").decode())
    assert again["events"] == []


def test_a_key_that_was_reported_as_compromised_is_not_taken_later(server, made):
    root = body(made, "root")
    server.done("ImportAuthority", **root)
    server.done("ReportKeyCompromise", authority=root["name"], reason="stolen")
    reply = server.command("ImportAuthority", body(made, "root", key=True) | {"name": root["name"]})
    assert reply.json["code"] == "key-compromised"


def test_its_path_length_and_name_constraints_bind_what_is_issued_under_it(server, made):
    made.key("bound", "ec-p256")
    constraints = ("-addext", "nameConstraints=critical,permitted;DNS:example.test,excluded;DNS:not.example.test")
    made.certificate("bound", "root", f"/CN={fresh('Bound')}", "CA:TRUE,pathlen:0", *constraints)
    bound = body(made, "bound", key=True)
    server.done("ImportAuthority", **bound)
    assert issue(server, bound["name"]).status == 200
    for name in ("www.example.org", "not.example.test"):
        assert issue(server, bound["name"], dns_names=[name]).json["code"] == "rules-broken"
    below = {"name": fresh("ca"), "subject": {"common_name": fresh("ca")}, "issuer": bound["name"]}
    assert server.command("CreateAuthority", below).json["errors"][0]["field"] == "issuer"


def test_what_it_issued_before_is_renewed_by_it(server, made):
    intermediate = body(made, "intermediate", key=True)
    server.done("ImportAuthority", **intermediate)
    name = fresh()
    made.key(name, "ec-p256")
    usage = ("-addext", "extendedKeyUsage=serverAuth", "-addext", "subjectAltName=DNS:old.example.test")
    leaf = made.certificate(name, "intermediate", "/CN=old.example.test", "CA:FALSE", *usage).decode()
    key = made.read(f"{name}.key").decode()
    imported = server.done("ImportCertificate", name=name, certificate=leaf, private_key=key)
    assert imported["result"]["authority_id"]
    renewed = server.done("RenewCertificate", certificate=name)["result"]
    assert renewed["version"] == 2
    assert openssl.verifies(
        made.read("root.pem").decode(), renewed["certificate_pem"] + made.read("intermediate.pem").decode()
    )


def test_what_is_no_authority_is_none(server, made):
    reply = server.command("ImportAuthority", body(made, "leaf", key=True))
    assert (reply.json["code"], reply.json["errors"][0]["field"]) == ("rules-broken", "certificate")


def test_nothing_is_signed_with_keys_that_are_not_made_here(server, made):
    made.key("odd", "ed448")
    made.certificate("odd", "odd", f"/CN={fresh('Odd')}", "CA:TRUE")
    reply = server.command("ImportAuthority", body(made, "odd", key=True))
    assert (reply.json["code"], reply.json["errors"][0]["field"]) == ("rules-broken", "private_key")
    assert server.done("ImportAuthority", **body(made, "odd"))["result"]["key_is_here"] is False


def test_it_is_asked_for_the_status_of_what_it_issued_here_and_of_what_came_with_it(server, made):
    intermediate = body(made, "intermediate", key=True)
    server.done("ImportAuthority", **intermediate)
    name = fresh()
    made.key(name, "ec-p256")
    made.certificate(name, "intermediate", f"/CN={name}.example.test", "CA:FALSE")
    brought = {"name": name, "certificate": made.read(f"{name}.pem").decode()}
    server.done("ImportCertificate", **brought)
    chains = [
        brought["certificate"] + intermediate["certificate"],
        issue(server, intermediate["name"]).json["result"]["certificate_pem"],
    ]
    for about in map(ocsp.read, chains):
        reply = ocsp.ask(server, ocsp.question(about), intermediate["name"])
        assert ocsp.status(reply, about) is OCSPCertStatus.GOOD
    server.done("RevokeCertificate", certificate=name, reason="superseded")
    about = ocsp.read(chains[0])
    asked = ocsp.question(about)
    wait_for(lambda: ocsp.status(ocsp.ask(server, asked, intermediate["name"]), about) is OCSPCertStatus.REVOKED)


def test_without_its_key_nobody_here_answers_for_it(server, made):
    root, intermediate = body(made, "root"), body(made, "intermediate")
    server.done("ImportAuthority", **root)
    about = ocsp.read(intermediate["certificate"] + root["certificate"])
    reply = ocsp.ask(server, ocsp.question(about), root["name"])
    assert ocsp.answer(reply).response_status is OCSPResponseStatus.UNAUTHORIZED
