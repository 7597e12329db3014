"""Profiles over HTTP: what certificates of each carry, read by openssl and `cryptography`, and how others are added."""

import secrets

import pytest
from cryptography import x509

from es_pki.commands.built_in import BUILT_IN
from tests import openssl
from tests.samples import fresh

SID = "S-1-5-21-3623811015-3361044348-30300820-1105"
UPN = "pc1$@corp.test"
QUOTED_UPN = r"pc1\$@corp.test"  # a dollar is special in openssl's configuration

OIDS = {
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "smart_card_logon": "1.3.6.1.4.1.311.20.2.2",
    "kdc_authentication": "1.3.6.1.5.2.3.5",
}

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = ("2.5.29.19", True), ("2.5.29.15", True), ("2.5.29.37", False)
NAMES, SUBJECT_KEY, AUTHORITY_KEY = ("2.5.29.17", True), ("2.5.29.14", False), ("2.5.29.35", False)
LOCATIONS = [("1.3.6.1.5.5.7.1.1", False), ("2.5.29.31", False)]
SECURITY_IDENTIFIER = ("1.3.6.1.4.1.311.25.2", False)

ACCOUNT = {"user_principal_names": [UPN], "security_identifier": SID}
WISHES = {
    "server": ({"dns_names": ["www.corp.test"]}, "sslserver"),
    "client": ({"dns_names": ["www.corp.test"]}, "sslclient"),
    "server-client": ({"dns_names": ["www.corp.test"]}, "sslserver"),
    "email": ({"email_addresses": ["a@corp.test"]}, "smimesign"),
    "code-signing": ({"uris": ["https://corp.test/signing"]}, "any"),
    "machine": ({"dns_names": ["pc1.corp.test"], **ACCOUNT}, "sslclient"),
    "domain-controller": (
        {
            "dns_names": ["dc1.corp.test", "corp.test"],
            "security_identifier": SID,
            "kerberos_principal_names": ["krbtgt/CORP.TEST@CORP.TEST"],
        },
        "sslserver",
    ),
}
USAGES = {
    ("server", "rsa-2048"): {"digital_signature", "key_encipherment"},
    ("server", "ec-p256"): {"digital_signature"},
    ("client", "rsa-2048"): {"digital_signature"},
    ("client", "ec-p256"): {"digital_signature"},
    ("server-client", "rsa-2048"): {"digital_signature", "key_encipherment"},
    ("server-client", "ec-p256"): {"digital_signature"},
    ("email", "rsa-2048"): {"digital_signature", "key_encipherment"},
    ("email", "ec-p256"): {"digital_signature", "key_agreement"},
    ("code-signing", "rsa-2048"): {"digital_signature"},
    ("code-signing", "ec-p256"): {"digital_signature"},
    ("machine", "rsa-2048"): {"digital_signature", "key_encipherment"},
    ("machine", "ec-p256"): {"digital_signature"},
    ("domain-controller", "rsa-2048"): {"digital_signature", "key_encipherment"},
    ("domain-controller", "ec-p256"): {"digital_signature"},
}
PURPOSES = {
    "server": ["server_auth"],
    "client": ["client_auth"],
    "server-client": ["server_auth", "client_auth"],
    "email": ["email_protection"],
    "code-signing": ["code_signing"],
    "machine": ["client_auth", "server_auth"],
    "domain-controller": ["client_auth", "server_auth", "smart_card_logon", "kdc_authentication"],
}


@pytest.fixture(scope="module")
def directory(server):
    """A root that a directory trusts: it may issue for everything, and name accounts."""
    name = fresh("directory")
    made = server.done("CreateAuthority", name=name, subject={"common_name": name})["result"]
    policy = {"extended_key_usages": list(OIDS), "account_names": True, "subordinate_authorities": True}
    server.done("SetIssuancePolicy", authority=name, policy=policy)
    return made


def extensions(pem):
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {extension.oid.dotted_string: extension for extension in certificate.extensions}


def usages(extension):
    return {name for name in USAGE_NAMES if getattr(extension.value, name)}


USAGE_NAMES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign",
)  # fmt: skip


def defined(server, **terms):
    name = fresh("profile")
    server.done("DefineProfile", name=name, terms=terms)
    return name


