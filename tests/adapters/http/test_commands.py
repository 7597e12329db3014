"""The commands over HTTP, against a running server, with openssl as judge."""

import uuid

import pytest
from cryptography import x509

from tests import ml_dsa, openssl


@pytest.fixture(scope="module")
def root(server):
    return server.get("/api/v1/authorities/root").json["certificate_pem"]


def name():
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.mark.parametrize("key_type", [*openssl.KEYS, "rsa-3072"])
@pytest.mark.parametrize("profile", ["server", "client"])
def test_an_issued_certificate_verifies(server, root, key_type, profile):
    body = {"name": name(), "authority": "intermediate", "dns_names": ["www.example.test"], "profile": profile}
    answer = server.done("IssueCertificate", **body, key_type=key_type)
    purpose = "sslserver" if profile == "server" else "sslclient"
    assert openssl.verifies(root, answer["result"]["certificate_pem"], "-purpose", purpose)
    assert [event["type"] for event in answer["events"]] == ["certificate.prepared.v1", "certificate.issued.v1"]


@pytest.mark.parametrize("key_type", openssl.KEYS)
def test_a_csr_of_every_key_type_is_signed(server, root, csrs, key_type):
    answer = server.done("SignCSR", name=name(), authority="intermediate", csr=csrs[key_type])
    assert openssl.verifies(root, answer["result"]["certificate_pem"], "-verify_hostname", "www.example.test")


@pytest.mark.parametrize("key_type", ["rsa-2048", "ec-p384", "ec-p521", "ed25519"])
def test_authorities_of_every_key_type_issue(server, csrs, key_type):
    mine, below = name(), name()
    root = server.done("CreateAuthority", name=mine, subject={"common_name": mine}, key_type=key_type, path_length=1)
    server.done("CreateAuthority", name=below, subject={"common_name": below}, issuer=mine, key_type=key_type)
    answer = server.done("SignCSR", name=name(), authority=below, csr=csrs["ec-p256"])
    assert openssl.verifies(root["result"]["certificate_pem"], answer["result"]["certificate_pem"])


@pytest.mark.parametrize("key_type", ml_dsa.KEYS)
def test_ml_dsa_comes_through_every_door(server, key_type):
    """An authority, a key made here, a CSR and a certificate that signs for itself; another implementation judges."""
    mine, names = name(), {"dns_names": ["www.example.test"]}
    root = server.done("CreateAuthority", name=mine, subject={"common_name": mine}, key_type=key_type)
    (issuer,) = certificates(root)
    csr = ml_dsa.new_csr(key_type, "www.example.test")
    below = [
        server.done("IssueCertificate", name=name(), authority=mine, key_type=key_type, **names),
        server.done("SignCSR", name=name(), authority=mine, csr=csr),
    ]
    for answer in below:
        assert ml_dsa.is_issued_by(certificates(answer)[0], issuer)
    (alone,) = certificates(server.done("SelfSignCertificate", name=name(), key_type=key_type, **names))
    assert ml_dsa.is_issued_by(alone, alone)


def certificates(answer):
    return x509.load_pem_x509_certificates(answer["result"]["certificate_pem"].encode())


def test_a_self_signed_certificate_verifies_by_itself(server):
    answer = server.done("SelfSignCertificate", name=name(), dns_names=["self.example.test"], validity_days=30)
    pem = answer["result"]["certificate_pem"]
    assert openssl.verifies(pem, pem, "-check_ss_sig")


def test_the_certificate_says_where_its_issuer_publishes(server):
    answer = server.done("IssueCertificate", name=name(), authority="intermediate", dns_names=["www.example.test"])
    text = openssl.text_of(answer["result"]["certificate_pem"])
    authority = server.get("/api/v1/authorities/intermediate").json["id"]
    assert f"CA Issuers - URI:{server.public_url}/pki/{authority}/ca.crt" in text
    assert f"URI:{server.public_url}/pki/{authority}/crl" in text
    assert server.fetch(f"/pki/{authority}/ca.crt").headers["content-type"] == "application/pkix-cert"


def test_every_form_of_name_stands_in_the_certificate(server):
    answer = server.done(
        "IssueCertificate",
        name=name(),
        authority="intermediate",
        profile="server-client",
        subject={"organization": "Novo A/S", "organizational_unit": ["a=b", "c, d"], "country": "DK"},
        dns_names=["Bücher.example.test", "*.example.test"],
        ip_addresses=["192.0.2.1", "2001:0db8:0:0::1"],
        email_addresses=["a@Bücher.example.test"],
        uris=["spiffe://example.test/workload"],
    )
    text = openssl.text_of(answer["result"]["certificate_pem"])
    assert "DNS:xn--bcher-kva.example.test, DNS:*.example.test" in text
    assert "IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1" in text
    assert "email:a@xn--bcher-kva.example.test" in text
    assert "URI:spiffe://example.test/workload" in text
    assert "O=Novo A/S" in text
    assert "OU=a=b" in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text


@pytest.mark.parametrize("subject", ["/O=Novo A\\/S/CN=www.example.test", "/O=a=b/CN=www.example.test"])
def test_awkward_subjects_of_csrs_survive(server, subject):
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], subject, "DNS:www.example.test,IP:2001:db8::7")
    answer = server.done("SignCSR", name=name(), authority="intermediate", csr=csr)
    text = openssl.text_of(answer["result"]["certificate_pem"])
    assert ("O=Novo A/S" in text) or ("O=a=b" in text)
    assert "IP Address:2001:DB8:0:0:0:0:0:7" in text


