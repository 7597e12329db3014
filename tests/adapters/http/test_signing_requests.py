"""CSRs over HTTP against a running server; openssl is the judge, and plays the outside authority."""

import base64
import hashlib
import uuid
from pathlib import Path

import pytest

from es_pki.values import KeyType
from tests import openssl
from tests.samples import fresh

PEM, DER = "application/x-pem-file", "application/pkcs10"

UNUSUAL = """
[req]
distinguished_name = subject
attributes = attributes
prompt = no
[subject]
O = Printers
[attributes]
challengePassword = open sesame
unstructuredName = a printer
1.3.6.1.4.1.311.13.2.3 = 10.0.20348.2
"""


def shown(server, name):
    """Return a signing request, as of the log's end."""
    return server.get(f"/api/v1/signing-requests/{name}?at_least={server.size()}").json


def create(server, **body):
    """Make a CSR; return its name and its PEM."""
    name = fresh("csr")
    answer = server.done("CreateCSR", **{"name": name, "dns_names": ["www.example.test"], **body})
    return name, answer["result"]["csr_pem"]


def bring_in(server, csr):
    """Import a CSR; return its name."""
    name = fresh("csr")
    server.done("ImportCSR", name=name, csr=csr)
    return name


def refused(reply, code, field):
    assert reply.json["code"] == code, reply.body
    assert [error["field"] for error in reply.json["errors"]] == [field]
    return reply


@pytest.fixture
def csr():
    return openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")


@pytest.mark.parametrize("key_type", [kind for kind in KeyType if not kind.is_ml_dsa])
def test_openssl_verifies_a_csr_that_was_made_here(server, key_type):
    names = {"ip_addresses": ["2001:db8::1"], "email_addresses": ["a@example.test"], "uris": ["https://x.test/"]}
    _, pem = create(server, key_type=key_type, subject={"common_name": "www.example.test", "country": "CH"}, **names)
    text = openssl.run("req", "-verify", "-noout", "-text", text=pem.encode())
    for expected in ("DNS:www.example.test", "IP Address:2001:DB8:0:0:0:0:0:1", "email:a@example.test", "C = CH"):
        assert expected in text
    assert "TLS Web Server Authentication" in text
    assert ("Key Encipherment" in text) is key_type.is_rsa


@pytest.mark.parametrize("key_type", [kind for kind in KeyType if kind.is_ml_dsa])
def test_a_post_quantum_csr_made_here_is_signed_here(server, key_type):
    name, _ = create(server, key_type=key_type)
    certificate = server.done("SignCSR", name=fresh(), authority="intermediate", signing_request=name)
    assert certificate["result"]["certificate_pem"].startswith("-----BEGIN CERTIFICATE-----")


def test_a_csr_made_here_keeps_its_key_here(server):
    name, pem = create(server, profile="client")
    row = shown(server, name)
    assert (row["status"], row["key_is_here"], row["profile"], row["requested_by"]) == ("open", True, "client", "admin")
    public = openssl.run("req", "-noout", "-pubkey", text=pem.encode())
    spki = base64.b64decode("".join(public.splitlines()[1:-1]))
    assert row["public_key_hash"] == hashlib.sha256(spki).hexdigest()
    assert "PRIVATE" not in pem


def test_a_csr_comes_in_pem_and_der(server, csr):
    name = bring_in(server, csr)
    path = f"/api/v1/signing-requests/{name}/pem?at_least={server.size()}"
    pem, der = server.get(path), server.get(path, headers={"Accept": DER})
    assert (pem.headers["content-type"], der.headers["content-type"]) == (PEM, DER)
    assert pem.body.decode() == csr
    assert openssl.run("req", "-verify", "-inform", "DER", text=der.body) == csr
    assert server.get(path, headers={"Accept": "text/html"}).status == 406


def test_the_same_request_with_the_same_key_makes_one_csr(server):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": fresh("csr"), "dns_names": ["www.example.test"]}
    first, second = (server.command("CreateCSR", body, headers=headers).json for _ in range(2))
    assert (second["events"], second["result"]) == ([], first["result"])
    other = server.command("CreateCSR", {**body, "name": fresh("csr")}, headers=headers)
    assert (other.status, other.json["code"]) == (409, "request-reused")


