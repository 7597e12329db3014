"""Profiles and previews on the command line."""

import re
from pathlib import Path

import pytest

from es_pki.commands.built_in import BUILT_IN
from tests import openssl
from tests.samples import fresh

TERMS = """
description = "web servers of the branches"
extended_key_usages = ["server_auth"]
default_validity_days = 30
validity_rule = "ca-browser-forum"
wildcards = false

[further_key_usages]
rsa = ["key_encipherment"]

[subject.fixed]
organization = "Example"

[names.permitted]
dns_names = ["branch.test"]
"""


@pytest.fixture
def defined(es_pki, tmp_path):
    """The name of a profile that was defined from a TOML file, and the file."""
    name, file = fresh("profile"), tmp_path / "terms.toml"
    file.write_text(TERMS)
    outcome = es_pki("profile", "define", name, file, "--json")
    assert (outcome.status, outcome.json["version"]) == (0, 1), outcome.errors
    return name, file


def test_a_profile_is_defined_shown_listed_and_retired(es_pki, defined):
    name, file = defined
    shown = es_pki("profile", "show", name, "--json").json
    assert (shown["terms"]["subject"]["fixed"], shown["terms"]["validity_rule"]) == (
        {"organization": "Example"},
        "ca-browser-forum",
    )
    assert "terms.names.permitted.dns_names:" in es_pki("profile", "show", name).text
    listed = es_pki("profile", "list").text
    assert all(known in listed for known in (*BUILT_IN, name, "web servers of the branches"))
    file.write_text(TERMS.replace("30", "20"))
    assert es_pki("profile", "define", name, file, "--json").json["version"] == 2
    assert es_pki("profile", "retire", name, "--reason", "closed").status == 0
    assert es_pki("profile", "show", name, "--json").json["status"] == "retired"
    history = es_pki("profile", "history", name).text
    assert (history.count("profile.defined.v1"), history.count("profile.retired.v1")) == (2, 1)


def test_a_certificate_is_issued_under_a_profile_that_was_added(es_pki, defined):
    name, certificate = defined[0], fresh()
    options = ("--authority", "intermediate", "--profile", name)
    outcome = es_pki("certificate", "issue", certificate, *options, "--dns", "www.branch.test")
    assert "Subject: O=Example" in openssl.text_of(outcome.text)
    assert f"{name} 1" in es_pki("certificate", "list", "--filter", f"profile={name}").text
    refused = es_pki("certificate", "issue", fresh(), *options, "--dns", "www.elsewhere.test")
    assert (refused.status, f"profile {name}" in refused.errors) == (1, True)


def test_the_example_of_the_manual_is_defined(es_pki, tmp_path):
    manual = (Path(__file__).parents[3] / "docs" / "OPERATIONS.md").read_text()
    (example,) = re.findall(r"```toml\n(description.*?)```", manual, re.DOTALL)
    (tmp_path / "branch.toml").write_text(example)
    assert es_pki("profile", "define", fresh("profile"), tmp_path / "branch.toml").status == 0


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_file_that_holds_no_terms_is_misuse(es_pki, tmp_path, content):
    file = tmp_path / "terms.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert es_pki("profile", "define", fresh("profile"), file).status == 2


def test_a_preview_shows_what_would_be_made_and_makes_nothing(es_pki, tmp_path):
    name, file = fresh(), tmp_path / "shown.pem"
    options = ("--authority", "intermediate", "--dns", "www.example.test", "--preview")
    outcome = es_pki("certificate", "issue", name, *options, "-o", file)
    assert (outcome.status, outcome.errors) == (0, "it would be made\n")
    assert "extended_key_usages: server_auth" in " ".join(outcome.text.split())
    assert "DNS:www.example.test" in openssl.text_of(file.read_text())
    assert es_pki("certificate", "show", name).status == 1


def test_a_preview_names_all_that_speaks_against_it_and_ends_with_status_1(es_pki):
    options = ("--authority", "intermediate", "--dns", "*.test", "--sid", "S-1-5-21-1-2-3-500", "--days", "999")
    outcome = es_pki("certificate", "issue", fresh(), *options, "--preview")
    assert (outcome.status, outcome.errors) == (1, "it would not be made\n")
    for rule in (
        "validity_is_within_the_policy",
        "name_forms_are_within_the_profile",
        "accounts_are_within_the_policy",
    ):
        assert rule in outcome.text


def test_every_verb_that_makes_a_certificate_previews_it(es_pki, tmp_path):
    name, csr = fresh(), tmp_path / "a.csr"
    assert es_pki("certificate", "self-sign", name, "--dns", "a.test").status == 0
    csr.write_text(openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=a.test", "DNS:a.test"))
    for words in (
        ("certificate", "self-sign", fresh(), "--dns", "a.test"),
        ("certificate", "renew", name),
        ("certificate", "reissue", name, "--dns", "b.test"),
        ("csr", "sign", fresh(), csr, "--authority", "intermediate"),
    ):
        assert es_pki(*words, "--preview", "--json").json["would_be_made"], words
    assert es_pki("certificate", "show", name, "--json").json["versions"] == 1


def test_an_authority_is_previewed_under_a_profile(es_pki):
    words = ("authority", "create", fresh(), "--issuer", "root", "--common-name", "Branch CA", "--profile")
    outcome = es_pki(*words, "intermediate", "--preview", "--json")
    assert (outcome.json["would_be_made"], outcome.json["certificate"]["path_length"]) == (True, 0)
    outcome = es_pki(*words, "server", "--preview")
    assert outcome.status == 1
    assert "profile_is_for_authorities" in outcome.text
