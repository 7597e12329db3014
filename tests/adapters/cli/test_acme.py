"""`es-pki acme`, against a real server and a real directory that finds the server at port 80."""

import json

import pytest

from tests import pebble
from tests.samples import BROKEN, fresh


@pytest.fixture
def account(es_pki, data_dir, tmp_path):
    """The name of an account that is open."""
    directory, name, bundle = pebble.shared(), fresh("account"), tmp_path / "roots.pem"
    directory.answers_at(json.loads((data_dir / "server.json").read_text())["public_url"])
    directory.dns_says("set-servfail", host=BROKEN)
    bundle.write_text(directory.ca_bundle)
    done = es_pki("acme", "register", name, "--directory", directory.url, "--agree", "--ca-bundle", str(bundle))
    assert done.status == 0, done.errors
    return name


def test_an_account_is_registered_given_another_key_and_closed(es_pki, account):
    before = es_pki("acme", "account", account, "--json").json
    assert before["status"] == "valid"
    assert account in es_pki("acme", "accounts").text
    assert es_pki("acme", "roll-over", account).status == 0
    assert es_pki("acme", "account", account, "--json").json["public_key_hash"] != before["public_key_hash"]
    assert es_pki("acme", "deactivate", account, "--reason", "moved").status == 0
    assert es_pki("acme", "account", account, "--json").json["status"] == "deactivated"


def test_the_key_of_an_external_account_comes_from_a_file_or_the_environment(es_pki, tmp_path):
    directory, (key_id, key) = pebble.shared(), next(iter(pebble.EAB_KEYS.items()))
    bundle, file = tmp_path / "roots.pem", tmp_path / "mac.key"
    bundle.write_text(directory.ca_bundle)
    file.write_text(f"{key}\n")
    told = ("--directory", directory.url, "--agree", "--ca-bundle", str(bundle), "--eab-key-id", key_id)
    assert es_pki("acme", "register", fresh("account"), *told, "--eab-hmac-key-file", str(file)).status == 0
    refused = es_pki("acme", "register", fresh("account"), *told)
    assert (refused.status, "ES_PKI_EAB_HMAC_KEY" in refused.errors) == (2, True)


def test_a_certificate_is_ordered_and_renewed(es_pki, account, tmp_path):
    name, file = fresh(), tmp_path / "www.pem"
    host = f"{name}.example.test"
    done = es_pki("acme", "issue", name, "--account", account, "--dns", host, "-o", str(file))
    assert done.status == 0, done.errors
    assert file.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert es_pki("certificate", "show", name, "--json").json["order_id"]
    renewed = es_pki("acme", "renew", name)
    assert renewed.status == 0, renewed.errors
    assert "version 2" in renewed.errors
    order = es_pki("acme", "order", name, "--json").json
    assert (order["status"], order["version"], order["renews"]) == ("issued", 2, True)
    assert host in es_pki("acme", "orders", "--filter", f"name={name}").text


def test_an_order_that_failed_says_why_and_what_to_do(es_pki, account):
    name = fresh()
    failed = es_pki("acme", "issue", name, "--account", account, "--dns", BROKEN)
    assert failed.status == 1
    assert "urn:ietf:params:acme:error" in failed.errors
    report = es_pki("acme", "debug", name)
    assert report.status == 1
    assert f"FAILED   order for {name}" in report.text
    assert "->" in report.text
    found = es_pki("acme", "debug", name, "--json").json
    assert found["verdict"] == "failed"
    assert any(finding["what"] == "directory" and finding["verdict"] == "fine" for finding in found["findings"])


def test_an_order_that_is_over_can_not_be_abandoned(es_pki, account):
    name = fresh()
    assert es_pki("acme", "issue", name, "--account", account, "--dns", f"{name}.example.test").status == 0
    order_id = es_pki("acme", "order", name, "--json").json["id"]
    over = es_pki("acme", "abandon", order_id)
    assert (over.status, "is over" in over.errors) == (1, True)


def test_renewals_are_listed(es_pki, account):
    assert es_pki("acme", "renewals").status == 0


def test_a_renewal_is_rehearsed_and_goes_on_elsewhere(es_pki, account, tmp_path):
    directory, name, bundle = pebble.shared(), fresh("account"), tmp_path / "roots.pem"
    bundle.write_text(directory.ca_bundle)
    told = ("--directory", directory.url, "--agree", "--ca-bundle", str(bundle), "--test-account", account)
    assert es_pki("acme", "register", name, *told).status == 0
    certificate = fresh()
    host = f"{certificate}.example.test"
    options = ("--account", name, "--fallback-account", account, "--dns", host, "-o", str(tmp_path / "www.pem"))
    assert es_pki("acme", "issue", certificate, *options).status == 0
    rehearsed = es_pki("acme", "renew", certificate, "--rehearse")
    assert (rehearsed.status, "would work" in rehearsed.text) == (0, True)
    assert es_pki("certificate", "show", certificate, "--json").json["version"] == 1
    refused = es_pki("acme", "renew", certificate, "--rehearse", "--account", account)
    assert (refused.status, "test account" in refused.errors) == (1, True)
