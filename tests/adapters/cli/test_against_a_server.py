"""The verbs against a real server."""

import json
import os
import signal
import ssl
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from tests.adapters.cli.conftest import PATIENCE, without_settings


def issue(es_pki, name, *options):
    outcome = es_pki("certificate", "issue", name, "--authority", "intermediate", "--dns", f"{name}.test", *options)
    assert outcome.status == 0, outcome.errors
    return outcome


@pytest.fixture
def csr_file(tmp_path):
    subprocess.run(
        [
            "openssl",
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=c.test",
            "-addext",
            "subjectAltName=DNS:c.test",
            "-keyout",
            "/dev/null",
            "-out",
            tmp_path / "c.csr",
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path / "c.csr"


def test_the_status_names_authorities_and_expiries(es_pki):
    outcome = es_pki("status")
    assert outcome.status == 0
    assert "authority intermediate: active" in outcome.text
    assert "es-pki-api" in outcome.text


def test_an_issued_certificate_is_printed_as_a_chain_and_told_of_beside_it(es_pki):
    outcome = issue(es_pki, "printed")
    leaf, issuer = x509.load_pem_x509_certificates(outcome.raw)
    leaf.verify_directly_issued_by(issuer)
    assert outcome.errors.startswith("certificate printed, version 1, serial number ")


def test_what_was_issued_is_seen_by_the_next_question(es_pki):
    issue(es_pki, "seen")
    row = es_pki("certificate", "show", "seen", "--json").json
    assert row["status"] == "issued"
    listed = es_pki("certificate", "list", "--filter", "name=seen", "--json").json["items"]
    assert [item["id"] for item in listed] == [row["id"]]
    versions = es_pki("certificate", "versions", "seen", "--json").json["items"]
    assert [version["fingerprint"] for version in versions] == [row["fingerprint"]]
    history = es_pki("certificate", "history", "seen").text
    assert history.index("certificate.prepared.v1") < history.index("certificate.issued.v1")


def test_a_certificate_comes_in_every_form(es_pki, tmp_path):
    issue(es_pki, "forms")
    in_pem = es_pki("certificate", "pem", "forms").raw
    in_der = es_pki("certificate", "pem", "forms", "--form", "der").raw
    assert es_pki("certificate", "pem", "forms", "--form", "pkcs7", "-o", tmp_path / "forms.p7c").raw == b""
    leaf = x509.load_der_x509_certificate(in_der)
    assert x509.load_pem_x509_certificates(in_pem)[0] == leaf
    assert leaf in pkcs7.load_der_pkcs7_certificates((tmp_path / "forms.p7c").read_bytes())


def test_the_chain_ends_at_the_root_that_authority_pem_prints(es_pki):
    issue(es_pki, "chained")
    chain = x509.load_pem_x509_certificates(es_pki("certificate", "chain", "chained").raw)
    assert chain[-1] == x509.load_pem_x509_certificate(es_pki("authority", "pem", "root").raw)


@pytest.mark.parametrize("in_form", ["PEM", "DER"])
def test_a_csr_is_signed_from_a_file(es_pki, csr_file, tmp_path, in_form):
    subprocess.run(["openssl", "req", "-in", csr_file, "-outform", in_form, "-out", tmp_path / "given"], check=True)
    outcome = es_pki(
        "csr", "sign", f"csr-{in_form}", tmp_path / "given", "--authority", "intermediate", "-o", tmp_path / "c.pem"
    )
    assert (outcome.status, outcome.raw) == (0, b"")
    leaf = x509.load_pem_x509_certificates((tmp_path / "c.pem").read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["c.test"]


def test_a_self_signed_certificate_has_no_chain(es_pki):
    assert es_pki("certificate", "self-sign", "alone", "--dns", "alone.test").status == 0
    outcome = es_pki("certificate", "chain", "alone")
    assert outcome.status == 1
    assert "no authority" in outcome.errors


def test_a_refusal_ends_with_status_1_and_names_fields_and_rules(es_pki):
    outcome = es_pki("certificate", "issue", "broken", "--authority", "intermediate", "--dns", "a..b")
    assert (outcome.status, outcome.raw) == (1, b"")
    first, *violations = outcome.errors.splitlines()
    assert first.startswith("error: ")
    assert violations[0] == "  dns_names[0]: RFC 5280 section 4.2.1.6"


def test_the_same_idempotency_key_issues_once(es_pki):
    assert issue(es_pki, "once", "--idempotency-key", "k").raw == issue(es_pki, "once", "--idempotency-key", "k").raw


def test_a_revoked_version_is_none_to_roll_back_to_and_the_error_says_so(es_pki):
    issue(es_pki, "bygone")
    assert es_pki("certificate", "revoke", "bygone").status == 0
    assert es_pki("certificate", "renew", "bygone").status == 0
    outcome = es_pki("certificate", "rollback", "bygone")
    assert outcome.status == 2
    assert "no earlier version that holds" in outcome.errors


def test_a_certificate_is_renewed_rolled_back_and_reissued(es_pki):
    issue(es_pki, "lived")
    renewed = es_pki("certificate", "renew", "lived", "--days", 30)
    assert renewed.errors.startswith("certificate lived, version 2, serial number ")
    assert es_pki("certificate", "pem", "lived").raw == renewed.raw
    assert es_pki("certificate", "rollback", "lived", "--json").json["current_version"] == 1
    assert es_pki("certificate", "pem", "lived").raw != renewed.raw
    assert es_pki("certificate", "rollback", "lived").status == 2
    assert es_pki("certificate", "rollback", "lived", "--to", 2).status == 0
    assert es_pki("certificate", "reissue", "lived", "--dns", "other.test", "--reuse-key").status == 0
    versions = es_pki("certificate", "versions", "lived", "--json").json["items"]
    assert [(version["version"], version["is_current"]) for version in versions] == [(1, False), (2, False), (3, True)]
    shown = " ".join(es_pki("certificate", "show", "lived").text.split())
    assert "current_version: 3" in shown
    assert "other_versions: 1, 2" in shown


def test_a_certificate_signed_for_a_csr_is_renewed_by_another(es_pki, csr_file):
    es_pki("csr", "sign", "foreign", csr_file, "--authority", "intermediate")
    assert es_pki("certificate", "renew", "foreign").status == 1
    assert es_pki("certificate", "renew", "foreign", "--csr", csr_file).status == 0


def test_a_certificate_is_described_renamed_and_deleted(es_pki):
    issue(es_pki, "described")
    labels = ["--label", "tier=1", "--label", "team=web"]
    assert es_pki("certificate", "describe", "described", *labels, "--owner", "the web team").status == 0
    assert es_pki("certificate", "describe", "described", "--unlabel", "tier").status == 0
    (row,) = es_pki("certificate", "list", "--filter", "labels=team=web", "--json").json["items"]
    assert (row["name"], row["labels"], row["owner"]) == ("described", {"team": "web"}, "the web team")
    listed = es_pki("certificate", "list", "--filter", "owner=the web team").text
    assert "team=web" in listed
    assert es_pki("certificate", "rename", "described", "renamed").status == 0
    assert es_pki("certificate", "show", "described", "--json").json["name"] == "renamed"
    assert es_pki("certificate", "rename", "renamed", "released", "--release").status == 0
    assert es_pki("certificate", "show", "renamed").status == 1
    assert es_pki("certificate", "delete", "released", "--reason", "over").status == 0
    assert es_pki("certificate", "show", "released").status == 1
    assert "es-pki itself" in es_pki("certificate", "delete", "es-pki-api").errors


def test_an_authority_is_created_and_its_policy_kept(es_pki):
    made = es_pki(
        "authority",
        "create",
        "branch",
        "--issuer",
        "root",
        "--common-name",
        "Branch",
        "--path-length",
        0,
        "--days",
        100,
        "--permit-dns",
        "branch.test",
        "--json",
    )
    assert made.status == 0, made.errors
    assert es_pki("authority", "policy", "branch", "--maximum-days", 30, "--no-wildcards").status == 0
    assert es_pki("authority", "policy", "branch", "--key-type", "ed25519").status == 0
    policy = es_pki("authority", "policy", "branch", "--json").json
    assert (policy["maximum_validity_days"], policy["wildcards"], policy["key_types"]) == (30, False, ["ed25519"])
    assert "branch" in es_pki("authority", "list").text
    shown = es_pki("authority", "show", "branch").text
    assert "name_constraints.permitted.dns_names: branch.test" in " ".join(shown.split())
    assert "authority.issuance_policy_adopted.v1" in es_pki("authority", "history", "branch").text


def test_a_policy_may_come_from_a_file(es_pki, tmp_path):
    es_pki("authority", "create", "filed", "--issuer", "root", "--common-name", "Filed", "--path-length", 0)
    (tmp_path / "policy.json").write_text('{"maximum_validity_days": 7}')
    assert es_pki("authority", "policy", "filed", "--policy-file", tmp_path / "policy.json").status == 0
    assert es_pki("authority", "policy", "filed", "--json").json["maximum_validity_days"] == 7
    assert es_pki("authority", "policy", "filed", "--policy-file", tmp_path / "policy.json", "--wildcards").status == 2


def test_a_token_opens_what_its_roles_open_until_it_is_revoked(es_pki, tmp_path):
    file = tmp_path / "viewer.token"
    outcome = es_pki("token", "create", "viewer", "--role", "viewer", "--expires", "2099-01-01", "-o", file)
    assert outcome.status == 0, outcome.errors
    assert file.read_text().strip() not in outcome.text + outcome.errors
    assert es_pki("--token-file", file, "certificate", "list").status == 0
    assert es_pki("--token-file", file, "token", "list").status == 1
    assert "2099-01-01" in es_pki("token", "list").text
    assert es_pki("token", "revoke", "viewer", "--reason", "left").status == 0
    assert es_pki("--token-file", file, "certificate", "list").status == 1


def test_a_token_is_printed_alone(es_pki, monkeypatch):
    token = es_pki("token", "create", "printed", "--role", "viewer").text
    monkeypatch.setenv("ES_PKI_TOKEN", token.strip())
    assert es_pki("certificate", "list").status == 0


def test_a_refused_token_leaves_no_file(es_pki, tmp_path):
    assert es_pki("token", "create", "admin", "--role", "viewer", "-o", tmp_path / "token").status == 1
    assert not (tmp_path / "token").exists()


def test_the_past_does_not_know_what_came_later(es_pki):
    issue(es_pki, "late")
    assert es_pki("certificate", "show", "late", "--as-of", "1").status == 1


def test_the_calendar_lists_what_expires_between(es_pki):
    issue(es_pki, "soon", "--days", "2")
    items = es_pki("calendar", "--json").json["items"]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert "soon" in [item["name"] for item in items]
    assert es_pki("calendar", "--from", "2200-01-01", "--json").json == {"items": []}


def test_events_are_one_record_a_line(es_pki):
    issue(es_pki, "evented")
    lines = es_pki("events", "--after", "2", "--type", "certificate.issued.v1", "--json").text.splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["type"] for record in records} == {"certificate.issued.v1"}
    assert min(record["position"] for record in records) > 2
    (line,) = es_pki("events", "--stream", "certificate_name-evented").text.splitlines()
    assert "reservation.name_reserved.v1" in line


def test_followed_events_come_as_they_happen_and_an_interrupt_is_the_end_of_it(es_pki, data_dir):
    command = [sys.executable, "-m", "es_pki", "--data-dir", str(data_dir), "events", "--follow"]
    with subprocess.Popen(
        [*command, "--stream", "certificate_name-live"], stdout=subprocess.PIPE, env=without_settings()
    ) as following:
        try:
            issue(es_pki, "live")
            assert b"reservation.name_reserved.v1" in following.stdout.readline()
            following.send_signal(signal.SIGINT)
            assert following.wait(PATIENCE) == 0
        finally:
            following.kill()


def test_the_log_is_verified_beside_a_running_server(es_pki):
    outcome = es_pki("log", "verify", "--json")
    assert outcome.status == 0
    assert outcome.json["findings"] == []
    assert "the log is sound" in es_pki("log", "verify").text


def test_views_say_how_far_they_are(es_pki):
    rows = es_pki("views", "list", "--json").json["items"]
    assert {row["name"] for row in rows} >= {"inventory", "authorities"}
    assert {(row["state"], row["building"]) for row in rows} == {("live", None)}
    outcome = es_pki("views", "rebuild", "nothing")
    assert outcome.status == 2
    assert "inventory" in outcome.errors


def test_a_view_is_replayed_to_any_moment_beside_a_running_server(es_pki, data_dir):
    issue(es_pki, "replayed")
    now = es_pki("log", "replay", "--view", "inventory", "--json").json
    names = [row["name"] for row in now["items"]]
    assert names == sorted(names)
    assert "replayed" in names
    then = es_pki("log", "replay", "--view", "inventory", "--to", "1", "--json").json
    assert then == {"items": [], "view": "inventory", "position": 1}
    table = es_pki("log", "replay", "--view", "authorities", "--to", "2999-01-01").text
    assert "intermediate" in table
    assert "PRIVATE" not in table
    assert "token_digest" not in es_pki("log", "replay", "--view", "principals", "--json").text
    assert not list(data_dir.glob("replay-*"))


@pytest.mark.parametrize(
    ("options", "said"), [(["--view", "nothing"], "inventory"), (["--view", "inventory", "--to", "999999"], "ends at")]
)
def test_a_replay_of_what_is_not_there_is_status_2(es_pki, options, said):
    outcome = es_pki("log", "replay", *options)
    assert outcome.status == 2
    assert said in outcome.errors


def test_a_server_with_an_unknown_certificate_is_not_talked_to(es_pki):
    outcome = es_pki(
        "--ca-file", ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt", "status"
    )
    assert outcome.status == 2
    assert "error: " in outcome.errors


def test_no_server_is_status_2(bare, tmp_path):
    assert bare("status").status == 2
    (tmp_path / "es-pki-data").mkdir()
    (tmp_path / "es-pki-data" / "server.json").write_text('{"url": "https://127.0.0.1:1"}')
    (tmp_path / "es-pki-data" / "admin.token").write_text("some")
    outcome = bare("certificate", "list")
    assert outcome.status == 2
    assert "can't reach https://127.0.0.1:1" in outcome.errors


def test_a_folder_is_set_up_without_a_server(bare, tmp_path):
    assert bare("--data-dir", tmp_path / "new", "init").status == 0
    assert (tmp_path / "new" / "admin.token").stat().st_mode & 0o777 == 0o600
    assert bare("log", "verify", "--data-dir", tmp_path / "new").status == 0
    assert bare("views", "rebuild", "--data-dir", tmp_path / "new").status == 0


def test_an_unknown_setting_is_status_2(bare, monkeypatch):
    monkeypatch.setenv("ES_PKI_LISTNE", "x")
    outcome = bare("status")
    assert outcome.status == 2
    assert "ES_PKI_LISTNE" in outcome.errors


@pytest.mark.parametrize("verb", [("events",), ("events", "--follow"), ("certificate", "list"), ("authority", "list")])
def test_a_reader_that_has_seen_enough_is_the_quiet_end_of_it(es_pki, data_dir, verb):
    command = [sys.executable, "-m", "es_pki", "--data-dir", str(data_dir), *verb]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, env=without_settings()) as answering:
        os.close(writing)
        os.close(reading)
        assert answering.stderr.read() == b""
        assert answering.wait(PATIENCE) == 0


@pytest.mark.parametrize("output", ["none/c.pem", "folder"])
def test_nothing_is_issued_when_its_file_can_not_be_written(es_pki, csr_file, tmp_path, output):
    (tmp_path / "folder").mkdir()
    to = ("-o", tmp_path / output)
    for name, verb in (
        ("unwritten-csr", ("csr", "sign", "unwritten-csr", csr_file, "--authority", "intermediate", *to)),
        ("unwritten", ("certificate", "issue", "unwritten", "--authority", "intermediate", "--dns", "u.test", *to)),
        ("unwritten-self", ("certificate", "self-sign", "unwritten-self", "--dns", "u.test", *to)),
    ):
        outcome = es_pki(*verb)
        assert (outcome.status, outcome.errors.startswith(f"error: {tmp_path / output}: can't be written")) == (2, True)
        assert es_pki("certificate", "show", name).status == 1
    assert es_pki("authority", "create", "unwritten", "--common-name", "U", *to).status == 2
    assert es_pki("authority", "show", "unwritten").status == 1


def test_a_folder_without_a_log_is_named_and_not_made(bare, tmp_path):
    outcome = bare("log", "verify", "--data-dir", tmp_path / "nothing")
    assert outcome.status == 2
    assert f"{tmp_path / 'nothing'}: there is no log there" in outcome.errors
    assert not (tmp_path / "nothing").exists()


def test_a_bundle_comes_in_every_form_and_an_unchanged_file_stays_as_it_is(es_pki, tmp_path):
    in_pem = x509.load_pem_x509_certificates(es_pki("authority", "bundle", "intermediate").raw)
    store = es_pki("authority", "bundle", "intermediate", "--form", "trust-store").raw
    held = pkcs12.load_pkcs12(store, b"changeit").additional_certs
    assert [each.certificate for each in held] == in_pem
    target = tmp_path / "authorities.p7c"
    words = ("authority", "bundle", "intermediate", "--form", "pkcs7", "-o", target)
    assert es_pki(*words).status == 0
    assert set(pkcs7.load_der_pkcs7_certificates(target.read_bytes())) == set(in_pem)
    before = target.stat()
    assert es_pki(*words).status == 0
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