@pytest.mark.parametrize(("profile", "key_type"), USAGES)
def test_a_certificate_carries_exactly_what_its_profile_says(server, directory, profile, key_type):
    wish, purpose = WISHES[profile]
    made = server.done(
        "IssueCertificate", name=fresh(), authority=directory["name"], profile=profile, key_type=key_type, **wish
    )["result"]
    found = extensions(made["certificate_pem"])
    account = [SECURITY_IDENTIFIER] if "security_identifier" in wish else []
    assert sorted((oid, extension.critical) for oid, extension in found.items()) == sorted(
        [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, NAMES, SUBJECT_KEY, AUTHORITY_KEY, *LOCATIONS, *account]
    )
    assert usages(found[KEY_USAGE[0]]) == USAGES[profile, key_type]
    assert [oid.dotted_string for oid in found[EXTENDED_KEY_USAGE[0]].value] == [OIDS[p] for p in PURPOSES[profile]]
    assert not found[BASIC_CONSTRAINTS[0]].value.ca
    assert openssl.verifies(directory["certificate_pem"], made["certificate_pem"], "-purpose", purpose)
    row = server.get(f"/api/v1/certificates/{made['certificate_id']}?at_least=0").json
    assert (row["profile"], row["profile_version"]) == (profile, BUILT_IN[profile].version)


def test_an_intermediate_carries_exactly_what_its_profile_says(server, directory):
    csr = openssl.new_csr(openssl.KEYS["rsa-2048"], f"/CN={fresh('Branch CA')}")
    body = {"name": fresh(), "authority": directory["name"], "profile": "intermediate", "csr": csr}
    made = server.done("SignCSR", **body)["result"]
    found = extensions(made["certificate_pem"])
    assert sorted((oid, extension.critical) for oid, extension in found.items()) == sorted(
        [BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_KEY, AUTHORITY_KEY, *LOCATIONS]
    )
    assert usages(found[KEY_USAGE[0]]) == {"digital_signature", "key_cert_sign", "crl_sign"}
    constraints = found[BASIC_CONSTRAINTS[0]].value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    assert openssl.verifies(directory["certificate_pem"], made["certificate_pem"])


def test_every_built_in_profile_is_tried_here():
    assert {*PURPOSES, "intermediate", "authority"} == set(BUILT_IN)


def test_a_machine_is_named_as_a_directory_expects_it(server, directory):
    wish, _ = WISHES["machine"]
    made = server.done("IssueCertificate", name=fresh(), authority=directory["name"], profile="machine", **wish)
    pem = made["result"]["certificate_pem"]
    found = extensions(pem)
    # szOID_NTDS_CA_SECURITY_EXT: SEQUENCE { [0] { OID szOID_NTDS_OBJECTSID, [0] OCTET STRING } }
    object_sid = bytes.fromhex("060a2b060104018237190201")
    text = SID.encode()
    value = bytes([0xA0, len(text) + 2, 0x04, len(text), *text])
    inner = object_sid + value
    sid = found[SECURITY_IDENTIFIER[0]]
    assert sid.value.value == bytes([0x30, len(inner) + 2, 0xA0, len(inner)]) + inner
    (account,) = found[NAMES[0]].value.get_values_for_type(x509.OtherName)
    assert account.type_id.dotted_string == "1.3.6.1.4.1.311.20.2.3"
    assert account.value == bytes([0x0C, len(UPN)]) + UPN.encode()
    assert f"othername: UPN::{UPN}" in openssl.text_of(pem)
    assert f"OCTET STRING      :{SID}" in openssl.run("asn1parse", "-inform", "DER", text=sid.value.value)


def test_a_csr_may_ask_for_an_account(server, directory):
    names = f"DNS:pc1.corp.test,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:{QUOTED_UPN}"
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=pc1.corp.test", names)
    body = {"name": fresh(), "csr": csr, "profile": "machine", "security_identifier": SID}
    refused = server.command("SignCSR", {**body, "authority": "intermediate"})
    assert {e["field"] for e in refused.json["errors"]} == {"user_principal_names", "security_identifier"}
    made = server.done("SignCSR", **body, authority=directory["name"])["result"]
    (account,) = extensions(made["certificate_pem"])[NAMES[0]].value.get_values_for_type(x509.OtherName)
    assert account.value[2:].decode() == UPN


