"""Bad input: each a problem document that names the field and the rule, nothing appended, never a 500."""

import base64
import gzip
import uuid
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from es_pki.adapters.http.routes import ROUTES
from tests import openssl


def problem(reply, status, code, field=None):
    assert reply.headers["content-type"].startswith("application/problem+json"), reply
    document = reply.json
    assert (reply.status, document["code"]) == (status, code), document
    assert document["status"] == status
    if field is not None:
        assert field in [error["field"] for error in document["errors"]], document
        assert all(error["rule"] and error["detail"] for error in document["errors"])
    return document


@pytest.fixture
def nothing_appended(server):
    before = server.size()
    yield
    assert server.size() == before


def csr_body(csr, **changes):
    return {"name": f"b-{uuid.uuid4().hex[:12]}", "authority": "intermediate", "csr": csr, **changes}


BODIES = [
    (b"", "malformed", "body"),
    (b"{", "malformed", "body"),
    (b"[]", "malformed", "body"),
    (b'"text"', "malformed", "body"),
    (b"\xff\xfe", "malformed", "body"),
    (b"{" * 5000, "malformed", "body"),
    (b"[" * 200_000, "malformed", "body"),
    (b"{}", "malformed", "name"),
    (b'{"name":"x","authority":"intermediate","csr":"x","surprise":1}', "malformed", "surprise"),
    (b'{"name":"x","authority":"intermediate","csr":"x","n\\u0061me":"y"}', "malformed", "name"),
    (b'{"name":"x","authority":"intermediate","csr":"x","\\ud800":1,"\\ud800":1}', "malformed", "body"),
    (b'{"name":1,"authority":"intermediate","csr":"x"}', "malformed", "name"),
    (b'{"name":"x","authority":"intermediate","csr":"x","validity_days":1e99}', "malformed", "validity_days"),
]


@pytest.mark.parametrize(("body", "code", "field"), BODIES)
def test_a_malformed_body_is_refused(server, nothing_appended, body, code, field):
    problem(server.command("SignCSR", body), 400, code, field)


@pytest.mark.usefixtures("nothing_appended")
def test_a_huge_body_is_refused(server):
    for name, largest in (("SignCSR", 256 << 10), ("ImportCertificates", 4 << 20)):
        problem(server.command(name, b'{"csr":"' + b"A" * largest + b'"}'), 413, "body-too-large")
        problem(server.command(name, b'{"none":"' + b"A" * (largest - 100) + b'"}'), 400, "malformed")


@pytest.mark.usefixtures("nothing_appended")
def test_other_media_types_are_refused(server):
    reply = server.command("SignCSR", b"name=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    problem(reply, 415, "not-json", "Content-Type")


EMPTY = gzip.compress(b"{}", mtime=0)
"""Without the time: it stands in the test's name, and two workers that collect tests would disagree on it."""


@pytest.mark.usefixtures("nothing_appended")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense", "gzip, gzip"])
@pytest.mark.parametrize("body", [b"{}", EMPTY, EMPTY[:-6], gzip.compress(bytes(1 << 24), mtime=0)])
def test_an_encoded_body_is_refused_whatever_is_in_it(server, coding, body):
    reply = server.command("SignCSR", body, headers={"Content-Encoding": coding})
    problem(reply, 415, "body-encoded", "Content-Encoding")
    assert reply.headers["accept-encoding"] == "identity"


def test_unknown_routes_methods_and_commands_are_refused(server):
    problem(server.get("/api/v1/nothing"), 404, "no-such-route")
    reply = server.send("DELETE", "/api/v1/certificates")
    problem(reply, 405, "method-not-allowed")
    assert "GET" in reply.headers["allow"]
    problem(server.command("DestroyEverything", {}), 404, "no-such-command", "name")


@pytest.mark.parametrize(
    "csr",
    [
        "",
        "not a CSR",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        "A" * 70_000,
        "MAA=",
    ],
)
def test_what_is_no_csr_is_refused(server, nothing_appended, csr):
    problem(server.command("SignCSR", csr_body(csr)), 400, "malformed", "csr")


def test_a_truncated_csr_is_refused(server, nothing_appended, csrs):
    der = base64.b64decode("".join(csrs["ec-p256"].splitlines()[1:-1]))
    for length in range(0, len(der), 17):
        reply = server.command("SignCSR", csr_body(base64.b64encode(der[:length]).decode()))
        problem(reply, 400, "malformed", "csr")


@pytest.mark.usefixtures("nothing_appended")
def test_a_csr_whose_signature_fails_is_refused(server, csrs):
    der = bytearray(base64.b64decode("".join(csrs["rsa-2048"].splitlines()[1:-1])))
    der[-1] ^= 1
    reply = server.command("SignCSR", csr_body(base64.b64encode(der).decode()))
    problem(reply, 422, "rules-broken", "csr.signature")


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        (("rsa", "rsa_keygen_bits:1024"), (), "csr.public_key"),
        (("rsa", "rsa_keygen_pubexp:3"), (), "csr.public_key"),
        (("ec", "ec_paramgen_curve:secp256k1"), (), "csr.public_key"),
        (("ed448", ""), (), "csr.public_key"),
        (("ec", "ec_paramgen_curve:P-256"), ("-sha1",), "csr.signature"),
        (("rsa", "rsa_keygen_bits:2048"), ("-md5",), "csr.signature"),
    ],
)
def test_weak_keys_and_signatures_are_refused(server, nothing_appended, kind, more, field):
    csr = openssl.new_csr(kind, "/CN=www.example.test", "DNS:www.example.test", *more)
    problem(server.command("SignCSR", csr_body(csr)), 422, "rules-broken", field)


