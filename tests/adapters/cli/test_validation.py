"""`es-pki certificate validate` and `chain-validate`: what they print, and their exit status."""

import pytest

from es_pki.adapters.x509.formats import pem
from tests.adapters.validation.chains import authority, crl
from tests.adapters.validation.chains import server as certified
from tests.builders import NOW

ROOT = authority("root")
LEAF = certified(ROOT, serial_number=7)
AT = ("--time", NOW.isoformat())


@pytest.fixture
def files(tmp_path):
    """A chain, its root and a CRL that revokes it, as files."""
    contents = {"leaf.pem": pem(LEAF.der).encode(), "root.pem": pem(ROOT.der).encode(), "crl.der": crl(ROOT, 7)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


def test_a_certificate_of_ours_is_valid(es_pki):
    done = es_pki("certificate", "validate", "es-pki-api", "--purpose", "server")
    assert (done.status, done.text.splitlines()[-1]) == (0, "valid")


def test_a_certificate_of_ours_is_judged_at_a_time(es_pki):
    done = es_pki("certificate", "validate", "es-pki-api", "--time", "2020-01-01", "--json")
    assert (done.status, done.json["time"]) == (1, "2020-01-01T00:00:00Z")
    assert "validity-has-begun" in {finding["rule"] for finding in done.json["findings"]}


def test_a_chain_of_others_is_valid_by_its_root(es_pki, files):
    done = es_pki("certificate", "chain-validate", files["leaf.pem"], "--trust-anchors", files["root.pem"], *AT)
    assert (done.status, done.text.splitlines()[-1]) == (0, "valid")


def test_what_is_not_valid_is_told_with_what_to_do(es_pki, files):
    for verb in ("validate", "chain-validate"):
        done = es_pki("certificate", verb, files["leaf.pem"], *AT)
        assert done.status == 1
        assert "path-reaches-a-trust-anchor" in done.text
        assert "trust the authority at the top" in done.text
        assert done.text.splitlines()[-1] == "not valid"


def test_a_crl_in_der_is_taken_and_programs_get_json(es_pki, files):
    trusted = ("--trust-anchors", files["root.pem"], "--crl", files["crl.der"], "--revocation", "hard", *AT)
    done = es_pki("certificate", "chain-validate", files["leaf.pem"], *trusted, "--json")
    assert done.status == 1
    assert '"certificate-is-not-revoked"' in done.text


def test_a_name_takes_none_of_the_options_of_files(es_pki, files):
    done = es_pki("certificate", "validate", "es-pki-api", "--crl", files["crl.der"])
    assert done.status == 2


def test_a_certificate_without_a_subject_is_shown_by_its_first_name(es_pki):
    issued = es_pki("certificate", "issue", "unnamed", "--authority", "intermediate", "--dns", "unnamed.example.test")
    assert issued.status == 0, issued.errors
    done = es_pki("certificate", "validate", "unnamed", "--host", "other.example.test")
    assert done.status == 1
    rows = [line.split("  ")[0].strip() for line in done.text.splitlines()]
    assert "unnamed.example.test" in rows
    assert "its DNS name is not the host" in done.text
