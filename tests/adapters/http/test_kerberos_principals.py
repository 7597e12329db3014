"""Kerberos principals over HTTP: issued, renewed, asked for by CSR and imported, with openssl's parser as judge."""

import pytest
from cryptography import x509

from tests import openssl
from tests.adapters.http.test_profiles import NAMES, OIDS, extensions
from tests.samples import fresh


@pytest.fixture(scope="module")
def directory(server):
    """A root that a realm trusts."""
    name = fresh("realm")
    made = server.done("CreateAuthority", name=name, subject={"common_name": name})["result"]
    policy = {"extended_key_usages": list(OIDS), "account_names": True}
    server.done("SetIssuancePolicy", authority=name, policy=policy)
    return made


KDC = "krbtgt/CORP.TEST@CORP.TEST"
PRINCIPAL = """
[principal]
realm = EXP:0,GeneralString:CORP.TEST
name = EXP:1,SEQUENCE:name
[name]
kind = EXP:0,INTEGER:1
texts = EXP:1,SEQUENCE:texts
[texts]
first = GeneralString:krbtgt
second = GeneralString:CORP.TEST
"""
"""A KDC's principal as MIT Kerberos tells openssl to write it."""


def principal_of(pem):
    """Return the strings of a certificate's Kerberos principal, as openssl finds them."""
    (name,) = extensions(pem)[NAMES[0]].value.get_values_for_type(x509.OtherName)
    assert name.type_id.dotted_string == "1.3.6.1.5.2.2"
    return [content.decode() for kind, content in openssl.elements_of(name.value) if kind == "GENERALSTRING"]


def domain_controller(directory, **more):
    named = {"name": fresh(), "dns_names": ["dc.corp.test"], "authority": directory["name"]}
    return {"profile": "domain-controller", **named, **more}


def test_a_domain_controller_is_its_realms_kdc(server, directory):
    made = server.done("IssueCertificate", **domain_controller(directory, kerberos_principal_names=[KDC]))["result"]
    name = made["name"]
    assert principal_of(made["certificate_pem"]) == ["CORP.TEST", "krbtgt", "CORP.TEST"]
    renewed = server.done("RenewCertificate", certificate=name)["result"]
    assert principal_of(renewed["certificate_pem"]) == ["CORP.TEST", "krbtgt", "CORP.TEST"]
    row = server.get(f"/api/v1/certificates/{name}?at_least={server.size()}").json
    assert row["subject_alt_names"]["kerberos_principal_names"] == [KDC]
    answer = server.send("POST", "/api/v1/lint", {"certificate": made["certificate_pem"]}).json
    assert [finding for finding in answer["items"] if finding["severity"] == "error"] == []


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"kerberos_principal_names": ["host/dc.corp.test@CORP.TEST"]}, "kerberos_principal_names"),
        ({"kerberos_principal_names": ["krbtgt/OTHER.TEST@CORP.TEST"]}, "kerberos_principal_names"),
        ({"kerberos_principal_names": ["krbtgt/CORP.TEST@CORP.TEST\u202e"]}, "kerberos_principal_names[0]"),
        ({"kerberos_principal_names": [KDC], "profile": "machine"}, "kerberos_principal_names"),
        ({"kerberos_principal_names": [KDC], "profile": "server"}, "kerberos_principal_names"),
        ({"kerberos_principal_names": [KDC], "authority": "intermediate"}, "kerberos_principal_names"),
    ],
)
def test_a_principal_that_is_not_its_own_is_refused(server, directory, wish, field):
    body = {
        "name": fresh(),
        "authority": directory["name"],
        "profile": "domain-controller",
        "dns_names": ["dc.corp.test"],
    }
    refused = server.command("IssueCertificate", {**body, **wish}).json
    assert field in {error["field"] for error in refused["errors"]}, refused


def test_principals_are_held_to_the_e_mail_addresses_of_the_policy(server):
    name = fresh("realm")
    server.done("CreateAuthority", name=name, subject={"common_name": name})
    policy = {
        "extended_key_usages": list(OIDS),
        "account_names": True,
        "names": {"permitted": {"email_addresses": ["corp.test"]}},
    }
    server.done("SetIssuancePolicy", authority=name, policy=policy)
    body = {"authority": name, "profile": "machine", "dns_names": ["pc.corp.test"]}
    server.done("IssueCertificate", name=fresh(), **body, kerberos_principal_names=["host/pc.corp.test@CORP.TEST"])
    refused = server.command(
        "IssueCertificate", {"name": fresh(), **body, "kerberos_principal_names": ["host/pc@OTHER.TEST"]}
    )
    assert [error["field"] for error in refused.json["errors"]] == ["kerberos_principal_names"]


@pytest.fixture
def kdc(tmp_path):
    """openssl's arguments for what names a KDC: a CSR, or with more arguments a certificate."""
    names = "DNS:dc.corp.test,otherName:1.3.6.1.5.2.2;SEQUENCE:principal"
    dn = "[req]\ndistinguished_name=dn\n[dn]\n"
    (tmp_path / "kdc.cnf").write_text(f"{dn}{PRINCIPAL}[ext]\nsubjectAltName={names}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(tmp_path / "key.pem"))
    return ("req", *key, "-subj", "/CN=dc.corp.test", "-config", str(tmp_path / "kdc.cnf"))


def test_a_csr_may_ask_for_a_principal(server, directory, kdc):
    csr = openssl.run(*kdc, "-new", "-reqexts", "ext")
    body = {"name": fresh(), "authority": directory["name"], "profile": "domain-controller", "csr": csr}
    made = server.done("SignCSR", **body)["result"]
    assert principal_of(made["certificate_pem"]) == ["CORP.TEST", "krbtgt", "CORP.TEST"]


def test_an_import_tells_its_principals(server, kdc):
    name = fresh()
    answer = server.done("ImportCertificate", name=name, certificate=openssl.run(*kdc, "-x509", "-extensions", "ext"))
    row = server.get(f"/api/v1/certificates/{name}?at_least={answer['position']}").json
    assert row["subject_alt_names"] == {"dns_names": ["dc.corp.test"], "kerberos_principal_names": [KDC]}
    assert row["other_names"] == []