@pytest.mark.parametrize(
    ("subject", "names", "field"),
    [
        ("/CN=www.example.test", "", "dns_names"),
        ("/CN=www.example.test", "DNS:other.example.test", "subject.common_name"),
        ("/CN=www.example.test", "DNS:www.example.test,RID:1.2.3.4", "csr.subject_alt_names"),
        ("/CN=www.example.test/dnQualifier=x", "DNS:www.example.test", "csr.subject"),
        ("/CN=www.example.test", "DNS:www.example.test,DNS:a..b", "dns_names[1]"),
    ],
)
def test_a_csr_that_wishes_too_much_is_refused(server, nothing_appended, subject, names, field):
    more = ("-addext", "extendedKeyUsage=serverAuth") if not names else ()
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], subject, names, *more)
    problem(server.command("SignCSR", csr_body(csr)), 422, "rules-broken", field)


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"dns_names": []}, 422, "rules-broken", "dns_names"),
        ({"dns_names": [], "ip_addresses": ["300.1.1.1"]}, 400, "malformed", "ip_addresses[0]"),
        ({"dns_names": ["a" * 300 + ".test"]}, 422, "rules-broken", "dns_names[0]"),
        ({"dns_names": ["ok.test", "ﷺ"]}, 400, "malformed", "dns_names[1]"),
        ({"email_addresses": ["nobody"]}, 400, "malformed", "email_addresses[0]"),
        ({"uris": ["not absolute"]}, 422, "rules-broken", "uris[0]"),
        ({"subject": {"organization": "x" * 5000}}, 422, "rules-broken", "subject"),
        ({"subject": {"organizational_unit": ["x" * 60] * 100}}, 422, "rules-broken", "subject"),
        ({"subject": {"organization": "x" * 65}}, 422, "rules-broken", "subject.organization"),
        ({"subject": {"email_address": "a@evil.test."}}, 422, "rules-broken", "subject.email_address"),
        ({"subject": {"common_name": ["api.example.test", "*.evil.com"]}}, 422, "rules-broken", "subject.common_name"),
        ({"dns_names": ["xn--zzzzzzzzzzz.example.test"]}, 400, "malformed", "dns_names[0]"),
        ({"dns_names": ["0x7f.0.0.0x1"]}, 422, "rules-broken", "dns_names[0]"),
        ({"uris": ["https://evil.test\\@good.test/"]}, 422, "rules-broken", "uris[0]"),
        ({"uris": ["https://user@good.test/"]}, 422, "rules-broken", "uris[0]"),
        ({"uris": ["http://good.test:abc/"]}, 422, "rules-broken", "uris[0]"),
        ({"uris": ["http://good.test/<b>"]}, 422, "rules-broken", "uris[0]"),
        ({"subject": {"shoe_size": "46"}}, 400, "malformed", "subject"),
        ({"subject": {"organization": "a\0b"}}, 422, "rules-broken", "subject.organization"),
        ({"authority": "nobody"}, 404, "authority-missing", "authority"),
        ({"authority": "x\0y"}, 404, "authority-missing", "authority"),
        ({"authority": "A" * 100_000}, 404, "authority-missing", "authority"),
        ({"name": "../../etc/passwd"}, 422, "rules-broken", "name"),
        ({"name": ""}, 422, "rules-broken", "name"),
        ({"name": "es-pki-api"}, 409, "name-taken", "name"),
        ({"validity_days": 0}, 422, "rules-broken", "validity_days"),
        ({"validity_days": -1}, 422, "rules-broken", "validity_days"),
        ({"validity_days": 10**15}, 422, "rules-broken", "validity_days"),
        ({"key_type": "rsa-1024"}, 400, "malformed", "key_type"),
        ({"profile": "intermediate"}, 422, "rules-broken", "profile"),
        ({"profile": "master"}, 404, "profile-missing", "profile"),
        ({"profile": "../server"}, 404, "profile-missing", "profile"),
        ({"profile": str(uuid.uuid4())}, 404, "profile-missing", "profile"),
        ({"user_principal_names": ["nobody"]}, 400, "malformed", "user_principal_names[0]"),
        ({"security_identifier": "S-1"}, 422, "rules-broken", "security_identifier"),
    ],
)
def test_a_bad_field_is_named(server, nothing_appended, changes, status, code, field):
    body = {"name": f"b-{uuid.uuid4().hex[:12]}", "authority": "intermediate", "dns_names": ["ok.test"], **changes}
    problem(server.command("IssueCertificate", body), status, code, field)


