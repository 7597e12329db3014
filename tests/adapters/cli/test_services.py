"""`es-pki service`, against a real server."""

import json
from urllib.parse import urlsplit

import pytest

from es_pki.adapters.cli.parser import parse
from es_pki.adapters.cli.session import body_of
from es_pki.adapters.intake.requests import RegisterService
from tests.samples import fresh


def test_a_service_is_registered_bound_and_retired(es_pki):
    www, nginx = fresh("www"), fresh("nginx")
    assert es_pki("certificate", "self-sign", www, "--dns", "www.example.test").status == 0
    outcome = es_pki("service", "register", nginx, "--owner", "www-data", "--probe", "localhost:443")
    assert outcome.status == 0, outcome.errors
    assert es_pki("service", "bind", nginx, www).status == 0
    assert nginx in es_pki("certificate", "usages", www).text
    assert nginx in es_pki("service", "list").text
    shown = es_pki("service", "show", nginx, "--json").json
    assert shown["installation"]["probe"] == {"address": "localhost:443"}
    refused = es_pki("certificate", "delete", www)
    assert refused.status == 1
    assert nginx in refused.errors
    assert es_pki("service", "reconfigure", nginx, "--group", "www-data").status == 0
    assert es_pki("service", "unbind", nginx).status == 0
    assert es_pki("service", "retire", nginx, "--reason", "replaced").status == 0
    assert "replaced" in es_pki("service", "history", nginx).text
    assert es_pki("certificate", "delete", www).status == 0


def test_a_command_of_the_kind_is_taken_away_by_an_empty_one():
    arguments = parse(["service", "register", "www", "--kind", "web-ui", "--start-command", ""])
    assert body_of(RegisterService, arguments)["start_command"] == ()


@pytest.fixture
def address(data_dir):
    """Where the server itself is to be seen."""
    return urlsplit(json.loads((data_dir / "server.json").read_text())["url"]).netloc


def test_what_is_served_is_verified_and_drift_is_status_1(es_pki, address):
    own, other, www = fresh("own"), fresh("other"), fresh("www")
    assert es_pki("certificate", "self-sign", www, "--dns", "www.example.test").status == 0
    for name, certificate in ((own, "es-pki-api"), (other, www)):
        assert es_pki("service", "register", name, "--probe", address).status == 0
        assert es_pki("service", "bind", name, certificate).status == 0
    outcome = es_pki("service", "verify", own)
    assert outcome.status == 0, outcome.errors
    outcome = es_pki("service", "verify", "--json")
    assert outcome.status == 1
    found = {row["name"]: row["drift"] for row in outcome.json["items"]}
    assert (found[own], found[other]) == ([], ["foreign"])
    listed = {row["name"]: row["status"] for row in es_pki("service", "list", "--json").json["items"]}
    assert (listed[own], listed[other]) == ("serving", "drifting")
    assert es_pki("service", "retire", other).status == 0


def test_a_service_that_can_not_be_looked_at_hides_no_other(es_pki, address, tmp_path):
    busy, own = fresh("busy"), fresh("own")
    for name, probe in ((busy, "127.0.0.1:9"), (own, address)):
        assert es_pki("service", "register", name, "--probe", probe, "--probe-seconds", "20").status == 0
        assert es_pki("service", "bind", name, "es-pki-api").status == 0
    assert es_pki("service", "deploy", busy, "--wait", "0").status == 0
    outcome = es_pki("service", "verify", "--json")
    found = {row["name"]: (row["refused"], row["drift"]) for row in outcome.json["items"]}
    assert (outcome.status, found[own]) == (1, ("", []))
    assert "has not ended" in found[busy][0]
    assert "has not ended" in es_pki("service", "verify", busy).errors


def test_commands_are_split_into_arguments_and_files_named_by_their_form():
    arguments = parse(
        [*("service", "register", "x", "--reload-command", "/bin/hook 'a b' $HOME"), "--file", "key=/etc/x/key.pem"]
    )
    body = body_of(RegisterService, arguments)
    assert body["reload_command"] == ("/bin/hook", "a b", "$HOME")
    assert body["files"] == [{"form": "key", "path": "/etc/x/key.pem"}]


@pytest.mark.parametrize("option", [("--file", "key"), ("--file", "odd=/x"), ("--reload-command", "'open")])
def test_misuse_is_said(option, capsys):
    with pytest.raises(SystemExit):
        parse(["service", "register", "x", *option])
    assert "error:" in capsys.readouterr().err
