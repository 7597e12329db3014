"""Compromised keys and the inventory by algorithm and strength, over HTTP against a running server."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests import openssl
from tests.samples import fresh


def key_of(answer):
    """Return the public key of the first certificate of an answer, in PEM, and its SHA-256."""
    key = x509.load_pem_x509_certificate(answer["result"]["certificate_pem"].encode()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), hashlib.sha256(spki).hexdigest()


@pytest.fixture
def csr():
    return openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")


def sign(server, csr, authority="intermediate"):
    return server.command("SignCSR", {"name": fresh(), "authority": authority, "csr": csr})


def uses(server, of_key):
    """Return what uses a key, as of the log's end."""
    query = f"/api/v1/key-uses?public_key_hash={of_key}&at_least={server.size()}"
    return [(row["kind"], row["name"]) for row in server.get(query).json["items"]]


def test_a_compromised_key_is_blocked_at_every_door_and_its_uses_are_listed(server, csr):
    first = sign(server, csr).json
    pem, of_key = key_of(first)
    reported = server.done("ReportKeyCompromise", certificate=first["result"]["name"], reason="the laptop was stolen")
    assert reported["result"] == {"public_key_hash": of_key}
    types = [event["type"] for event in reported["events"]]
    assert types == ["key_compromise.reported.v1", "key_compromise.uses_revoked.v1"]
    refusal = sign(server, csr)
    assert (refusal.status, refusal.json["code"]) == (422, "key-compromised")
    assert [error["field"] for error in refusal.json["errors"]] == ["public_key"]
    assert uses(server, of_key) == [("certificate", first["result"]["name"])]
    (row,) = server.get(f"/api/v1/key-compromises?public_key_hash={of_key}").json["items"]
    assert (row["reason"], row["reported_by"]) == ("the laptop was stolen", "admin")
    again = server.done("ReportKeyCompromise", public_key=pem, reason="and again")
    assert (again["events"], again["position"]) == ([], reported["position"])


def test_an_authority_with_a_compromised_key_signs_nothing_any_more(server, csr):
    name = fresh("ca")
    created = server.done("CreateAuthority", name=name, subject={"common_name": name})
    assert sign(server, csr, name).status == 200
    _, of_key = key_of(created)
    server.done("ReportKeyCompromise", authority=name, reason="a disk was sold")
    refusals = [
        sign(server, csr, name),
        server.command("IssueCertificate", {"name": fresh(), "authority": name, "dns_names": ["www.example.test"]}),
        server.command("CreateAuthority", {"name": fresh(), "subject": {"common_name": "below"}, "issuer": name}),
    ]
    for refusal in refusals:
        assert (refusal.status, refusal.json["code"]) == (422, "key-compromised")
        assert [error["field"] for error in refusal.json["errors"]] == ["authority"]
    assert uses(server, of_key) == [("authority", name)]


def test_a_key_can_be_blocked_before_it_was_ever_seen(server, csr):
    pem = openssl.run("req", "-noout", "-pubkey", text=csr.encode())
    body = "".join(pem.splitlines()[1:-1])
    server.done("ReportKeyCompromise", public_key=body, reason="found on the web")
    assert sign(server, csr).json["code"] == "key-compromised"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "key-unnamed", "public_key_hash"),
        ({"certificate": "es-pki-api", "authority": "root"}, "key-unnamed", "public_key_hash"),
        ({"certificate": "nothing-has-this-name"}, "certificate-missing", "certificate"),
        ({"authority": "nothing-has-this-name"}, "authority-missing", "authority"),
        ({"public_key": "no key"}, "malformed", "public_key"),
        ({"public_key": "A" * 20_000}, "malformed", "public_key"),
        ({"public_key_hash": "abc"}, "rules-broken", "public_key_hash"),
    ],
)
def test_a_report_that_names_no_key_names_its_field(server, body, code, field):
    reply = server.command("ReportKeyCompromise", {**body, "reason": "why"})
    assert reply.json["code"] == code
    assert [error["field"] for error in reply.json["errors"]] == [field]


def test_a_private_key_sent_as_a_public_one_is_refused_and_not_repeated(server):
    private = openssl.run("genpkey", "-algorithm", "ed25519")
    reply = server.command("ReportKeyCompromise", {"public_key": private, "reason": "why"})
    assert reply.json["code"] == "malformed"
    assert private.splitlines()[1].encode() not in reply.body


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("key_algorithm=ml-dsa", {"ml-dsa-44", "ml-dsa-87"}),
        ("key_algorithm=rsa", {"rsa-2048"}),
        ("security_bits=112", {"rsa-2048"}),
        ("security_bits=256", {"ml-dsa-87"}),
        ("key_algorithm=ml-dsa&security_bits=128", {"ml-dsa-44"}),
        ("security_bits=0128", set()),
    ],
)
def test_the_inventory_is_filtered_by_algorithm_and_strength(server, of_three_strengths, query, found):
    rows = server.get(f"/api/v1/certificates?limit=1000&{query}").json["items"]
    assert {row["key_type"] for row in rows if row["name"] in of_three_strengths} == found


@pytest.fixture(scope="module")
def of_three_strengths(server):
    """Names of certificates with keys of different strength."""
    names = []
    for key_type in ("rsa-2048", "ml-dsa-44", "ml-dsa-87"):
        names.append(fresh())
        server.done("SelfSignCertificate", name=names[-1], dns_names=["www.example.test"], key_type=key_type)
    server.get(f"/api/v1/certificates?at_least={server.size()}")
    return names


def test_authorities_are_filtered_by_algorithm_too(server):
    rows = server.get("/api/v1/authorities?key_algorithm=ec&security_bits=128&name=root").json["items"]
    assert [row["name"] for row in rows] == ["root"]
