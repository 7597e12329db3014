"""The grammar: options before or behind the verb, and bodies that the API takes."""

import msgspec
import pytest

from es_pki.adapters.cli.parser import VERBS, parse
from es_pki.adapters.cli.session import body_of
from es_pki.adapters.cli.subjects import subject_of
from es_pki.adapters.intake.requests import CreateToken, IssueCertificate, RevokeToken
from es_pki.values import KeyType


def test_every_verb_says_what_it_does():
    assert [verb.words for verb in VERBS if not verb.help] == []


@pytest.mark.parametrize("words", [verb.words for verb in VERBS])
def test_every_verb_has_help(words, capsys):
    with pytest.raises(SystemExit) as end:
        parse([*words.split(), "--help"])
    assert end.value.code == 0
    assert "usage: es-pki" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["--json", "authority", "list"], ["authority", "list", "--json"]])
def test_an_option_of_all_verbs_may_stand_before_or_behind_the_verb(argv):
    assert parse(argv).json is True


def test_what_stands_before_the_verb_is_not_undone_by_the_verb():
    arguments = parse(["--data-dir", "elsewhere", "--url", "https://pki.test", "certificate", "list"])
    assert (arguments.data_dir, arguments.url, arguments.json) == ("elsewhere", "https://pki.test", False)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["certificate"],
        ["certificate", "issue", "www"],
        ["certificate", "issue", "www", "--authority", "ca", "--key-type", "rsa-512"],
        ["certificate", "issue", "www", "--authority", "ca", "--days", "many"],
        ["certificate", "issue", "www", "--authority", "ca", "--subject", "planet=Earth"],
        ["certificate", "list", "--filter", "status"],
        ["certificate", "list", "--js"],
        ["token", "create", "bob"],
        ["token", "create", "bob", "--role", "viewer", "--expires", "tomorrow"],
        ["certificate", "list", "--token", "secret"],
    ],
)
def test_misuse_ends_with_status_2(argv, capsys):
    with pytest.raises(SystemExit) as end:
        parse(argv)
    assert end.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_certificate_is_asked_for_in_the_words_of_the_api():
    names = ["--dns", "www.example.test", "--dns", "example.test", "--ip", "::1", "--email", "a@b.test", "--uri", "a:b"]
    options = ["--profile", "server-client", "--key-type", "ed25519", "--days", "30", "--subject", "country=CH"]
    arguments = parse(["certificate", "issue", "www", "--authority", "ca", *names, *options])
    body = body_of(IssueCertificate, arguments) | {"subject": subject_of(arguments)}
    assert msgspec.convert(body, IssueCertificate) == IssueCertificate(
        name="www",
        authority="ca",
        subject={"country": "CH"},
        dns_names=("www.example.test", "example.test"),
        ip_addresses=("::1",),
        email_addresses=("a@b.test",),
        uris=("a:b",),
        profile="server-client",
        key_type=KeyType.ED25519,
        validity_days=30,
    )


def test_what_was_not_said_is_left_to_the_server():
    arguments = parse(["certificate", "issue", "www", "--authority", "ca"])
    assert body_of(IssueCertificate, arguments) == {"name": "www", "authority": "ca"}


def test_a_naming_attribute_given_several_times_has_several_values():
    units = ["--subject", "organizational-unit=One", "--subject", "organizational_unit=Two"]
    arguments = parse(["authority", "create", "ca", "--common-name", "CA", "--organization", "Org", *units])
    expected = {"common_name": "CA", "organization": "Org", "organizational_unit": ["One", "Two"]}
    assert subject_of(arguments) == expected


def test_a_day_is_a_time_to_the_api():
    arguments = parse(["token", "create", "bob", "--role", "viewer", "--role", "auditor", "--expires", "2027-05-03"])
    request = msgspec.convert(body_of(CreateToken, arguments), CreateToken, strict=False)
    assert request.expires is not None
    assert request.expires.isoformat() == "2027-05-03T00:00:00+00:00"
    assert request.roles == ("viewer", "auditor")


def test_a_token_is_revoked_by_its_principal():
    arguments = parse(["token", "revoke", "bob", "--reason", "left"])
    assert body_of(RevokeToken, arguments) == {"principal": "bob", "reason": "left"}
