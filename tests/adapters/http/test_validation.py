"""Validation over HTTP: of what is sent, and of our own certificates by name. openssl judges the same."""

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.x509.formats import pem
from tests import openssl
from tests.adapters.validation.chains import DAY, authority, crl, made, response
from tests.adapters.validation.chains import server as certified
from tests.builders import NOW
from tests.samples import fresh
from tests.serving import wait_for

PATH = "/api/v1/validate"
ROOT = authority("root of another company")
LEAF = certified(ROOT, serial_number=7)


def text(*made):
    return "".join(pem(each.der) for each in made)


def asked(server, status=200, **body):
    reply = server.send("POST", PATH, {"time": NOW.isoformat(), **body})
    assert reply.status == status, reply.body
    return reply.json


def issued(server, **body):
    name = fresh("validated")
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"], **body)
    return name, server.get(f"/api/v1/certificates/{name}/pem?at_least={server.size()}").body.decode()


def rules_of(answer):
    return {finding["rule"] for finding in answer["findings"] if not finding["rule"].startswith("lint.")}


def test_a_chain_of_ours_is_valid_by_our_own_roots(server):
    name, chain = issued(server)
    answer = server.send("POST", PATH, {"certificates": chain, "purpose": "server", "host": "www.example.test"}).json
    assert (answer["is_valid"], answer["findings"]) == (True, [])
    assert [step["subject"] for step in answer["path"]][1:] == [
        x509.load_pem_x509_certificate(step.encode()).subject.rfc4514_string() for step in authorities_of(server)
    ]
    root = authorities_of(server)[-1]
    assert openssl.verifies(root, chain, "-purpose", "sslserver", "-verify_hostname", "www.example.test")
    assert server.get(f"/api/v1/certificates/{name}/validation").json["is_valid"]


def authorities_of(server):
    return [server.get(f"/api/v1/authorities/{each}").json["certificate_pem"] for each in ("intermediate", "root")]


def test_a_chain_of_others_is_valid_by_the_anchors_that_are_sent(server):
    answer = asked(server, certificates=text(LEAF), trust_anchors=text(ROOT), host="www.example.test")
    assert answer["is_valid"]
    assert asked(server, certificates=base64.b64encode(LEAF.der).decode(), trust_anchors=text(ROOT))["is_valid"]
    assert rules_of(asked(server, certificates=text(LEAF, ROOT))) == {"path-reaches-a-trust-anchor"}


def test_a_finding_says_what_is_wrong_where_it_comes_from_and_what_to_do(server):
    late = (NOW + 400 * DAY).isoformat()
    answer = asked(
        server,
        certificates=text(LEAF),
        trust_anchors=text(authority("root of another company", ends=NOW + 999 * DAY)),
        time=late,
    )
    assert not answer["is_valid"]
    finding = next(each for each in answer["findings"] if each["rule"] == "validity-has-not-ended")
    assert finding["severity"] == "error"
    assert finding["source"] == "RFC 5280 section 6.1.3 (a)(2)"
    assert finding["certificate"] == 0
    assert finding["subject"] == "CN=www"
    assert finding["message"].startswith("it expired at ")
    assert finding["remedy"] == "Renew the certificate and deploy the new one."


def test_lint_is_among_the_findings_and_makes_nothing_invalid(server):
    leaf = text(made("www", ROOT))
    answer = asked(server, certificates=leaf, trust_anchors=text(ROOT))
    assert answer["is_valid"]
    by_rule = {finding["rule"]: finding for finding in answer["findings"]}
    must, should = by_rule["lint.authority_key_identifier_is_there"], by_rule["lint.subject_key_identifier_is_there"]
    assert (must["severity"], should["severity"]) == ("warning", "notice")
    assert (must["source"], must["certificate"], must["subject"]) == ("RFC 5280 section 4.2.1.1", 0, "CN=www")
    assert must["remedy"].startswith("Have it issued anew, so that this holds: ")
    linted = server.send("POST", "/api/v1/lint", {"certificate": leaf + text(ROOT)}).json["items"]
    assert set(by_rule) == {f"lint.{each['rule']}" for each in linted if each["linter"] == "es-pki"}


def test_what_a_chain_breaks_is_told_of_each_of_its_certificates_but_not_of_its_anchor(server):
    between = made("between", ROOT, (x509.BasicConstraints(ca=True, path_length=None), True))
    answer = asked(server, certificates=text(made("www", between), between), trust_anchors=text(ROOT))
    told = {finding["certificate"] for finding in answer["findings"] if finding["rule"].startswith("lint.")}
    assert told == {0, 1}


