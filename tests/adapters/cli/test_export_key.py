"""A certificate with its key in a file: the owner's alone, never over another, and no passphrase in an argument."""

import io
import os
import pty
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from tests.adapters.cli.conftest import PATIENCE, without_settings

PASSPHRASE = "a passphrase of the command line"  # noqa: S105 - made for this test
VARIABLE = "ES_PKI_EXPORT_PASSPHRASE"


@pytest.fixture
def name(es_pki, tmp_path):
    """The name of a certificate with its key here."""
    name = tmp_path.name.replace("_", "-").lower()[-40:].strip("-")
    outcome = es_pki("certificate", "issue", name, "--authority", "intermediate", "--dns", "key.test")
    assert outcome.status == 0, outcome.errors
    return name


def words(name, file, form="pem"):
    return ["certificate", "export", name, "--format", form, "-o", str(file), "--reason", "a move"]


def test_the_passphrase_comes_from_a_file(es_pki, name, tmp_path):
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    target = tmp_path / "key.p12"
    outcome = es_pki(*words(name, target, "pkcs12"), "--passphrase-file", tmp_path / "passphrase")
    assert outcome.status == 0, outcome.errors
    assert target.stat().st_mode & 0o777 == 0o600
    assert pkcs12.load_pkcs12(target.read_bytes(), PASSPHRASE.encode()).cert.friendly_name == name.encode()
    assert outcome.raw == b""
    assert "a move" in es_pki("certificate", "history", name).text


def test_the_passphrase_comes_from_the_environment(es_pki, name, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    outcome = es_pki(*words(name, tmp_path / "key.pem"), "--json")
    assert (outcome.json["name"], outcome.json["content"]) == (name, None)
    assert load_pem_private_key((tmp_path / "key.pem").read_bytes(), PASSPHRASE.encode())


def test_what_is_there_is_not_overwritten_and_no_key_leaves(es_pki, name, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    (tmp_path / "key.pem").write_text("before")
    outcome = es_pki(*words(name, tmp_path / "key.pem"))
    assert (outcome.status, "exists" in outcome.errors) == (2, True)
    assert (tmp_path / "key.pem").read_text() == "before"
    assert "exported" not in es_pki("certificate", "history", name).text


def test_a_refusal_leaves_no_file(es_pki, name, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "too short")
    outcome = es_pki(*words(name, tmp_path / "key.pem"))
    assert (outcome.status, "at least 12 characters" in outcome.errors) == (1, True)
    assert not (tmp_path / "key.pem").exists()


def test_without_a_passphrase_and_a_terminal_nothing_is_asked(es_pki, name, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    outcome = es_pki(*words(name, tmp_path / "key.pem"))
    assert (outcome.status, "no passphrase" in outcome.errors) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_text_is_no_passphrase(es_pki, name, tmp_path):
    (tmp_path / "passphrase").write_bytes(b"\xff" * 20)
    outcome = es_pki(*words(name, tmp_path / "key.pem"), "--passphrase-file", tmp_path / "passphrase")
    assert (outcome.status, "in UTF-8" in outcome.errors) == (2, True)


@pytest.mark.parametrize("again", [PASSPHRASE, "another passphrase"])
def test_on_a_terminal_the_passphrase_is_asked_for_twice_and_not_shown(name, data_dir, tmp_path, again):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "es_pki", "--data-dir", str(data_dir), *words(name, tmp_path / "key.pem")]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=without_settings()
    ) as process:
        os.close(theirs)
        shown = told_until(ours, b"new file: ")
        os.write(ours, PASSPHRASE.encode() + b"\n")
        shown += told_until(ours, b"Once more: ")
        os.write(ours, again.encode() + b"\n")
        shown += told_until(ours, None)
        status = process.wait(PATIENCE)
    os.close(ours)
    assert status == (0 if again == PASSPHRASE else 2), shown
    assert PASSPHRASE.encode() not in shown
    assert (tmp_path / "key.pem").exists() == (again == PASSPHRASE)


def told_until(terminal, wanted):
    """Return what a terminal shows until it shows what is wanted, None: until its program is gone."""
    shown = b""
    while wanted is None or not shown.endswith(wanted):
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            assert wanted is None, shown
            break
    return shown
