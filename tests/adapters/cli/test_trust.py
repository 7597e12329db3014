"""`es-pki trust`, against a real server."""

from cryptography import x509

from tests import openssl
from tests.samples import fresh


def test_a_store_is_made_filled_distrusted_and_written_to_a_file(es_pki, tmp_path):
    name, given, file = fresh("trust"), tmp_path / "partner.pem", tmp_path / "trust.pem"
    given.write_text(openssl.self_signed_authority())
    assert es_pki("trust", "create", name, "--authority", "root").status == 0
    assert es_pki("trust", "add", name, "--certificates", str(given), "--authority", "intermediate").status == 0
    rows = es_pki("trust", "show", name, "--json").json["items"]
    assert len(rows) == 3
    assert name in es_pki("trust", "list").text
    partner = next(row for row in rows if row["certificate_pem"] == given.read_text())
    told = es_pki("trust", "distrust", name, partner["fingerprint"], "--reason", "the contract has ended")
    assert told.status == 0, told.errors
    assert "the contract has ended" in es_pki("trust", "show", name, "--filter", "status=distrusted").text
    assert es_pki("trust", "bundle", name, "-o", str(file)).status == 0
    assert len(x509.load_pem_x509_certificates(file.read_bytes())) == 2


def test_a_fingerprint_that_the_store_never_had_is_said(es_pki):
    name = fresh("trust")
    es_pki("trust", "create", name)
    outcome = es_pki("trust", "distrust", name, "ab" * 32, "--reason", "a test")
    assert outcome.status == 1
    assert "never had" in outcome.errors