def test_what_an_outside_authority_makes_of_a_csr_is_kept_with_it(server, tmp_path):
    """The round trip: `openssl ca` with its database, serial numbers and policy of its own."""
    name, pem = create(server, subject={"common_name": "www.example.test"})
    bundle = outside_authority(tmp_path, pem)
    answer = server.done("CompleteCSR", signing_request=name, certificate=bundle)
    assert [event["type"] for event in answer["events"]] == ["signing_request.signed.v1"]
    row = shown(server, name)
    assert (row["status"], row["answered_by"]) == ("signed", "admin")
    assert openssl.verifies((tmp_path / "authority.pem").read_text(), row["certificate_pem"])
    assert row["certificate_pem"].count("BEGIN CERTIFICATE") == 2
    again = server.done("CompleteCSR", signing_request=name, certificate=bundle)
    assert (again["events"], again["position"]) == ([], answer["position"])


def outside_authority(folder: Path, csr: str) -> str:
    """Have `openssl ca` sign a CSR; return its certificate below its authority's, as people paste them."""
    (folder / "index.txt").touch()
    (folder / "csr.pem").write_text(csr)
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=ca\n[ca]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\ndefault_days=30\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n"
        "x509_extensions=leaf\n[any]\ncommonName=supplied\n"
        "[leaf]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
    )
    key, authority = str(folder / "key.pem"), str(folder / "authority.pem")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl.run("req", "-x509", *new_key, "-subj", "/CN=Elsewhere CA", *usage, "-out", authority)
    options = ("-config", str(folder / "ca.cnf"), "-cert", authority, "-keyfile", key, "-batch")
    certificate = openssl.run("ca", *options, "-in", str(folder / "csr.pem"))
    return f"The authority:\n{Path(authority).read_text()}\nYours:\n{certificate}"


def test_a_csr_from_elsewhere_is_completed_too(server, csr):
    name = bring_in(server, csr)
    server.done("CompleteCSR", signing_request=name, certificate=openssl.signed_elsewhere(csr))
    row = shown(server, name)
    assert (row["status"], row["key_is_here"], row["profile"]) == ("signed", False, None)


def test_a_single_certificate_may_come_in_base64_of_der(server, csr):
    name = bring_in(server, csr)
    body = "".join(openssl.signed_elsewhere(csr).split("-----")[2].split())
    server.done("CompleteCSR", signing_request=name, certificate=body)
    assert shown(server, name)["certificate_pem"].count("BEGIN CERTIFICATE") == 1


def test_a_certificate_for_another_key_is_refused(server, csr):
    name, _ = create(server)
    body = {"signing_request": name, "certificate": openssl.signed_elsewhere(csr)}
    refused(server.command("CompleteCSR", body), "key-mismatched", "certificate")
    assert shown(server, name)["status"] == "open"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" * 21,
    ],
    ids=["nothing", "text", "truncated", "no base64", "too many"],
)
def test_what_is_no_certificate_is_refused(server, text):
    reply = server.command("CompleteCSR", {"signing_request": "kept", "certificate": text})
    refused(reply, "malformed", "certificate")


def test_unknown_attributes_are_told_by_their_kinds_and_stay_in_the_csr(server, tmp_path):
    (tmp_path / "unusual.cnf").write_text(UNUSUAL)
    key = ("-newkey", "ed25519", "-nodes", "-keyout", "/dev/null")
    csr = openssl.run("req", "-new", *key, "-config", str(tmp_path / "unusual.cnf"))
    name = bring_in(server, csr)
    row = shown(server, name)
    assert (row["subject"], row["subject_alt_names"]) == ({"organization": "Printers"}, {})
    assert set(row["attributes"]) == {"1.2.840.113549.1.9.7", "1.2.840.113549.1.9.2", "1.3.6.1.4.1.311.13.2.3"}
    assert server.get(f"/api/v1/signing-requests/{name}/pem").body.decode() == csr


