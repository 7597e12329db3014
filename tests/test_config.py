"""Settings: where they come from, which wins, and what is refused."""

import pytest

from es_pki.config import Settings, SettingsRefused, host_and_port, load


def test_the_defaults_are_those_of_a_single_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load({}, {}) == Settings()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path):
    (tmp_path / "es-pki.toml").write_text('listen = "127.0.0.1:1"\npublic_listen = "127.0.0.1:2"\norganization = "A"\n')
    environment = {"ES_PKI_LISTEN": "127.0.0.1:3", "ES_PKI_PUBLIC_LISTEN": "127.0.0.1:4", "HOME": "/"}
    settings = load(environment, {"data_dir": str(tmp_path), "listen": "127.0.0.1:5"})
    assert (settings.listen, settings.public_listen) == ("127.0.0.1:5", "127.0.0.1:4")
    assert (settings.organization, settings.folder) == ("A", tmp_path)


def test_host_names_are_listed_with_commas(tmp_path):
    assert load({"ES_PKI_HOST_NAMES": "a.test,192.0.2.1"}, {"data_dir": str(tmp_path)}).host_names == (
        "a.test",
        "192.0.2.1",
    )


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ES_PKI_LISTENN": "x"}, "ES_PKI_LISTENN"),
        ({"ES_PKI_LISTEN": "nowhere"}, "listen"),
        ({"ES_PKI_LISTEN": "127.0.0.1:99999"}, "listen"),
        ({"ES_PKI_PUBLIC_LISTEN": ":80"}, "public_listen"),
        ({"ES_PKI_ACME_WEBROOTS": "www"}, "acme_webroots"),
        ({"ES_PKI_ACME_WEBROOTS": "/var/www/,/srv"}, "acme_webroots"),
        ({"ES_PKI_TLS_ALPN_LISTEN": "443"}, "tls_alpn_listen"),
        ({"ES_PKI_DATABASE_URL": "mysql://x"}, "database_url"),
        ({"ES_PKI_PUBLIC_URL": "https://pki.test"}, "public_url"),
        ({"ES_PKI_PUBLIC_URL": "http://h/ä b"}, "public_url"),
        ({"ES_PKI_PUBLIC_URL": "http://:80"}, "public_url"),
        ({"ES_PKI_ORGANIZATION": "ö" * 25}, "organization"),
        ({"ES_PKI_ORGANIZATION": ""}, "organization"),
        ({"ES_PKI_LOG_ORIGIN": "two words"}, "log_origin"),
        ({"ES_PKI_LOG_ORIGIN": "a+b"}, "log_origin"),
        ({"ES_PKI_BACKUP_EVERY_HOURS": "often"}, "backup_every_hours"),
        ({"ES_PKI_BACKUP_EVERY_HOURS": "-1"}, "backup_every_hours"),
        ({"ES_PKI_BACKUP_EVERY_HOURS": "24"}, "backup_dir"),
        ({"ES_PKI_BACKUP_KEEP": "0"}, "backup_keep"),
        ({"ES_PKI_ACME_RENEWALS_PER_HOUR": "0"}, "acme_renewals_per_hour"),
        ({"ES_PKI_ACME_RENEWALS_AT_ONCE": "65"}, "acme_renewals_at_once"),
    ],
)
def test_what_can_not_be_used_is_named(tmp_path, environment, named):
    with pytest.raises(SettingsRefused, match=named):
        load(environment, {"data_dir": str(tmp_path)})


@pytest.mark.parametrize("content", ["unknown = 1", 'data_dir = "elsewhere"', "listen = 5", "not toml", b"\xff\xfe"])
def test_a_bad_file_is_refused(tmp_path, content):
    (tmp_path / "es-pki.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsRefused):
        load({}, {"data_dir": str(tmp_path)})


def test_numbers_come_as_they_are_or_as_texts(tmp_path):
    (tmp_path / "es-pki.toml").write_text('backup_dir = "b"\nbackup_every_hours = 24\nbackup_keep = 3\n')
    settings = load({"ES_PKI_BACKUP_KEEP": "5"}, {"data_dir": str(tmp_path)})
    assert (settings.backup_every_hours, settings.backup_keep) == (24, 5)


def test_settings_show_no_secret():
    given = {"database_url": "postgresql://u:secret@h/d", "master_passphrase": "secret"}
    shown = repr(Settings(**given))
    assert "secret" not in shown


def test_an_ipv6_host_stands_in_brackets():
    assert host_and_port("[::1]:8443", "listen") == ("::1", 8443)