def test_a_csr_gets_no_ca_bit_and_no_key_usage_it_asks_for(server, root):
    csr = openssl.new_csr(
        openssl.KEYS["ec-p256"],
        "/CN=www.example.test",
        "DNS:www.example.test",
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign"),
        *("-addext", "extendedKeyUsage=codeSigning"),
    )
    text = openssl.text_of(
        server.done("SignCSR", name=name(), authority="intermediate", csr=csr)["result"]["certificate_pem"]
    )
    assert "CA:FALSE" in text
    assert "Certificate Sign" not in text
    assert "Code Signing" not in text


def test_the_same_request_with_the_same_key_is_answered_alike(server, csrs):
    body = {"name": name(), "authority": "intermediate", "csr": csrs["ec-p256"]}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, size = server.command("SignCSR", body, headers=key), server.size()
    again = server.command("SignCSR", body, headers=key)
    assert (first.status, again.status) == (200, 200)
    assert again.json["result"] == first.json["result"]
    assert (again.json["position"], again.json["events"], server.size()) == (first.json["position"], [], size)


def test_a_key_made_here_is_not_made_twice_for_the_same_request(server):
    body = {"name": name(), "authority": "intermediate", "dns_names": ["www.example.test"]}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    replies = [server.command("IssueCertificate", body, headers=key) for _ in range(2)]
    assert replies[0].json["result"] == replies[1].json["result"]


def test_another_request_with_the_same_key_is_refused(server, csrs):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    bodies = [{"name": name(), "authority": "intermediate", "csr": csrs["ec-p256"]} for _ in range(2)]
    replies = [server.command("SignCSR", body, headers=key) for body in bodies]
    assert [reply.status for reply in replies] == [200, 409]
    assert replies[1].json["code"] == "request-reused"


def test_a_policy_holds_from_its_adoption_on(server, csrs):
    mine = name()
    server.done("CreateAuthority", name=mine, subject={"common_name": mine})
    body = {"authority": mine, "csr": csrs["ec-p256"], "validity_days": 30}
    server.done("SignCSR", name=name(), **body)
    server.done("SetIssuancePolicy", authority=mine, policy={"maximum_validity_days": 10})
    reply = server.command("SignCSR", {"name": name(), **body})
    assert reply.status == 422
    assert reply.json["errors"][0]["field"] == "validity_days"


def test_name_constraints_bind_below_the_authority(server, csrs):
    mine, below = name(), name()
    constraints = {"permitted": {"dns_names": ["example.org"]}}
    server.done("CreateAuthority", name=mine, subject={"common_name": mine})
    server.done(
        "CreateAuthority", name=below, subject={"common_name": below}, issuer=mine, name_constraints=constraints
    )
    reply = server.command("SignCSR", {"name": name(), "authority": below, "csr": csrs["ec-p256"]})
    assert reply.status == 422
    assert reply.json["errors"][0]["rule"] == "RFC 5280 section 4.2.1.10"
    good = server.done("IssueCertificate", name=name(), authority=below, dns_names=["www.example.org"])
    root = server.get(f"/api/v1/authorities/{mine}").json["certificate_pem"]
    assert openssl.verifies(root, good["result"]["certificate_pem"])


def test_name_constraints_bind_below_the_authorities_below_too(server, csrs):
    above, below = name(), name()
    constraints = {"permitted": {"dns_names": ["example.org"]}}
    server.done("CreateAuthority", name=above, subject={"common_name": above}, name_constraints=constraints)
    server.done("CreateAuthority", name=below, subject={"common_name": below}, issuer=above)
    reply = server.command("SignCSR", {"name": name(), "authority": below, "csr": csrs["ec-p256"]})
    assert (reply.status, reply.json["errors"][0]["rule"]) == (422, "RFC 5280 section 4.2.1.10")


def test_two_authorities_have_two_subjects(server):
    subject = {"organization": "Two  Words", "common_name": name()}
    server.done("CreateAuthority", name=name(), subject=subject)
    same = {"organization": "two words", "common_name": subject["common_name"].upper()}
    reply = server.command("CreateAuthority", {"name": name(), "subject": same})
    assert (reply.status, reply.json["code"], reply.json["errors"][0]["field"]) == (409, "name-taken", "subject")


def test_a_key_that_is_restricted_to_pss_is_not_certified(server):
    csr = openssl.new_csr(("rsa-pss", "rsa_keygen_bits:2048"), "/CN=www.example.test", "DNS:www.example.test")
    reply = server.command("SignCSR", {"name": name(), "authority": "intermediate", "csr": csr})
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "csr.public_key")


def test_a_new_token_opens_at_once_and_a_revoked_one_nothing(server):
    mine = name()
    token = server.done("CreateToken", name=mine, roles=["viewer"])["result"]["token"]
    assert server.get("/api/v1/certificates", token=token).status == 200
    server.done("RevokeToken", principal=mine, reason="left")
    assert server.get("/api/v1/certificates", token=token).status == 401