def test_other_othernames_of_a_csr_are_refused(server, directory):
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=a", "otherName:1.2.3.4;UTF8:a@b")
    reply = server.command(
        "SignCSR", {"name": fresh(), "authority": directory["name"], "csr": csr, "profile": "client"}
    )
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "csr.subject_alt_names")


def test_a_profile_that_was_added_says_what_stands_in_the_certificate(server, directory):
    name = defined(
        server,
        key_usages=["digital_signature", "content_commitment"],
        extended_key_usages=["client_auth", "1.3.6.1.5.5.7.3.17"],
        critical_extensions=["extended_key_usage"],
        policy_identifiers=["1.3.6.1.4.1.99999.1.1", "2.23.140.1.2.1"],
        default_validity_days=7,
        subject={"fixed": {"organization": "Example"}, "required": ["common_name"]},
    )
    policy = {"extended_key_usages": ["client_auth", "1.3.6.1.5.5.7.3.17"]}
    authority = fresh("ca")
    root = server.done("CreateAuthority", name=authority, subject={"common_name": authority})["result"]
    body = {"name": fresh(), "authority": authority, "profile": name, "subject": {"common_name": "vpn"}}
    assert server.command("IssueCertificate", body).json["errors"][0]["field"] == "profile"
    server.done("SetIssuancePolicy", authority=authority, policy=policy)
    made = server.done("IssueCertificate", **body)["result"]
    found = extensions(made["certificate_pem"])
    assert usages(found[KEY_USAGE[0]]) == {"digital_signature", "content_commitment"}
    assert (found[KEY_USAGE[0]].critical, found[EXTENDED_KEY_USAGE[0]].critical) == (False, True)
    assert [oid.dotted_string for oid in found[EXTENDED_KEY_USAGE[0]].value] == [
        OIDS["client_auth"],
        "1.3.6.1.5.5.7.3.17",
    ]
    policies = [policy.policy_identifier.dotted_string for policy in found["2.5.29.32"].value]
    assert policies == ["1.3.6.1.4.1.99999.1.1", "2.23.140.1.2.1"]
    assert "Subject: O=Example,CN=vpn" in openssl.text_of(made["certificate_pem"])
    assert openssl.verifies(root["certificate_pem"], made["certificate_pem"])


def test_an_authority_is_signed_with_the_constraints_of_its_profile(server, directory):
    constraints = {"permitted": {"dns_names": ["branch.test"]}}
    usual = ["digital_signature", "key_cert_sign", "crl_sign"]
    name = defined(server, is_authority=True, key_usages=usual, path_length=1, name_constraints=constraints)
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], f"/CN={fresh('Branch CA')}")
    body = {"name": fresh(), "authority": directory["name"], "profile": name, "csr": csr}
    found = extensions(server.done("SignCSR", **body)["result"]["certificate_pem"])
    assert found[BASIC_CONSTRAINTS[0]].value.path_length == 1
    (permitted,) = found["2.5.29.30"].value.permitted_subtrees
    assert (permitted.value, found["2.5.29.30"].critical) == ("branch.test", True)


def test_a_renewal_takes_the_terms_of_today(server):
    name, certificate = defined(server, extended_key_usages=["client_auth"]), fresh()
    server.done("SelfSignCertificate", name=certificate, dns_names=["a.test"], profile=name)
    again = server.done("DefineProfile", name=name, terms={"extended_key_usages": ["client_auth"]})
    assert (again["events"], again["result"]["version"]) == ([], 1)
    stricter = {"extended_key_usages": ["client_auth"], "default_validity_days": 10, "maximum_validity_days": 10}
    assert server.done("DefineProfile", name=name, terms=stricter)["result"]["version"] == 2
    answer = server.done("RenewCertificate", certificate=certificate)
    row = server.get(f"/api/v1/certificates/{certificate}?at_least={answer['position']}").json
    assert (row["version"], row["profile"], row["profile_version"]) == (2, name, 2)
    assert [other["profile_version"] for other in row["other_versions"]] == [1]
    listed = server.get(f"/api/v1/certificates?profile={name}").json["items"]
    assert [item["name"] for item in listed] == [certificate]
    refused = server.command("RenewCertificate", {"certificate": certificate, "validity_days": 11})
    assert [error["rule"] for error in refused.json["errors"]] == [f"profile {name}"]