def test_legal_but_awkward_organizations_work(server):
    for organization in ("Novo A/S", "a=b"):
        server.done(
            "IssueCertificate",
            name=f"b-{uuid.uuid4().hex[:12]}",
            authority="intermediate",
            dns_names=["ok.test"],
            subject={"organization": organization},
        )


@pytest.mark.usefixtures("nothing_appended")
@pytest.mark.parametrize("key", ["x" * 300])
def test_a_long_idempotency_key_is_refused(server, csrs, key):
    reply = server.command("SignCSR", csr_body(csrs["ec-p256"]), headers={"Idempotency-Key": key})
    problem(reply, 400, "malformed", "Idempotency-Key")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer nonsense", 401),
        ("Basic YWRtaW46YWRtaW4=", 401),
        ("Bearer " + "x" * 5000, 401),
    ],
)
def test_a_missing_or_foreign_token_opens_nothing(server, nothing_appended, authorization, status):
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/api/v1/certificates", "/api/v1/events"):
        reply = server.get(path, token=None, headers=headers)
        problem(reply, status, "unauthenticated", "Authorization")
        assert reply.headers["www-authenticate"].startswith("Bearer")
    reply = server.command("SignCSR", {}, token=None, headers=headers)
    problem(reply, status, "unauthenticated", "Authorization")


def test_an_expired_token_opens_nothing(server):
    body = {"name": f"e-{uuid.uuid4().hex[:12]}", "roles": ["viewer"], "expires": "2020-01-01T00:00:00Z"}
    problem(server.command("CreateToken", body), 422, "rules-broken", "expires")


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "malformed", "limit"),
        ("limit=1001", "malformed", "limit"),
        ("limit=ten", "malformed", "limit"),
        ("limit=٣", "malformed", "limit"),
        ("as_of=yesterday", "malformed", "as_of"),
        ("as_of=99999999999999999999", "malformed", "as_of"),
        ("at_least=-1", "malformed", "at_least"),
        ("colour=red", "malformed", "colour"),
        ("cursor=!!!", "bad-query", "query"),
        ("cursor=AAAA", "bad-query", "query"),
        ("cursor=WyJhIl0=", "bad-query", "query"),
    ],
)
def test_a_bad_query_is_refused(server, query, code, field):
    problem(server.get(f"/api/v1/certificates?{quote(query, safe='=&')}"), 400, code, field)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.roles is not None], ids=lambda r: f"{r.method} {r.path}")
