"""`es-pki notice`, against a real server."""

import pytest

from tests.samples import fresh


@pytest.fixture
def secret_file(tmp_path):
    """A file with a secret."""
    file = tmp_path / "secret"
    file.write_text("Recognisable-secret-of-the-channel\n")
    return str(file)


def test_a_channel_is_added_tested_shown_and_removed(es_pki, secret_file):
    name = fresh("hook")
    added = es_pki(
        "notice", "add-webhook", name, "http://127.0.0.1:9/", "--secret-file", secret_file, "--about", "drift"
    )
    assert added.status == 0, added.errors
    tested = es_pki("notice", "test", name)
    assert (tested.status, "in no public network" in tested.text) == (1, True)
    shown = es_pki("notice", "show", name, "--json").json
    assert (shown["kind"], shown["about"]) == ("webhook", ["drift"])
    assert "Recognisable" not in str(shown)
    assert name in es_pki("notice", "channels", "--filter", "kind=webhook").text
    told = es_pki("notice", "list", "--filter", f"channel={name}", "--json").json["items"]
    assert [(row["kind"], row["status"], row["attempt"]) for row in told] == [("test", "given-up", 1)]
    assert "given-up" in es_pki("notice", "list", "--filter", f"channel={name}").text
    removed = es_pki("notice", "remove", name, "--reason", "a test")
    assert removed.status == 0, removed.errors
    assert name not in es_pki("notice", "channels").text


def test_mail_and_apprise_are_added_and_a_secret_is_replaced(es_pki, secret_file, monkeypatch, tmp_path):
    mail, apprise = fresh("mail"), fresh("apprise")
    who = ("--from", "es-pki@example.test", "--to", "a@example.test", "--to", "b@example.test", "--username", "es-pki")
    added = es_pki("notice", "add-email", mail, "--server", "mail.example.test", *who, "--secret-file", secret_file)
    assert added.status == 0, added.errors
    settings = es_pki("notice", "show", mail, "--json").json["settings"]
    assert (settings["recipients"], settings["security"]) == (["a@example.test", "b@example.test"], "starttls")
    assert es_pki("notice", "replace-secret", mail, "--secret-file", secret_file).status == 0
    monkeypatch.setenv("ES_PKI_NOTICE_SECRET", "ntfys://Recognisable-topic")
    assert es_pki("notice", "add-apprise", apprise).status == 0
    monkeypatch.delenv("ES_PKI_NOTICE_SECRET")
    assert es_pki("notice", "replace-secret", apprise).status == 2
    for name in (mail, apprise):
        assert es_pki("notice", "remove", name).status == 0
