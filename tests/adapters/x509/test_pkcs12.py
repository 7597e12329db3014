"""PKCS#12 files and encrypted PKCS#8: openssl and Java's keytool read them, and find the strength that was promised."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization import pkcs12 as reader
from cryptography.x509.oid import NameOID

from es_pki.adapters.x509 import pkcs8, pkcs12
from es_pki.adapters.x509.keys import generate
from es_pki.values import KeyType
from tests import openssl

PASSPHRASES = ("correct horse battery", "Grüezi, liebe Schlüssel", "🔑 beyond the plane")


def certificate(name, key):
    """Return a DER certificate of a key that signs for itself."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    return x509.CertificateBuilder(named, named, key.public_key(), 7, start, end).sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def secret(key):
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def chain(key):
    issuer = certificate("Issuer", ec.generate_private_key(ec.SECP256R1()))
    return [certificate("www", key).public_bytes(Encoding.DER), issuer.public_bytes(Encoding.DER)]


def told(file, passphrase, *options):
    """Return what openssl tells of a file's strength; it does so on standard error."""
    command = ["openssl", "pkcs12", "-info", "-noout", "-passin", f"pass:{passphrase}", *options]
    done = subprocess.run(command, input=file, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


def keytool(*arguments):
    """Run Java's keytool in plain English; return its output."""
    command = ["keytool", "-J-Duser.language=en", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("passphrase", PASSPHRASES)
def test_openssl_and_cryptography_read_key_name_and_chain(key, secret, chain, passphrase):
    file = pkcs12.key_and_chain("www", secret, chain, passphrase)
    read = reader.load_pkcs12(file, passphrase.encode())
    assert read.key.private_numbers() == key.private_numbers()
    assert read.cert.friendly_name == b"www"
    read_chain = [read.cert.certificate, *(other.certificate for other in read.additional_certs)]
    assert [each.public_bytes(Encoding.DER) for each in read_chain] == chain
    command = ["openssl", "pkcs12", "-nodes", "-passin", f"pass:{passphrase}"]
    text = subprocess.run(command, input=file, capture_output=True, check=True).stdout
    assert load_pem_private_key(text, None).private_numbers() == key.private_numbers()
    assert len(x509.load_pem_x509_certificates(text)) == 2
    assert b"friendlyName: www" in text


def test_every_part_of_a_file_has_its_600000_rounds_the_mac_too(secret, chain):
    lines = told(pkcs12.key_and_chain("www", secret, chain, PASSPHRASES[0]), PASSPHRASES[0])
    assert "MAC: sha256, Iteration 600000" in lines
    strong = "PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256"
    assert f"Shrouded Keybag: {strong}" in lines
    assert f"PKCS7 Encrypted data: {strong}" in lines
    assert lines.count("Iteration") == lines.count("Iteration 600000") == 3


def test_the_legacy_form_is_what_old_devices_read(secret, chain):
    lines = told(pkcs12.key_and_chain("www", secret, chain, PASSPHRASES[0], legacy=True), PASSPHRASES[0], "-legacy")
    assert "MAC: sha1, Iteration 50000" in lines
    assert lines.count("pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 50000") == 2


@pytest.mark.parametrize("legacy", [False, True])
def test_another_passphrase_opens_nothing(secret, chain, legacy):
    file = pkcs12.key_and_chain("www", secret, chain, PASSPHRASES[0], legacy=legacy)
    with pytest.raises(ValueError, match="password"):
        reader.load_pkcs12(file, b"another passphrase")
    command = ["openssl", "pkcs12", "-noout", "-legacy", "-passin", "pass:another passphrase"]
    assert subprocess.run(command, input=file, capture_output=True, check=False).returncode != 0


def test_java_reads_both_forms(secret, chain, tmp_path):
    for legacy in (False, True):
        file = tmp_path / f"legacy-{legacy}.p12"
        file.write_bytes(pkcs12.key_and_chain("www", secret, chain, PASSPHRASES[0], legacy=legacy))
        listed = keytool("-list", "-v", "-keystore", file, "-storepass", PASSPHRASES[0])
        assert "Alias name: www" in listed
        assert "Entry type: PrivateKeyEntry" in listed


def test_no_file_is_written_with_a_key_that_has_no_place_in_it(chain):
    with pytest.raises(TypeError):
        pkcs12.key_and_chain("www", generate(KeyType.ML_DSA_44).pkcs8, chain, PASSPHRASES[0])


def test_a_trust_store_is_the_same_for_the_same_certificates(chain):
    named = [("issuing", chain[0]), ("root", chain[1])]
    assert pkcs12.trust_store(named) == pkcs12.trust_store(named)
    assert pkcs12.trust_store(named) != pkcs12.trust_store(named[::-1])


def test_java_trusts_what_a_trust_store_holds(chain, tmp_path):
    file = tmp_path / "trust.p12"
    file.write_bytes(pkcs12.trust_store([("issuing", chain[0]), ("root", chain[1])]))
    listed = keytool("-list", "-keystore", file, "-storepass", "changeit")
    assert [line.split(",")[0] for line in listed.splitlines() if "trustedCertEntry" in line] == ["issuing", "root"]
    assert "MAC: sha256, Iteration 10000" in told(file.read_bytes(), "changeit")


@pytest.mark.parametrize("passphrase", PASSPHRASES)
@pytest.mark.parametrize("key_type", [KeyType.RSA_2048, KeyType.EC_P521, KeyType.ED25519])
def test_openssl_and_cryptography_read_an_encrypted_key(key_type, passphrase):
    secret = generate(key_type).pkcs8
    pem = pkcs8.encrypted_pem(secret, passphrase).encode()
    again = load_pem_private_key(pem, passphrase.encode())
    assert again.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == secret
    for command in ("pkcs8", "pkey"):
        plain = openssl.run(command, "-passin", f"pass:{passphrase}", text=pem)
        public = load_pem_private_key(plain.encode(), None).public_key()
        assert public == again.public_key()
    with pytest.raises(ValueError, match="password"):
        load_pem_private_key(pem, b"another passphrase")


def test_an_ml_dsa_key_is_encrypted_as_any_other():
    secret = generate(KeyType.ML_DSA_65).pkcs8
    encrypted = pkcs8.encrypted(secret, PASSPHRASES[0])
    again = load_der_private_key(encrypted, PASSPHRASES[0].encode())
    assert again.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == secret


def test_an_encrypted_key_has_600000_rounds_and_aes_256(secret):
    parsed = openssl.run("asn1parse", text=pkcs8.encrypted_pem(secret, PASSPHRASES[0]).encode())
    assert "INTEGER           :0927C0" in parsed
    assert int("0927C0", 16) == 600_000
    for name in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc"):
        assert f"OBJECT            :{name}" in parsed
    assert secret[-32:] not in pkcs8.encrypted(secret, PASSPHRASES[0])
