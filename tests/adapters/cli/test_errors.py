"""How the command line says that something can't be done: once, and to programs in JSON."""

import json


def test_what_the_server_says_is_said_once(es_pki):
    outcome = es_pki("certificate", "show", "nothing-of-this-name")
    first, second = outcome.errors.splitlines()
    assert (outcome.status, first) == (1, "error: nothing in inventory has this id or name")
    assert second == "  id: names are known"


def test_a_program_gets_the_problem_document_on_standard_error(es_pki):
    options = ("--authority", "intermediate", "--dns", "a..b", "--days", "0")
    outcome = es_pki("certificate", "issue", "no spaces", *options, "--json")
    problem = json.loads(outcome.errors)
    assert (outcome.status, outcome.raw) == (1, b"")
    assert (problem["status"], problem["code"]) == (422, "rules-broken")
    assert {error["field"] for error in problem["errors"]} >= {"validity_days"}
    assert len(outcome.errors.splitlines()) == 1


def test_a_program_gets_json_about_its_own_mistakes_too(es_pki, tmp_path):
    outcome = es_pki("certificate", "import-all", tmp_path / "nothing", "--json")
    assert outcome.status == 2
    assert "there is no such file or folder" in json.loads(outcome.errors)["detail"]
    outcome = es_pki("certificate", "list", "--url", "https://127.0.0.1:1", "--json")
    assert outcome.status == 2
    assert "can't reach" in json.loads(outcome.errors)["detail"]


def test_a_name_that_another_has_is_said_plainly(es_pki):
    def refused(*words):
        outcome = es_pki(*words)
        assert outcome.status == 1
        return outcome.errors.splitlines()[0]

    assert es_pki("csr", "create", "twice", "--dns", "twice.example.test").status == 0
    assert refused("csr", "create", "twice", "--dns", "twice.example.test") == "error: another CSR is called 'twice'"
    again = ("authority", "create", "another-root", "--common-name", "Same", "--key-type", "ec-p256")
    assert es_pki(*again).status == 0
    third = ("authority", "create", "third-root", "--common-name", "Same")
    assert refused(*third) == "error: another authority has the subject 'Same'"
    assert refused("token", "create", "admin", "--role", "viewer") == "error: another token is called 'admin'"