def test_a_trust_store_says_whom_to_trust(server):
    store = fresh("trust")
    server.done("CreateTrustStore", name=store, certificates=text(ROOT))
    server.get(f"/api/v1/trust-stores?at_least={server.size()}")
    assert asked(server, certificates=text(LEAF), trust_store=store)["is_valid"]
    fingerprint = ROOT.parsed.fingerprint
    limited = {"trust_store": store, "fingerprint": fingerprint, "reason": "phased out"}
    server.done("DistrustCertificate", **limited, issued_after=NOW.isoformat())
    server.get(f"/api/v1/trust-stores?at_least={server.size()}")
    assert asked(server, certificates=text(LEAF), trust_store=store)["is_valid"]
    later = certified(ROOT, begins=NOW + DAY)
    assert not asked(server, certificates=text(later), trust_store=store, time=(NOW + 2 * DAY).isoformat())["is_valid"]


def test_crls_and_ocsp_responses_are_taken_as_they_come(server):
    sent = {"certificates": text(LEAF), "trust_anchors": text(ROOT), "revocation": "hard"}
    assert rules_of(asked(server, **sent)) == {"revocation-is-known"}
    good, revoked = (base64.b64encode(crl(ROOT, *serials)).decode() for serials in ((), (7,)))
    armoured = x509.load_der_x509_crl(crl(ROOT)).public_bytes(Encoding.PEM).decode()
    assert asked(server, **sent, crls=[good])["is_valid"]
    assert asked(server, **sent, crls=[armoured])["is_valid"]
    assert rules_of(asked(server, **sent, crls=[revoked])) == {"certificate-is-not-revoked"}
    answered = base64.b64encode(response(LEAF, ROOT)).decode()
    assert asked(server, **sent, ocsp_responses=[answered])["is_valid"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("certificates", ""),
        ("certificates", "no certificate"),
        ("certificates", "MAA="),
        ("certificates", text(LEAF) * 101),
        ("trust_anchors", "MAA="),
        ("trust_store", "nobody's"),
        ("host", "-"),
        ("host", "exa mple.test"),
        ("ip", "localhost"),
        ("email", "nobody"),
        ("purpose", "fun"),
        ("revocation", "maybe"),
        ("time", "2026-05-03T12:00:00"),
        ("crls", ["MAA="]),
        ("ocsp_responses", ["MAA="]),
        ("crls", ["MAA="] * 21),
        ("surprise", 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(server, field, value):
    problem = asked(server, 400, **{"certificates": text(LEAF), field: value})
    assert problem["code"] == "malformed"
    assert problem["errors"][0]["field"].startswith(field)


def test_whom_to_trust_is_said_once(server):
    body = {"certificates": text(LEAF), "trust_anchors": text(ROOT), "trust_store": "any"}
    assert asked(server, 400, **body)["errors"][0]["field"] == "trust_store"


def test_a_certificate_of_ours_is_judged_by_its_purpose_and_what_is_asked_besides(server):
    name, _ = issued(server)
    path = f"/api/v1/certificates/{name}/validation"
    assert server.get(f"{path}?host=www.example.test&revocation=none").json["findings"] == []
    assert rules_of(server.get(f"{path}?host=other.example.test").json) >= {"host-is-named"}
    assert rules_of(server.get(f"{path}?purpose=code-signing").json) >= {"certificate-serves-purpose"}
    assert server.get(f"{path}?purpose=fun").status == 400
    assert server.get(f"{path}?time=yesterday").status == 400
    assert server.get(f"{path}?version=9").status == 404


@pytest.mark.parametrize(("years", "rule"), [(-1, "validity-has-begun"), (30, "validity-has-not-ended")])
def test_a_certificate_of_ours_is_judged_at_another_time(server, years, rule):
    name, _ = issued(server)
    time = (datetime.now(UTC) + 365 * years * DAY).isoformat()
    answer = server.get(f"/api/v1/certificates/{name}/validation?time={quote(time)}").json
    assert (answer["is_valid"], datetime.fromisoformat(answer["time"]).isoformat()) == (False, time)
    assert rule in rules_of(answer)


def test_a_revoked_certificate_of_ours_is_no_longer_valid(server):
    name, chain = issued(server)
    path = f"/api/v1/certificates/{name}/validation?revocation=hard"
    server.done("RevokeCertificate", certificate=name, reason="keyCompromise")

    def is_published():
        return rules_of(server.get(f"{path}&at_least={server.size()}").json) == {"certificate-is-not-revoked"}

    wait_for(is_published)
    answer = server.send("POST", PATH, {"certificates": chain, "revocation": "soft"}).json
    assert rules_of(answer) == {"certificate-is-not-revoked"}


def test_an_imported_certificate_is_judged_with_the_chain_that_came_along(server):
    now = datetime.now(UTC)
    lasting = {"begins": now - DAY, "ends": now + DAY}
    above = authority("root of a partner", **lasting)
    between = authority("intermediate of a partner", above, **lasting)
    name, store = fresh("imported"), fresh("trust")
    server.done("ImportCertificate", name=name, certificate=text(certified(between, **lasting), between))
    server.done("CreateTrustStore", name=store, certificates=text(above))
    path = f"/api/v1/certificates/{name}/validation?revocation=none&at_least={server.size()}"
    assert rules_of(server.get(path).json) >= {"path-reaches-a-trust-anchor"}
    assert server.get(f"{path}&trust_store={store}").json["is_valid"]
