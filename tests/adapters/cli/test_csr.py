"""`es-pki csr`, against a real server."""

from tests import openssl
from tests.samples import fresh


def test_a_csr_is_made_signed_elsewhere_and_completed(es_pki, tmp_path):
    name, file, returned = fresh("csr"), tmp_path / "www.csr", tmp_path / "www.pem"
    made = es_pki(
        "csr", "create", name, "--dns", "www.example.test", "--common-name", "www.example.test", "-o", str(file)
    )
    assert made.status == 0, made.errors
    assert es_pki("csr", "pem", name).text == file.read_text()
    returned.write_text(openssl.signed_elsewhere(file.read_text()))
    assert es_pki("csr", "complete", name, str(returned)).status == 0
    row = es_pki("csr", "show", name, "--json").json
    assert row["status"] == "signed"
    assert row["certificate_pem"].count("BEGIN CERTIFICATE") == 2


def test_a_csr_is_kept_and_signed_by_its_name(es_pki, tmp_path):
    name, file = fresh("csr"), tmp_path / "device.csr"
    file.write_text(openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test"))
    assert es_pki("csr", "import", name, str(file)).status == 0
    assert name in es_pki("csr", "list", "--filter", "status=open").text
    signed = es_pki("csr", "sign", fresh(), "--request", name, "--authority", "intermediate")
    assert signed.text.startswith("-----BEGIN CERTIFICATE-----")
    assert name not in es_pki("csr", "list", "--filter", "status=open").text


def test_the_private_key_of_a_csr_comes_with_it_and_goes_with_the_certificate(es_pki, tmp_path):
    name, certificate, file, key = fresh("csr"), fresh(), tmp_path / "device.csr", tmp_path / "device.key"
    passphrase = "a passphrase of a device"  # noqa: S105 - made for this test
    named = ("-passout", f"pass:{passphrase}", "-addext", "subjectAltName=DNS:device.example.test")
    for path, text in zip((file, key), openssl.new_csr_and_key("/CN=device.example.test", *named), strict=True):
        path.write_text(text)
    (tmp_path / "passphrase").write_text(passphrase)
    command = ("csr", "import", name, str(file), "--key", str(key))
    assert es_pki(*command).status == 1
    assert es_pki(*command, "--passphrase-file", str(tmp_path / "passphrase")).status == 0
    assert es_pki("csr", "show", name, "--json").json["key_is_here"] is True
    of_key = es_pki("csr", "show", name, "--json").json["public_key_hash"]
    uses = es_pki("key", "uses", "--filter", f"public_key_hash={of_key}", "--json").json["items"]
    assert [(use["kind"], use["name"]) for use in uses] == [("signing_request", name)]
    assert es_pki("csr", "sign", certificate, "--request", name, "--authority", "intermediate").status == 0
    assert es_pki("certificate", "show", certificate, "--json").json["key_is_here"] is True
    uses = es_pki("key", "uses", "--filter", f"public_key_hash={of_key}", "--json").json["items"]
    assert [(use["kind"], use["name"]) for use in uses] == [("certificate", certificate)]


def test_attributes_are_told_by_their_names_as_far_as_those_are_known(es_pki, tmp_path):
    name, settings, file = fresh("csr"), tmp_path / "csr.cnf", tmp_path / "device.csr"
    settings.write_text(
        "[req]\ndistinguished_name=dn\nattributes=more\nprompt=no\n[dn]\nCN=device\n"
        "[more]\nchallengePassword=not shown\n1.3.6.1.4.1.311.13.2.3=10.0\n"
    )
    new_key = ("-newkey", "ed25519", "-nodes", "-keyout", "/dev/null")
    file.write_text(openssl.run("req", "-new", *new_key, "-config", str(settings)))
    assert es_pki("csr", "import", name, file).status == 0
    shown = es_pki("csr", "show", name).text
    assert "challengePassword (1.2.840.113549.1.9.7)" in shown
    assert "1.3.6.1.4.1.311.13.2.3" in shown
    assert "not shown" not in shown


def test_a_csr_is_rejected_with_a_reason(es_pki, tmp_path):
    name, file = fresh("csr"), tmp_path / "device.csr"
    file.write_text(openssl.new_csr(openssl.KEYS["ed25519"], "/CN=device"))
    assert es_pki("csr", "import", name, str(file)).status == 0
    assert es_pki("csr", "reject", name, "--reason", "nobody knows this device").status == 0
    assert "nobody knows this device" in es_pki("csr", "list").text
    again = es_pki("csr", "sign", fresh(), "--request", name, "--authority", "intermediate")
    assert again.status == 1
    assert "was rejected" in again.errors


def test_a_csr_to_sign_comes_from_one_place(es_pki):
    assert es_pki("csr", "sign", fresh(), "--authority", "intermediate").status == 2
    both = es_pki("csr", "sign", fresh(), "a file", "--request", "kept", "--authority", "intermediate")
    assert both.status == 2


def test_a_csr_comes_in_der(es_pki, tmp_path):
    name, file = fresh("csr"), tmp_path / "www.p10"
    assert es_pki("csr", "create", name, "--dns", "www.example.test").status == 0
    assert es_pki("csr", "pem", name, "--form", "der", "-o", str(file)).status == 0
    text = openssl.run("req", "-verify", "-inform", "DER", "-in", str(file))
    assert es_pki("csr", "pem", name).text == text
