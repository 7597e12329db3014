"""Certificates leave with their keys, recorded first, under a passphrase that is nowhere; with openssl as judge."""

import base64
import subprocess
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from es_pki.adapters.intake.requests import SECRETS, ExportCertificate, digest_of
from es_pki.values import ExportFormat
from tests import openssl

PASSPHRASE = "a passphrase of this test"  # noqa: S105 - made for this test


def fresh():
    return f"x-{uuid.uuid4().hex[:12]}"


def issued(server, **further):
    """Return the name of a new certificate."""
    name = fresh()
    body = {"name": name, "authority": "intermediate", "dns_names": ["www.example.test"], **further}
    server.done("IssueCertificate", **body)
    return name


def export(server, name, form="pem", **further):
    """Export; return the answer and the file."""
    body = {"certificate": name, "format": form, "passphrase": PASSPHRASE, "reason": "a move", **further}
    answer = server.done("ExportCertificate", **body)
    return answer, base64.b64decode(answer["result"]["content"], validate=True)


def problem(server, status, code, **body):
    whole = {"format": "pem", "passphrase": PASSPHRASE, "reason": "a move", **body}
    reply = server.command("ExportCertificate", whole)
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    assert PASSPHRASE.encode() not in reply.body
    return reply.json


@pytest.fixture(scope="module")
def root(server):
    return server.get("/api/v1/authorities/root").json["certificate_pem"]


@pytest.mark.parametrize("key_type", ["ec-p256", "rsa-2048", "ed25519"])
@pytest.mark.parametrize("form", [{"form": "pem"}, {"form": "pkcs12"}, {"form": "pkcs12", "legacy": True}])
def test_openssl_reads_key_certificate_and_chain(server, root, key_type, form):
    name = issued(server, key_type=key_type)
    answer, content = export(server, name, **form)
    text = content if form["form"] == "pem" else as_pem(content)
    plain = openssl.run("pkey", "-passin", f"pass:{PASSPHRASE}", text=text).encode()
    leaf, intermediate = x509.load_pem_x509_certificates(text)
    assert load_pem_private_key(plain, None).public_key() == leaf.public_key()
    leaf.verify_directly_issued_by(intermediate)
    assert openssl.verifies(
        root, text[text.index(b"-----BEGIN CERT") :].decode(), "-verify_hostname", "www.example.test"
    )
    ending = "pem" if form["form"] == "pem" else "p12"
    assert answer["result"]["filename"] == f"{name}.{ending}"


def as_pem(file):
    """Return what openssl finds in a PKCS#12 file, the key still under its passphrase."""
    password = f"pass:{PASSPHRASE}"
    command = ["openssl", "pkcs12", "-legacy", "-passin", password, "-passout", password]
    return subprocess.run(command, input=file, capture_output=True, check=True).stdout


def test_the_friendly_name_is_the_lineages(server):
    name = issued(server)
    renamed = fresh()
    server.done("RenameCertificate", certificate=name, name=renamed)
    _, content = export(server, name, "pkcs12")
    assert pkcs12.load_pkcs12(content, PASSPHRASE.encode()).cert.friendly_name == renamed.encode()


def test_who_took_the_key_when_and_why_is_in_the_history_and_nothing_else(server):
    name = issued(server)
    answer, _ = export(server, name, "pkcs12", reason="the load balancer moves")
    (event,) = answer["events"]
    assert event["type"] == "certificate.private_key_exported.v1"
    assert set(event["data"]) == {"version", "format", "reason", "public_key_hash", "export_id", "request_digest"}
    row = server.get(f"/api/v1/certificates/{name}?at_least={answer['position']}").json
    assert event["data"]["public_key_hash"] == row["public_key_hash"]
    last = server.get(f"/api/v1/certificates/{name}/history").json["items"][-1]
    assert (last["actor"], last["summary"]) == ("admin", "version 1, pkcs12: the load balancer moves")
    assert last["position"] == answer["position"]


def test_an_earlier_version_leaves_when_it_is_named(server):
    name = issued(server)
    server.done("RenewCertificate", certificate=name)
    _, first = export(server, name, version=1)
    _, current = export(server, name)
    serials = [f"{x509.load_pem_x509_certificate(text).serial_number:x}" for text in (first, current)]
    versions = server.get(f"/api/v1/certificates/{name}/versions").json["items"]
    assert serials == [version["serial_number"].lstrip("0") for version in versions]


def test_the_same_request_is_recorded_once_whatever_its_passphrase(server):
    name, headers = issued(server), {"Idempotency-Key": fresh()}
    body = {"certificate": name, "format": "pem", "passphrase": PASSPHRASE, "reason": "a move"}
    first = server.command("ExportCertificate", body, headers=headers).json
    again = server.command("ExportCertificate", {**body, "passphrase": "another one altogether"}, headers=headers).json
    assert again["events"] == []
    assert again["position"] == first["position"]
    text = base64.b64decode(again["result"]["content"])
    assert load_pem_private_key(text, b"another one altogether")
    other = server.command("ExportCertificate", {**body, "reason": "another"}, headers=headers)
    assert (other.status, other.json["code"]) == (409, "request-reused")


def test_a_passphrase_is_part_of_no_digest():
    one = ExportCertificate("www", ExportFormat.PEM, PASSPHRASE, "a move")
    other = ExportCertificate("www", ExportFormat.PEM, "another one altogether", "a move")
    assert SECRETS[ExportCertificate] == {"passphrase"}
    assert (
        digest_of(one) == digest_of(other) != digest_of(ExportCertificate("w", ExportFormat.PEM, PASSPHRASE, "a move"))
    )
    assert PASSPHRASE not in repr(one)


def test_the_description_marks_the_passphrase(server):
    schema = server.get("/openapi.json").json["components"]["schemas"]["ExportCertificate"]["properties"]["passphrase"]
    assert (schema["format"], schema["writeOnly"]) == ("password", True)


def test_a_key_that_was_never_here_cannot_leave(server, csrs):
    name = fresh()
    server.done("SignCSR", name=name, authority="intermediate", csr=csrs["ec-p256"])
    problem(server, 409, "key-elsewhere", certificate=name)


def test_an_ml_dsa_key_leaves_in_pem_only(server):
    name = issued(server, key_type="ml-dsa-44")
    refusal = problem(server, 422, "rules-broken", certificate=name, format="pkcs12")
    assert refusal["errors"][0]["field"] == "format"
    _, content = export(server, name)
    assert load_pem_private_key(content, PASSPHRASE.encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [("passphrase", "too short"), ("passphrase", "two lines\nand more"), ("reason", ""), ("legacy", True)],
)
def test_what_breaks_a_rule_is_named(server, field, value):
    refusal = problem(server, 422, "rules-broken", certificate=issued(server), **{field: value})
    assert {error["field"] for error in refusal["errors"]} == {field}


def test_what_is_deleted_or_never_was_is_refused(server):
    name = issued(server)
    row = server.get(f"/api/v1/certificates/{name}?at_least={server.size()}").json
    server.done("DeleteCertificate", certificate=name)
    problem(server, 404, "already-deleted", certificate=row["id"])
    problem(server, 404, "certificate-missing", certificate=fresh())
    problem(server, 404, "version-missing", certificate=issued(server), version=9)
