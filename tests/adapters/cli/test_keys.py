"""`es-pki key`, against a real server."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.samples import fresh


@pytest.fixture
def public_key():
    return ed25519.Ed25519PrivateKey.generate().public_key()


def test_a_reported_key_is_blocked_and_its_uses_are_shown(es_pki):
    name = fresh()
    assert es_pki("certificate", "self-sign", name, "--dns", "www.example.test").status == 0
    outcome = es_pki("key", "report", "--certificate", name, "--reason", "it was mailed around")
    assert outcome.status == 0, outcome.errors
    assert "is blocked" in outcome.errors
    assert name in outcome.text
    (row,) = es_pki("key", "uses", "--filter", f"name={name}", "--json").json["items"]
    blocked = es_pki("key", "compromised", "--json").json["items"]
    assert row["public_key_hash"] in {item["public_key_hash"] for item in blocked}
    assert "it was mailed around" in es_pki("key", "compromised").text


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_reported_from_a_file(es_pki, public_key, tmp_path, encoding):
    file = tmp_path / "key.pub"
    file.write_bytes(public_key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))
    outcome = es_pki("key", "report", "--public-key", str(file), "--reason", "found on the web", "--json")
    assert outcome.status == 0, outcome.errors
    assert outcome.json["uses"] == []
    assert len(outcome.json["public_key_hash"]) == 64


def test_a_report_without_a_key_is_refused(es_pki):
    outcome = es_pki("key", "report", "--reason", "something happened")
    assert outcome.status == 1
    assert "public_key_hash" in outcome.errors


def test_certificates_are_listed_by_algorithm_and_strength(es_pki):
    name = fresh()
    options = ("--dns", "www.example.test", "--key-type", "ml-dsa-65")
    assert es_pki("certificate", "self-sign", name, *options).status == 0
    filters = ("--filter", "key_algorithm=ml-dsa", "--filter", "security_bits=192")
    assert name in es_pki("certificate", "list", *filters).text
    assert name not in es_pki("certificate", "list", "--filter", "security_bits=128").text


def test_the_inventory_is_looked_through_by_finding(es_pki):
    name = fresh()
    assert es_pki("certificate", "self-sign", name, "--dns", "www.example.test").status == 0
    assert es_pki("key", "report", "--certificate", name, "--reason", "it was mailed around").status == 0
    found = es_pki("certificate", "list", "--finding", "key-compromised", "--json").json["items"]
    assert name in {row["name"] for row in found}
    outcome = es_pki("certificate", "list", "--finding", "weakkey")
    assert outcome.status == 1
    assert "weak-key, weak-signature" in outcome.errors
