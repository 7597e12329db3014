"""Trust stores: what chains may end at now and at any time before, in files that openssl and Java take."""

import ssl
import subprocess
from datetime import UTC, datetime

import certifi
import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from tests import openssl
from tests.samples import fresh

PATH = "/api/v1/trust-stores"
PEM, PKCS12 = "application/pem-certificate-chain", "application/x-pkcs12"


def trusted(server, store, **filters):
    query = "&".join(f"{name}={value}" for name, value in {"limit": 1000, "at_least": server.size(), **filters}.items())
    return server.get(f"{PATH}/{store}/certificates?{query}").json["items"]


def bundle(server, store, form=PEM, query=""):
    reply = server.get(f"{PATH}/{store}/bundle?at_least={server.size()}{query}", headers={"Accept": form})
    assert (reply.status, reply.headers["content-type"]) == (200, form), reply.body
    return reply.body


def loaded(**source):
    """Return the certificates that OpenSSL finds in a file or text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(**source)
    return set(context.get_ca_certs(binary_form=True))


@pytest.fixture
def store(server):
    """A store that trusts our own root."""
    name = fresh("trust")
    server.done("CreateTrustStore", name=name, authorities=["root"])
    return name


def test_a_chain_ends_where_the_store_says(server, store):
    body = {"name": fresh(), "authority": "intermediate", "dns_names": ["www.example.test"]}
    chain = server.done("IssueCertificate", **body)["result"]["certificate_pem"]
    assert openssl.verifies(bundle(server, store).decode(), chain)
    other = fresh("trust")
    server.done("CreateTrustStore", name=other, certificates=openssl.self_signed_authority())
    assert not openssl.verifies(bundle(server, other).decode(), chain)


def test_a_store_at_any_past_time_is_a_query(server, store):
    (root,) = trusted(server, store)
    position = server.size()
    body = {"trust_store": store, "fingerprint": root["fingerprint"], "reason": "the key was sold"}
    assert server.done("DistrustCertificate", **body)["result"]["trusted"] == 0
    (row,) = trusted(server, store)
    assert (row["status"], row["reason"]) == ("distrusted", "the key was sold")
    assert bundle(server, store) == b""
    assert trusted(server, store, as_of=position) == [root]
    assert bundle(server, store, PEM, f"&as_of={position}").decode() == root["certificate_pem"]


def test_what_is_phased_out_says_until_when_and_is_in_no_file(server, store):
    (root,) = trusted(server, store)
    server.done(
        "DistrustCertificate",
        trust_store=store,
        fingerprint=":".join(root["fingerprint"][at : at + 2].upper() for at in range(0, 64, 2)),
        reason="moved elsewhere",
        issued_after="2026-03-01T00:00:00Z",
    )
    (row,) = trusted(server, store, status="limited")
    assert row["issued_after"] == "2026-03-01T00:00:00Z"
    assert bundle(server, store) == b""


def test_distrust_lasts_until_somebody_means_it(server, store):
    (root,) = trusted(server, store)
    server.done("DistrustCertificate", trust_store=store, fingerprint=root["fingerprint"], reason="a test")
    reply = server.command("TrustCertificate", {"trust_store": store, "authorities": ["root"]})
    assert (reply.status, reply.json["code"]) == (409, "distrusted")
    server.done("TrustCertificate", trust_store=store, authorities=["root"], again=True)
    (row,) = trusted(server, store)
    assert (row["status"], row["reason"], row["distrusted"]) == ("trusted", "", None)


def test_the_public_roots_are_all_there_and_openssl_and_java_load_them(server, tmp_path):
    name = fresh("public")
    server.done("CreateTrustStore", name=name, system=True)
    roots = loaded(cafile=certifi.where())
    assert len(roots) > 100
    assert loaded(cadata=bundle(server, name).decode()) == roots
    file = tmp_path / "public.p12"
    file.write_bytes(bundle(server, name, PKCS12))
    command = ["keytool", "-J-Duser.language=en", "-list", "-keystore", str(file), "-storepass", "changeit"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert listed.count("trustedCertEntry") == len(roots)
    assert server.done("TrustCertificate", trust_store=name, system=True)["events"] == []


def test_a_bundle_with_text_around_it_and_a_single_der_certificate_are_read(server):
    one, other = openssl.self_signed_authority(), openssl.self_signed_authority()
    name = fresh("trust")
    made = server.done("CreateTrustStore", name=name, certificates=f"the old one\n{one}\nthe new one\n{other}\n")
    assert made["result"]["trusted"] == 2
    der = "".join(openssl.self_signed_authority().splitlines()[1:-1])
    assert server.done("TrustCertificate", trust_store=name, certificates=der)["result"]["trusted"] == 3
    store = pkcs12.load_pkcs12(bundle(server, name, PKCS12), b"changeit")
    assert len({held.friendly_name for held in store.additional_certs}) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("no certificate", "malformed"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "malformed"),
        ("MAA=", "malformed"),
        ("-----BEGIN CERTIFICATE-----\nMAA=", "malformed"),
        ("\ud7ff\u202e", "malformed"),
    ],
)
def test_what_is_no_certificate_is_refused(server, text, code):
    size = server.size()
    reply = server.command("CreateTrustStore", {"name": fresh("trust"), "certificates": text})
    assert server.size() == size
    assert (reply.status, reply.json["code"]) == (400, code)
    assert reply.json["errors"][0]["field"] == "certificates"


def test_a_certificate_of_no_authority_is_refused(server):
    leaf = server.done("SelfSignCertificate", name=fresh(), dns_names=["www.example.test"])["result"]
    body = {"name": fresh("trust"), "certificates": leaf["certificate_pem"]}
    reply = server.command("CreateTrustStore", body)
    assert (reply.status, reply.json["code"]) == (422, "rules-broken")
    assert reply.json["errors"][0]["field"] == "certificates"


def test_stores_are_found_by_name_and_listed(server, store):
    row = server.get(f"{PATH}/{store}?at_least={server.size()}").json
    assert (row["name"], row["created_by"]) == (store, "admin")
    assert datetime.fromisoformat(row["created"]) <= datetime.now(UTC)
    assert row in server.get(f"{PATH}?limit=1000").json["items"]
    assert server.get(f"{PATH}/nobodys").status == 404
    assert server.command("CreateTrustStore", {"name": store}).json["code"] == "name-taken"
