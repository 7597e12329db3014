"""Previews: what would be made is what is made afterwards, everything that speaks is heard, and nothing is made."""

import sqlite3

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tests import openssl
from tests.samples import fresh


@pytest.fixture
def nothing_made(server):
    """Require that the log and the key store are as they were."""

    def state():
        with sqlite3.connect(f"file:{server.folder / 'keys.db'}?mode=ro", uri=True) as keys:
            tables = [name for (name,) in keys.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            counts = [keys.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
            return server.size(), counts

    before = state()
    yield
    assert state() == before


def preview(server, command, **request):
    reply = server.send("POST", "/api/v1/preview", {"command": command, "request": request})
    assert reply.status == 200, reply.body
    return reply.json


def read(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def rules(answer):
    return [(finding["rule"], finding["field"]) for finding in answer["findings"]]


@pytest.mark.parametrize("key_type", [*openssl.KEYS, "ml-dsa-65"])
def test_what_is_shown_is_what_is_made(server, key_type):
    body = {"name": fresh(), "authority": "intermediate", "dns_names": ["www.example.test"], "key_type": key_type}
    answer = preview(server, "IssueCertificate", **body)
    assert (answer["would_be_made"], answer["findings"]) == (True, [])
    shown = read(answer["certificate_pem"])
    made = read(server.done("IssueCertificate", **body)["result"]["certificate_pem"])
    assert (shown.subject, shown.issuer) == (made.subject, made.issuer)
    assert shown.signature_algorithm_oid == made.signature_algorithm_oid
    shown_lasts, made_lasts = (c.not_valid_after_utc - c.not_valid_before_utc for c in (shown, made))
    assert shown_lasts == made_lasts
    of_the_key = "2.5.29.14"  # the subject key identifier: the key that was shown is a stand-in
    shown_extensions, made_extensions = (
        {e.oid.dotted_string: (e.critical, e.value) for e in c.extensions if e.oid.dotted_string != of_the_key}
        for c in (shown, made)
    )
    assert shown_extensions == made_extensions
    contents = answer["certificate"]
    assert (contents["issuer"], contents["profile"], contents["profile_version"]) == ("intermediate", "server", 1)
    assert (contents["key_type"], contents["extended_key_usages"]) == (key_type, ["server_auth"])
    assert contents["subject_alt_names"] == {"dns_names": ["www.example.test"]}


def test_the_issuers_key_has_not_signed_what_is_shown(server, nothing_made):
    body = {"name": fresh(), "authority": "intermediate", "dns_names": ["www.example.test"]}
    pem = preview(server, "IssueCertificate", **body)["certificate_pem"]
    issuer = read(server.get("/api/v1/authorities/intermediate").json["certificate_pem"])
    with pytest.raises(InvalidSignature):
        read(pem).verify_directly_issued_by(issuer)
    assert "DNS:www.example.test" in openssl.text_of(pem)


def test_every_rule_speaks_and_not_only_the_first(server, nothing_made):
    answer = preview(
        server,
        "IssueCertificate",
        name="es-pki-api",
        authority="intermediate",
        subject={"common_name": "other.test", "country": "Denmark"},
        profile="domain-controller",
        dns_names=["*.corp.test"],
        security_identifier="administrator",
        validity_days=399,
    )
    assert not answer["would_be_made"]
    assert rules(answer) == [
        ("subject_is_well_formed", "subject.country"),
        ("security_identifier_is_well_formed", "security_identifier"),
        ("server_common_name_is_among_its_names", "subject.common_name"),
        ("names_are_within_the_profile", "dns_names"),
        ("validity_is_within_the_policy", "validity_days"),
        ("purposes_are_within_the_policy", "profile"),
        ("purposes_are_within_the_policy", "profile"),
        ("accounts_are_within_the_policy", "security_identifier"),
        ("NameTaken", "name"),
    ]
    assert {finding["by"] for finding in answer["findings"]} == {"rules"}
    assert all(finding["blocks"] and finding["source"] and finding["detail"] for finding in answer["findings"])


def test_a_certificate_that_can_not_be_written_is_still_judged(server, nothing_made):
    answer = preview(
        server, "IssueCertificate", name=fresh(), authority="intermediate", dns_names=["a.test"], validity_days=10**9
    )
    assert (answer["would_be_made"], answer["certificate"], answer["certificate_pem"]) == (False, None, None)
    assert rules(answer) == [("RulesBroken", "validity_days")]


@pytest.mark.parametrize(
    "wish",
    [
        {"subject": {"country": "Denmark"}},
        {"subject": {"common_name": ""}},
        {"subject": {"common_name": "x" * 5000}},
        {"subject": {"common_name": "a\u0000b"}},
        {"subject": {"email_address": "ä@b.test"}},
        {"dns_names": ["a..b"]},
        {"dns_names": [f"n{n}.test" for n in range(101)]},
        {"email_addresses": ["ä@b.test"]},
        {"uris": ["http://ä.test/"]},
        {"uris": [""]},
        {"user_principal_names": ["\u0000@b.test"]},
        {"security_identifier": "\u0000"},
        {"profile": "intermediate"},
        {"name": "no spaces"},
        {"validity_days": 0},
    ],
)
def test_whatever_is_wished_for_is_judged_and_not_made(server, nothing_made, wish):
    body = {"name": fresh(), "authority": "intermediate", "dns_names": ["a.test"], **wish}
    answer = preview(server, "IssueCertificate", **body)
    assert not answer["would_be_made"]
    refused = server.command("IssueCertificate", body).json
    named = {(finding["field"], finding["source"]) for finding in answer["findings"] if finding["by"] == "rules"}
    assert named == {(error["field"], error["rule"]) for error in refused["errors"]}


def test_the_linters_speak_of_what_would_be_written(server, nothing_made):
    body = {"name": fresh(), "authority": "intermediate", "dns_names": ["a..b"]}
    found = {finding["by"]: finding for finding in preview(server, "IssueCertificate", **body)["findings"]}
    assert (found["es-pki"]["field"], found["es-pki"]["blocks"]) == ("lint.dns_names_are_host_names", True)


def test_a_csr_is_previewed_with_its_own_key(server, csrs, nothing_made):
    answer = preview(server, "SignCSR", name=fresh(), authority="intermediate", csr=csrs["ec-p384"])
    assert answer["would_be_made"]
    key = openssl.run("req", "-noout", "-pubkey", text=csrs["ec-p384"].encode())
    assert openssl.run("x509", "-noout", "-pubkey", text=answer["certificate_pem"].encode()) == key


def test_a_compromised_key_speaks(server):
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")
    key = openssl.run("req", "-noout", "-pubkey", text=csr.encode())
    server.done("ReportKeyCompromise", public_key=key, reason="stolen")
    answer = preview(server, "SignCSR", name=fresh(), authority="intermediate", csr=csr)
    assert (answer["would_be_made"], rules(answer)) == (False, [("KeyCompromised", "public_key")])


def test_a_certificate_that_signs_for_itself_is_previewed(server, nothing_made):
    answer = preview(server, "SelfSignCertificate", name=fresh(), dns_names=["a.test"], key_type="ed25519")
    assert (answer["would_be_made"], answer["certificate"]["issuer"]) == (True, None)


@pytest.fixture(scope="module")
def renewable(server):
    name = fresh()
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["a.test"], validity_days=30)
    return name


def test_a_renewal_is_previewed_by_the_rules_of_today(server, renewable, nothing_made):
    for wish in ({}, {"reuse_key": True}, {"key_type": "rsa-2048"}):
        answer = preview(server, "RenewCertificate", certificate=renewable, **wish)
        assert (answer["would_be_made"], answer["findings"]) == (True, [])
        assert read(answer["certificate_pem"]).not_valid_after_utc is not None
    answer = preview(server, "RenewCertificate", certificate=renewable, validity_days=400)
    assert rules(answer) == [("validity_is_within_the_policy", "validity_days")]
    answer = preview(server, "ReissueCertificate", certificate=renewable, dns_names=["b.test", "c.test"])
    assert answer["certificate"]["subject_alt_names"] == {"dns_names": ["b.test", "c.test"]}


def test_a_csr_for_other_names_speaks_against_its_renewal(server):
    name = fresh()
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=a.test", "DNS:a.test")
    server.done("SignCSR", name=name, authority="intermediate", csr=csr)
    other = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=b.test", "DNS:b.test")
    answer = preview(server, "RenewCertificate", certificate=name, csr=other)
    assert rules(answer) == [("RulesBroken", "csr.subject"), ("RulesBroken", "csr.subject_alt_names")]
    assert not answer["would_be_made"]


def test_an_authority_is_previewed_by_its_own_rules(server):
    name, profile = fresh("ca"), fresh("profile")
    terms = {
        "is_authority": True,
        "key_usages": ["key_cert_sign", "crl_sign"],
        "extended_key_usages": ["client_auth", "server_auth"],
        "policy_identifiers": ["1.3.6.1.4.1.99999.1"],
        "name_constraints": {"permitted": {"dns_names": ["branch.test"]}},
        "default_validity_days": 700,
        "path_length": 0,
    }
    server.done("DefineProfile", name=profile, terms=terms)
    body = {"name": name, "issuer": "root", "profile": profile, "subject": {"common_name": name}}
    before = server.size()
    answer = preview(server, "CreateAuthority", **body)
    assert (answer["would_be_made"], answer["findings"], server.size()) == (True, [], before)
    assert (answer["certificate"]["profile"], answer["certificate"]["is_authority"]) == (profile, True)
    text = openssl.text_of(answer["certificate_pem"])
    for said in (
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "TLS Web Client Authentication, TLS Web Server Authentication",
        "Policy: 1.3.6.1.4.1.99999.1",
        "DNS:branch.test",
    ):
        assert said in text
    made = server.done("CreateAuthority", **body)["result"]
    shown, made = read(answer["certificate_pem"]), read(made["certificate_pem"])
    assert [e for e in shown.extensions if e.oid != x509.SubjectKeyIdentifier.oid] == [
        e for e in made.extensions if e.oid != x509.SubjectKeyIdentifier.oid
    ]
    row = server.get(f"/api/v1/authorities/{name}?at_least={server.size()}").json
    assert (row["profile"], row["profile_version"]) == (profile, 1)
    taken = preview(server, "CreateAuthority", **body)
    assert (taken["would_be_made"], rules(taken)) == (False, [("NameTaken", "name"), ("NameTaken", "subject")])


def test_every_rule_of_an_authority_speaks(server, nothing_made):
    answer = preview(
        server,
        "CreateAuthority",
        name="root",
        issuer="intermediate",
        profile="server",
        subject={"common_name": "x", "country": "Denmark"},
        path_length=256,
        name_constraints={"permitted": {"dns_names": ["*.x.test"]}},
    )
    assert not answer["would_be_made"]
    assert rules(answer) == [
        ("subject_is_well_formed", "subject.country"),
        ("path_length_is_within_the_issuer", "path_length"),
        ("profile_is_for_authorities", "profile"),
        ("name_constraints_are_well_formed", "name_constraints.permitted.dns_names[0]"),
        ("NameTaken", "name"),
    ]


def test_who_may_not_create_an_authority_may_not_preview_one(server):
    token = server.done("CreateToken", name=fresh("token"), roles=["operator"])["result"]["token"]
    body = {"command": "CreateAuthority", "request": {"name": fresh(), "subject": {"common_name": "x"}}}
    reply = server.send("POST", "/api/v1/preview", body, token=token)
    assert (reply.status, reply.json["code"]) == (403, "not-permitted")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "malformed", "command"),
        ({"command": "CreateToken", "request": {}}, 400, "malformed", "command"),
        ({"command": "IssueCertificate", "request": []}, 400, "malformed", "body"),
        ({"command": "IssueCertificate", "request": {"name": "x"}}, 400, "malformed", "authority"),
        ({"command": "SelfSignCertificate", "request": {"name": "x", "surprise": 1}}, 400, "malformed", "surprise"),
        (
            {"command": "IssueCertificate", "request": {"name": "x", "authority": "nowhere"}},
            404,
            "authority-missing",
            "authority",
        ),
        (
            {"command": "SelfSignCertificate", "request": {"name": "x", "profile": "master"}},
            404,
            "profile-missing",
            "profile",
        ),
        (
            {"command": "RenewCertificate", "request": {"certificate": "nowhere"}},
            404,
            "certificate-missing",
            "certificate",
        ),
    ],
)
def test_what_can_not_be_read_or_found_is_refused_as_the_command_is(server, nothing_made, body, status, code, field):
    reply = server.send("POST", "/api/v1/preview", body)
    assert (reply.status, reply.json["code"], reply.json["errors"][0]["field"]) == (status, code, field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"command":"SignCSR","request":{"name":"\xff"}}'])
def test_what_is_no_json_is_refused(server, body):
    reply = server.send("POST", "/api/v1/preview", body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["code"]) == (400, "malformed")
