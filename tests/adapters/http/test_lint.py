"""Lint as those meet it who ask the server: certificates that are refused, and what is wrong with others."""

import base64

import pytest

from es_pki.adapters.x509.formats import pem
from tests import openssl
from tests.adapters.lint.breaking import BROKEN
from tests.adapters.lint.making import ISSUER, leaf
from tests.samples import fresh

EMAIL = {"email_address": "post@example.test"}
RULE = "lint.email_attributes_are_alternative_names"


def rules(answer):
    return {(finding["linter"], finding["severity"], finding["rule"]) for finding in answer.json["items"]}


def with_a_csr():
    subject = "/CN=www.example.test/emailAddress=post@example.test"
    return openssl.new_csr(openssl.KEYS["ec-p256"], subject, "DNS:www.example.test")


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("IssueCertificate", {"authority": "intermediate", "subject": EMAIL, "profile": "client"}),
        ("SelfSignCertificate", {"subject": EMAIL, "profile": "client"}),
        ("CreateAuthority", {"subject": {"common_name": "An authority", **EMAIL}}),
        ("SignCSR", {"authority": "intermediate", "csr": with_a_csr()}),
    ],
)
def test_what_breaks_a_rule_of_lint_is_refused_at_every_door(server, command, body):
    name = fresh()
    reply = server.command(command, {"name": name, **body})
    assert (reply.status, reply.json["code"]) == (422, "lint-failed")
    assert [(error["field"], error["rule"]) for error in reply.json["errors"]] == [(RULE, "RFC 5280 section 4.1.2.6")]
    noun = "authorities" if command == "CreateAuthority" else "certificates"
    assert server.get(f"/api/v1/{noun}/{name}").status == 404


def test_a_reissue_is_held_to_lint_too(server):
    name = fresh()
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    reply = server.command("ReissueCertificate", {"certificate": name, "dns_names": ["a.test"], "subject": EMAIL})
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, RULE)


@pytest.mark.parametrize("path", ["authorities/root", "authorities/intermediate", "certificates/es-pki-api"])
def test_there_is_nothing_wrong_with_what_a_new_installation_has(server, path):
    found = rules(server.get(f"/api/v1/{path}/lint"))
    assert {finding for finding in found if finding[1] != "notice"} == set()


def test_both_linters_judge_a_certificate_that_is_sent(server):
    sample = BROKEN["authority_key_identifier_is_there"]
    found = rules(server.send("POST", "/api/v1/lint", {"certificate": pem(sample.certificate)}))
    assert ("es-pki", "error", "authority_key_identifier_is_there") in found
    assert ("pkilint", "error", sample.pkilint) in found


def test_the_issuers_certificate_may_follow_in_the_same_text(server):
    sample = BROKEN["authority_key_identifier_is_the_issuers"].certificate
    alone = rules(server.send("POST", "/api/v1/lint", {"certificate": pem(sample)}))
    together = rules(server.send("POST", "/api/v1/lint", {"certificate": pem(sample) + pem(ISSUER)}))
    assert together - alone == {("es-pki", "error", "authority_key_identifier_is_the_issuers")}


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"no certificate", leaf()[:-1], leaf() + b"\0", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80\0\0"]
)
def test_what_is_no_certificate_gets_an_error_as_its_finding(server, der):
    reply = server.send("POST", "/api/v1/lint", {"certificate": base64.b64encode(der).decode()})
    assert reply.status == 200
    assert ("es-pki", "error", "certificate_is_der") in rules(reply)


def test_every_octet_may_be_wrong(server):
    sound = leaf()
    texts = [sound[:at] + bytes((sound[at] ^ 0xFF,)) + sound[at + 1 :] for at in range(0, len(sound), 37)]
    for der in texts:
        assert server.send("POST", "/api/v1/lint", {"certificate": pem(der)}).status == 200


@pytest.mark.parametrize("text", ["no PEM: -", "A" * 300_000, "A" * 100_000, ""])
def test_what_is_no_text_of_a_certificate_is_refused_or_found(server, text):
    reply = server.send("POST", "/api/v1/lint", {"certificate": text})
    assert (reply.status, reply.json.get("code")) in {(400, "malformed"), (200, None)}


def test_fields_that_lint_does_not_know_are_refused(server):
    reply = server.send("POST", "/api/v1/lint", {"certificat": ""})
    assert (reply.status, reply.json["code"]) == (400, "malformed")
