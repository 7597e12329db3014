"""Where the server is found: options, then the environment, then the data folder."""

import json

import pytest

from es_pki.adapters.cli.place import NoPlace, Told, find

URL = "https://pki.example.test:8443"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "server.json").write_text(json.dumps({"url": "https://127.0.0.1:8443", "public_url": "http://x"}))
    (tmp_path / "admin.token").write_text("from-folder\n")
    (tmp_path / "ca.pem").write_text("")
    return tmp_path


def test_all_of_it_is_found_in_the_data_folder(folder):
    place = find(Told(), {}, folder)
    assert (place.url, place.token) == ("https://127.0.0.1:8443", "from-folder")
    assert (place.only_authority, place.further_authority) == (str(folder / "ca.pem"), None)


def test_the_environment_comes_before_the_data_folder(folder):
    environment = {"ES_PKI_URL": URL, "ES_PKI_TOKEN": "from-environment", "ES_PKI_CA_FILE": "other.pem"}
    place = find(Told(), environment, folder)
    assert (place.url, place.token, place.only_authority) == (URL, "from-environment", "other.pem")


def test_options_come_before_the_environment(folder, tmp_path):
    (tmp_path / "token").write_text("from-option")
    environment = {"ES_PKI_URL": "https://x.test", "ES_PKI_TOKEN": "from-environment", "ES_PKI_CA_FILE": "other.pem"}
    place = find(Told(URL, str(tmp_path / "token"), "mine.pem"), environment, folder)
    assert (place.url, place.token, place.only_authority) == (URL, "from-option", "mine.pem")


def test_a_server_that_was_named_may_have_a_certificate_that_the_system_trusts(folder):
    place = find(Told(URL), {}, folder)
    assert (place.only_authority, place.further_authority) == (None, str(folder / "ca.pem"))


def test_a_folder_where_no_server_has_run_says_what_to_do(tmp_path):
    with pytest.raises(NoPlace, match="es-pki serve"):
        find(Told(), {}, tmp_path)


@pytest.mark.parametrize(
    "url", ["http://pki.test", "pki.test", "https://", "https://[::1", "https://a:0", "file:///etc"]
)
def test_a_token_is_never_sent_in_clear(folder, url):
    with pytest.raises(NoPlace, match="https"):
        find(Told(url), {}, folder)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut", "x" * 257])
def test_what_is_no_token_is_not_sent_as_a_header(folder, token):
    with pytest.raises(NoPlace, match="token"):
        find(Told(), {"ES_PKI_TOKEN": token}, folder)


def test_a_token_file_that_is_not_there_is_said(folder):
    with pytest.raises(NoPlace, match="nowhere"):
        find(Told(None, str(folder / "nowhere")), {}, folder)


@pytest.mark.parametrize("empty", [None, "", "\n"])
def test_without_a_token_it_is_said_where_one_is_looked_for(folder, empty):
    if empty is None:
        (folder / "admin.token").unlink()
    else:
        (folder / "admin.token").write_text(empty)
    with pytest.raises(NoPlace, match="no token found: --token-file, ES_PKI_TOKEN or admin"):
        find(Told(), {}, folder)


def test_a_place_never_shows_its_token(folder):
    assert "from-folder" not in repr(find(Told(), {}, folder))
