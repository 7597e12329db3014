"""`es-pki certificate lint`, against a real server."""

from es_pki.adapters.x509.formats import pem
from tests.adapters.lint.making import leaf
from tests.adapters.lint.pieces import TWICE


def test_a_certificate_that_is_kept_is_linted_by_its_name(es_pki):
    found = es_pki("certificate", "lint", "es-pki-api", "--json")
    assert found.status == 0
    assert {each["severity"] for each in found.json["items"]} <= {"notice"}
    assert es_pki("authority", "lint", "intermediate").status == 0


def test_a_certificate_in_a_file_is_linted(es_pki, tmp_path):
    der, text = tmp_path / "sound.cer", tmp_path / "broken.pem"
    der.write_bytes(leaf())
    text.write_text(pem(TWICE))
    assert es_pki("certificate", "lint", str(der)).status == 0
    broken = es_pki("certificate", "lint", str(text))
    assert broken.status == 1
    assert "extensions_are_distinct" in broken.text
    assert "pkix.duplicate_extension" in broken.text
