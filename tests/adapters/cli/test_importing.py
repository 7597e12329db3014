"""Import by the command line: one certificate, and whole folders."""

import pytest

from tests import openssl
from tests.adapters.x509.reading.made import PASSPHRASE, Made
from tests.samples import fresh


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A chain with its keys, as openssl makes them."""
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(tmp_path):
    """A folder of all sorts: a certificate with its key beside it, two in a bundle, and what is none."""
    subject = fresh("host")
    (tmp_path / "own").mkdir()
    certificate, key = openssl.self_signed(f"/CN={subject}.example.test")
    (tmp_path / "own" / "host.pem").write_text(certificate)
    (tmp_path / "own" / "host.key").write_text(key)
    bundle = [openssl.self_signed(f"/CN={fresh('bundled')}")[0] for _ in range(2)]
    (tmp_path / "bundle.pem").write_text("Grüße\n".join(bundle))
    (tmp_path / "notes.txt").write_text("nothing of interest")
    (tmp_path / "weak.pem").write_text(openssl.run(*weak()))
    return tmp_path


def weak():
    new_key = ("-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null")
    return ("req", "-x509", *new_key, "-subj", "/CN=weak", "-days", "9")


def test_a_certificate_is_imported_with_its_key_and_the_same_again_is_told(es_pki, made, tmp_path):
    name = fresh()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    made.pkcs12()
    command = ("certificate", "import", name, made.path("leaf.p12"), "--passphrase-file", passphrase)
    assert "would be kept with its private key" in es_pki(*command, "--dry-run").errors
    assert "is kept with its private key" in es_pki(*command).errors
    assert "is here already" in es_pki(*command).errors
    assert es_pki("certificate", "show", name, "--json").json["key_is_here"] is True


def test_a_private_key_that_comes_later_is_told(es_pki, made):
    name = fresh()
    made.key(name, "ec-p256")
    made.certificate(name, "intermediate", f"/CN={name}", "CA:FALSE")
    command = ("certificate", "import", name, made.path(f"{name}.pem"))
    with_key = (*command, "--key", made.path(f"{name}.key"))
    assert "is kept without its private key" in es_pki(*command).errors
    assert "is here already, and would be with its private key" in es_pki(*with_key, "--dry-run").errors
    assert "is here already, and now with its private key" in es_pki(*with_key).errors
    assert "is here already with its private key" in es_pki(*with_key).errors


def test_a_wrong_passphrase_is_told(es_pki, made, monkeypatch):
    made.pkcs12()
    monkeypatch.setenv("ES_PKI_IMPORT_PASSPHRASE", "wrong")
    outcome = es_pki("certificate", "import", fresh(), made.path("leaf.p12"))
    assert outcome.status == 1
    assert "passphrase:" in outcome.errors


def test_a_folder_is_imported_with_a_report_of_every_file(es_pki, folder):
    dry = es_pki("certificate", "import-all", folder, "--dry-run", "--json").json["items"]
    outcome = es_pki("certificate", "import-all", folder, "--json")
    items = outcome.json["items"]
    assert items == dry
    assert outcome.status == 1
    assert [item["outcome"] for item in items] == ["imported", "imported", "refused", "imported", "refused"]
    assert "3 imported, 0 already here, 2 refused" in outcome.errors
    names = {item["name"] for item in items if item["file"].endswith("host.pem")}
    assert es_pki("certificate", "show", *names, "--json").json["key_is_here"] is True
    again = es_pki("certificate", "import-all", folder, "--json").json["items"]
    assert [item["outcome"] for item in again].count("already here") == 3


def test_versions_of_one_name_go_in_one_after_the_other_and_other_things_get_another_name(es_pki, made, tmp_path):
    name = fresh("host")
    made.key(name, "ec-p256")
    for days in ("60", "30"):
        content = made.certificate(name, "intermediate", f"/CN={name}", "CA:FALSE", "-days", days)
        (tmp_path / f"{days}.pem").write_bytes(content)
    other, _ = openssl.self_signed(f"/CN={name}/O=Somebody else")
    (tmp_path / "other.pem").write_text(other)
    outcome = es_pki("certificate", "import-all", tmp_path, "--json")
    assert outcome.status == 0
    names = [item["name"] for item in outcome.json["items"]]
    assert names[:2] == [name, name]
    assert names[2].startswith(f"{name}-")
    assert es_pki("certificate", "show", name, "--json").json["version"] == 2


def test_what_is_not_there_is_misused(es_pki, tmp_path):
    assert es_pki("certificate", "import-all", tmp_path / "nothing").status == 2


def test_what_is_no_certificate_says_what_it_is(es_pki, csrs, tmp_path):
    (tmp_path / "www.csr").write_text(csrs["ec-p256"])
    (tmp_path / "README").write_text("Nothing of interest.")
    outcome = es_pki("certificate", "import-all", tmp_path)
    assert outcome.status == 1
    assert "this is text without any PEM in it: leave it out" in outcome.text
    assert "this is a CSR, no certificate yet: keep it with ImportCSR (es-pki csr import)" in outcome.text
