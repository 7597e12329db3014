"""`es-pki dns`, against a real server and a real name server."""

import pytest

from tests import bind
from tests.samples import fresh


@pytest.fixture
def key_file(tmp_path):
    """A file with the name server's TSIG key."""
    file = tmp_path / "tsig.key"
    file.write_text(f"{bind.shared().key}\n")
    return str(file)


def add(es_pki, name, key_file, *more):
    server = bind.shared()
    where = ("--server", server.address, "--key-name", bind.KEY_NAME, "--name-server", server.address)
    zone = more or ("--zone", f"{name}.test")
    return es_pki("dns", "add-rfc2136", name, *zone, *where, "--credentials-file", key_file)


def test_a_provider_is_added_checked_shown_and_removed(es_pki, key_file):
    name = fresh("dns")
    added = add(es_pki, name, key_file, "--zone", bind.ZONE, "--check")
    assert added.status == 0, added.errors
    assert "works" in es_pki("dns", "check", name).text
    shown = es_pki("dns", "show", name, "--json").json
    assert (shown["kind"], shown["zones"]) == ("rfc2136", [bind.ZONE])
    assert bind.shared().key not in str(shown)
    assert name in es_pki("dns", "list", "--filter", "kind=rfc2136").text
    removed = es_pki("dns", "remove", name, "--reason", "a test")
    assert removed.status == 0, removed.errors
    assert name not in es_pki("dns", "list").text


def test_other_credentials_are_tried_and_a_check_that_fails_says_why(es_pki, key_file, tmp_path):
    name, other = fresh("dns"), tmp_path / "other.key"
    other.write_text(bind.tsig_key("another"))
    assert add(es_pki, name, key_file, "--zone", bind.ZONE).status == 0
    tried = es_pki("dns", "replace-credentials", name, "--credentials-file", str(other), "--check")
    assert (tried.status, "BADSIG" in tried.errors) == (1, True)
    assert es_pki("dns", "replace-credentials", name, "--credentials-file", str(other)).status == 0
    failed = es_pki("dns", "check", name)
    assert (failed.status, "BADSIG" in failed.errors) == (1, True)
    assert es_pki("dns", "check", name, "--json").json["problem"]
    assert es_pki("dns", "remove", name).status == 0


def test_a_hook_and_an_account_of_lexicon_are_added(es_pki, tmp_path):
    hook, hosted = fresh("dns"), fresh("dns")
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"auth_token": "a token of the test"}')
    added = es_pki("dns", "add-hook", hook, "--zone", f"{hook}.test", "--program", "/usr/local/bin/hook")
    assert added.status == 0, added.errors
    told = ("--provider", "cloudflare", "--option", "zone_id=0815", "--credentials-file", str(secrets))
    added = es_pki("dns", "add-lexicon", hosted, "--zone", f"{hosted}.test", *told)
    assert added.status == 0, added.errors
    settings = es_pki("dns", "show", hosted, "--json").json["settings"]
    assert settings == {"kind": "lexicon", "provider": "cloudflare", "options": {"zone_id": "0815"}}


def test_credentials_are_needed_to_replace_any(es_pki):
    outcome = es_pki("dns", "replace-credentials", "nobody")
    assert (outcome.status, "--credentials-file" in outcome.errors) == (2, True)