def test_a_csr_that_names_nothing_is_kept_for_those_who_add_names(server):
    csr = openssl.new_csr(openssl.KEYS["ed25519"], "/")
    name = bring_in(server, csr)
    row = shown(server, name)
    assert (row["subject"], row["subject_alt_names"]) == ({}, {})
    body = {"name": fresh(), "authority": "intermediate", "signing_request": name}
    assert server.command("SignCSR", body).json["code"] == "rules-broken"
    assert shown(server, name)["status"] == "open"
    server.done("CompleteCSR", signing_request=name, certificate=openssl.signed_elsewhere(csr))


@pytest.mark.parametrize(
    ("subject", "names", "profile"),
    [("/O=Printers", "", "client"), ("/", "DNS:www.example.test", "server")],
    ids=["no common name, no alternative name", "no subject"],
)
def test_a_csr_is_signed_without_what_its_profile_doesnt_need(server, subject, names, profile):
    name = bring_in(server, openssl.new_csr(openssl.KEYS["ec-p256"], subject, names))
    server.done("SignCSR", name=fresh(), authority="intermediate", signing_request=name, profile=profile)


def test_a_csr_is_kept_once(server, csr):
    name = bring_in(server, csr)
    again = server.command("ImportCSR", {"name": name, "csr": csr})
    refused(again, "name-taken", "name")
    other = server.command("ImportCSR", {"name": fresh("csr"), "csr": csr})
    assert refused(other, "already-imported", "csr").status == 409