def test_under_a_retired_profile_nothing_is_made(server):
    name, certificate = defined(server, extended_key_usages=["client_auth"]), fresh()
    server.done("SelfSignCertificate", name=certificate, dns_names=["a.test"], profile=name)
    done = server.done("RetireProfile", profile=name, reason="unsafe")
    assert server.done("RetireProfile", profile=name)["events"] == []
    for command, body in (
        ("RenewCertificate", {"certificate": certificate}),
        ("SelfSignCertificate", {"name": fresh(), "dns_names": ["a.test"], "profile": name}),
        ("CreateCSR", {"name": fresh(), "dns_names": ["a.test"], "profile": name}),
    ):
        reply = server.command(command, body)
        assert (reply.status, reply.json["code"]) == (409, "already-retired")
        assert "unsafe" in reply.json["detail"]
    row = server.get(f"/api/v1/profiles/{name}?at_least={done['position']}").json
    assert (row["status"], row["reason"]) == ("retired", "unsafe")
    assert server.done("DefineProfile", name=name, terms={})["result"]["version"] == 2
    server.done("SelfSignCertificate", name=fresh(), dns_names=["a.test"], profile=name)


def test_profiles_are_listed_with_those_built_in_and_as_they_were(server):
    name = fresh("profile")
    first = server.done("DefineProfile", name=name, terms={"description": "first"})
    second = server.done("DefineProfile", name=name, terms={"description": "second"})
    listed = server.get(f"/api/v1/profiles?at_least={second['position']}").json["items"]
    assert [(row["name"], row["status"]) for row in listed[: len(BUILT_IN)]] == [(n, "built-in") for n in BUILT_IN]
    assert {row["name"]: row["version"] for row in listed}[name] == 2
    for position, version, description in ((first["position"], 1, "first"), (second["position"], 2, "second")):
        row = server.get(f"/api/v1/profiles/{name}?as_of={position}").json
        assert (row["version"], row["terms"]["description"]) == (version, description)
    before = server.get(f"/api/v1/profiles?as_of={first['position'] - 2}").json["items"]
    assert name not in {row["name"] for row in before}
    assert server.get(f"/api/v1/profiles/{name}?as_of={first['position'] - 2}").status == 404
    assert server.get("/api/v1/profiles/server").json["terms"]["extended_key_usages"] == ["server_auth"]
    history = server.get(f"/api/v1/profiles/{name}/history").json["items"]
    assert [line["type"] for line in history] == ["profile.defined.v1", "profile.defined.v1"]
    assert server.get("/api/v1/profiles/server/history").json["items"] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_profile_stays_as_it_is(server, name):
    for command, body in (("DefineProfile", {"name": name, "terms": {}}), ("RetireProfile", {"profile": name})):
        reply = server.command(command, body)
        assert (reply.status, reply.json["code"]) == (409, "built-in-profile")


@pytest.mark.parametrize(
    ("terms", "status", "field"),
    [
        ({"extended_key_usages": ["everything"]}, 400, "terms.extended_key_usages[0]"),
        ({"extended_key_usages": ["1.3.6.1.5.5.7.3.1"]}, 422, "terms.extended_key_usages[0]"),
        ({"policy_identifiers": ["1.40"]}, 400, "terms.policy_identifiers[0]"),
        ({"policy_identifiers": ["1.2." + "9" * 40]}, 400, "terms.policy_identifiers[0]"),
        ({"key_types": []}, 422, "terms.key_types"),
        ({"validity_rule": "forever"}, 400, "terms.validity_rule"),
        ({"default_validity_days": 10**9}, 422, "terms.default_validity_days"),
        ({"surprise": 1}, 400, "terms.surprise"),
    ],
)
def test_bad_terms_are_refused_with_their_field(server, terms, status, field):
    reply = server.command("DefineProfile", {"name": fresh("profile"), "terms": terms})
    assert (reply.status, reply.json["errors"][0]["field"]) == (status, field)


def test_an_unknown_profile_is_answered_with_those_there_are(server):
    reply = server.command(
        "SelfSignCertificate", {"name": fresh(), "dns_names": ["a.test"], "profile": secrets.token_hex(8)}
    )
    assert (reply.status, reply.json["code"]) == (404, "profile-missing")
    assert all(name in reply.json["detail"] for name in BUILT_IN)