def test_an_unknown_parameter_is_refused_by_every_route(server, route):
    path = route.path.replace("{id}", "root").replace("{name}", "SignCSR")
    problem(server.send(route.method, f"{path}?asof=1"), 400, "malformed", "asof")


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-03T12:00:00",
        "2026-05-03T12:00Z",
        "2026-W18-7",
        "20260503T120000Z",
        "2026-123",
        "2026-05-03T24:00:00Z",
        "2026-02-30",
        "2026-05-03T12:00:00+25:00",
        "2026-05-03Z",
        "٢٠٢٦-05-03",
    ],
)
def test_a_time_has_an_offset_and_a_day_has_none(server, text):
    for path, field in (("certificates?as_of", "as_of"), ("calendar?from", "from"), ("calendar.ics?to", "to")):
        problem(server.get(f"/api/v1/{path}={quote(text)}"), 400, "malformed", field)


@pytest.mark.parametrize("text", ["2026-05-03", "2026-05-03t12:00:00.123456789z", "2026-05-03T12:00:00+02:00"])
def test_a_time_with_its_offset_and_a_day_are_taken(server, text):
    assert server.get(f"/api/v1/calendar?from={quote(text)}").status == 200
    assert server.get(f"/api/v1/calendar?from={text}").status == 200


def test_bad_bounds_of_the_calendar_are_refused(server):
    problem(server.get("/api/v1/calendar?from=soon"), 400, "malformed", "from")
    problem(server.get("/api/v1/calendar?to=0000-00-00"), 400, "malformed", "to")
    assert server.get("/api/v1/calendar?from=0001-01-01T00:00:00%2B14:00").status in {200, 400}


def test_a_time_without_an_offset_is_refused(server):
    body = {"name": "someone", "roles": ["viewer"], "expires": "2030-01-01T00:00:00"}
    problem(server.command("CreateToken", body), 400, "malformed", "expires")


def test_a_policy_that_no_record_holds_is_refused(server):
    names = {"permitted": {"email_addresses": [f"{n:0200d}@example.test" for n in range(400)]}}
    reply = server.command("SetIssuancePolicy", {"authority": "root", "policy": {"names": names}})
    assert reply.status in {400, 422}
    assert reply.json["errors"]


def test_no_name_has_nul_in_it(server):
    for path in ("certificates/x%00y", "authorities/%00", "certificates?name=%00", "events?stream=%00", "events?%00=1"):
        problem(server.get(f"/api/v1/{path}"), 400, "malformed", "query")


def test_unknown_things_are_not_found(server):
    for path in ("certificates", "authorities"):
        for wanted in ("nothing", str(uuid.uuid4()), "%F0%9F%92%A9", "a" * 3000):
            answer = server.get(f"/api/v1/{path}/{wanted}")
            problem(answer, 404, "not-found")
            assert [(one["field"], one["rule"]) for one in answer.json["errors"]] == [("id", "names are known")]


def test_a_number_that_is_too_long_is_told_its_limit(server):
    answer = server.get("/api/v1/certificates?as_of=" + 19 * "9")
    problem(answer, 400, "malformed")
    assert "18 digits" in answer.json["errors"][0]["detail"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("name", "authority", "csr", "subject", "dns_names", "ip_addresses", "uris", "email_addresses", "profile",
          "key_type", "validity_days", "issuer", "path_length", "name_constraints", "policy", "roles", "expires",
          "principal", "reason")  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    command=st.sampled_from(["CreateAuthority", "SetIssuancePolicy", "IssueCertificate", "SignCSR",
                             "SelfSignCertificate", "CreateToken", "RevokeToken", "RotateLogKey"]),
    body=st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["intermediate", "root", "server"])),
)  # fmt: skip
def test_no_json_makes_the_server_fail(server, command, body):
    reply = server.command(command, body)
    assert reply.status < 500, reply.body
    assert reply.status == 200 or reply.headers["content-type"].startswith("application/problem+json")