@pytest.mark.parametrize("text", ["", "no CSR", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END"])
def test_what_is_no_csr_is_not_kept(server, text):
    refused(server.command("ImportCSR", {"name": fresh("csr"), "csr": text}), "malformed", "csr")


def test_a_csr_that_was_changed_under_its_signature_is_not_kept(server, csr):
    der = bytearray(base64.b64decode("".join(csr.split("-----")[2].split())))
    der[-1] ^= 1
    reply = server.command("ImportCSR", {"name": fresh("csr"), "csr": base64.b64encode(der).decode()})
    assert reply.json["code"] in {"rules-broken", "malformed"}
    assert reply.json["errors"][0]["field"].startswith("csr")


def test_a_kept_csr_is_signed_by_an_authority_and_answered_in_the_same_append(server, csr):
    name, certificate = bring_in(server, csr), fresh()
    answer = server.done("SignCSR", name=certificate, authority="intermediate", signing_request=name)
    row = shown(server, name)
    assert (row["status"], row["certificate_id"]) == ("signed", answer["result"]["certificate_id"])
    (line,) = server.get(f"/api/v1/signing-requests/{name}/history?type=signing_request.approved.v1").json["items"]
    assert line["position"] < answer["position"]  # the signature came after it
    assert openssl.run("x509", "-noout", "-pubkey", text=answer["result"]["certificate_pem"].encode()) == openssl.run(
        "req", "-noout", "-pubkey", text=csr.encode()
    )


def test_the_same_wish_with_the_same_key_is_signed_once(server, csr):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": fresh(), "authority": "intermediate", "signing_request": bring_in(server, csr)}
    first, second = (server.command("SignCSR", body, headers=headers).json for _ in range(2))
    assert (second["events"], second["result"]) == ([], first["result"])


@pytest.mark.parametrize("way", ["signed here", "signed elsewhere", "rejected"])
def test_an_answer_is_final(server, csr, way):
    name = bring_in(server, csr)
    match way:
        case "signed here":
            server.done("SignCSR", name=fresh(), authority="intermediate", signing_request=name)
        case "signed elsewhere":
            server.done("CompleteCSR", signing_request=name, certificate=openssl.signed_elsewhere(csr))
        case "rejected":
            server.done("RejectCSR", signing_request=name, reason="nobody knows this host")
    before = shown(server, name)
    further = {
        "SignCSR": {"name": fresh(), "authority": "intermediate", "signing_request": name},
        "CompleteCSR": {"signing_request": name, "certificate": openssl.signed_elsewhere(csr)},
        "RejectCSR": {"signing_request": name, "reason": "another reason"},
    }
    for command, body in further.items():
        reply = server.command(command, body)
        assert refused(reply, "already-answered", "signing_request").status == 409
    assert shown(server, name) == before


def test_a_rejection_says_why(server, csr):
    name = bring_in(server, csr)
    body = {"signing_request": name, "reason": "nobody knows this host"}
    first, again = (server.done("RejectCSR", **body) for _ in range(2))
    assert (again["events"], again["position"]) == ([], first["position"])
    row = shown(server, name)
    assert (row["status"], row["reason"], row["answered_by"]) == ("rejected", "nobody knows this host", "admin")


def test_a_refused_signature_leaves_the_csr_open(server, csr):
    name = bring_in(server, csr)
    body = {"name": "no name", "authority": "intermediate", "signing_request": name}
    assert server.command("SignCSR", body).json["code"] == "rules-broken"
    assert shown(server, name)["status"] == "open"


@pytest.mark.parametrize("more", [{}, {"csr": "a CSR", "signing_request": "kept"}])
def test_a_csr_comes_from_one_place(server, more):
    refused(server.command("SignCSR", {"name": fresh(), "authority": "intermediate", **more}), "malformed", "csr")


@pytest.mark.parametrize("command", ["SignCSR", "CompleteCSR", "RejectCSR"])
@pytest.mark.parametrize("name", ["nothing-has-this-name", "018f0000-0000-7000-8000-00000000dead"])
def test_what_is_not_kept_is_not_answered(server, csr, command, name):
    bodies = {
        "SignCSR": {"name": fresh(), "authority": "intermediate"},
        "CompleteCSR": {"certificate": openssl.signed_elsewhere(csr)},
        "RejectCSR": {"reason": "why"},
    }
    reply = server.command(command, {"signing_request": name, **bodies[command]})
    assert refused(reply, "signing-request-missing", "signing_request").status == 404


def test_a_csr_for_a_weak_key_is_not_kept(server):
    csr = openssl.new_csr(("rsa", "rsa_keygen_bits:1024"), "/CN=www.example.test")
    refused(server.command("ImportCSR", {"name": fresh("csr"), "csr": csr}), "rules-broken", "csr.public_key")


def test_a_csr_for_a_compromised_key_is_not_kept(server, csr):
    public = openssl.run("req", "-noout", "-pubkey", text=csr.encode())
    server.done("ReportKeyCompromise", public_key=public, reason="found on the web")
    refused(server.command("ImportCSR", {"name": fresh("csr"), "csr": csr}), "key-compromised", "public_key")


def test_a_kept_csr_whose_key_was_compromised_since_is_not_signed(server, csr):
    kept = bring_in(server, csr)
    of_key = shown(server, kept)["public_key_hash"]
    server.done("ReportKeyCompromise", public_key_hash=of_key, reason="found on the web")
    body = {"name": fresh(), "authority": "intermediate", "signing_request": kept}
    assert server.command("SignCSR", body).json["code"] == "key-compromised"
    assert shown(server, kept)["status"] == "open"


def test_the_list_is_filtered(server, csr):
    name = bring_in(server, csr)
    query = f"/api/v1/signing-requests?status=open&key_type=ec-p256&name={name}"
    assert [row["name"] for row in server.get(f"{query}&at_least={server.size()}").json["items"]] == [name]
    server.done("RejectCSR", signing_request=name, reason="why")
    assert server.get(f"{query}&at_least={server.size()}").json["items"] == []


def test_a_completed_csr_whose_key_is_here_is_a_certificate_with_that_key(server, tmp_path):
    name, pem = create(server)
    (tmp_path / "chain.pem").write_text(openssl.signed_elsewhere(pem))
    pkcs7 = openssl.run("crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "chain.pem"))
    server.done("CompleteCSR", signing_request=name, certificate=pkcs7)
    row = server.get(f"/api/v1/certificates/{name}?at_least={server.size()}").json
    assert (row["imported"], row["key_is_here"], row["version"]) == ("yes", True, 1)
    assert row["public_key_hash"] == shown(server, name)["public_key_hash"]
    assert server.done("CompleteCSR", signing_request=name, certificate=pkcs7)["events"] == []
