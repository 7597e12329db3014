"""Files that hold neither certificate nor key say what they are, in PEM as in DER."""

import pytest

from es_pki.adapters.x509.reading import strays
from es_pki.adapters.x509.reading.opening import Sent, open_one
from es_pki.adapters.x509.reading.strays import stray_der
from es_pki.commands.refusals import Malformed
from tests import openssl
from tests.adapters.x509.reading.made import Made, der_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("made"))


def told(content):
    with pytest.raises(Malformed) as refused:
        open_one(Sent(content))
    return refused.value.detail


def test_a_csr_says_so(csrs):
    for csr in csrs.values():
        pem = csr.encode()
        assert told(pem) == told(b"Hello\n" + pem) == told(der_of(pem)) == strays.CSR


def test_a_crl_says_so(made):
    (made.folder / "index.txt").touch()
    (made.folder / "crl.cnf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={made.path('index.txt')}\ndefault_md=sha256\n"
    )
    by = ("-keyfile", made.path("root.key"), "-cert", made.path("root.pem"), "-crldays", "1")
    for extra in ((), ("-crlexts", "v2")):
        with (made.folder / "crl.cnf").open("a") as configuration:
            configuration.write("[v2]\nauthorityKeyIdentifier=keyid\n" if extra else "")
        pem = openssl.run("ca", "-gencrl", "-config", made.path("crl.cnf"), *by, *extra).encode()
        assert told(pem) == told(der_of(pem)) == strays.CRL


def test_a_public_key_says_so(made):
    pem = openssl.run("pkey", "-in", made.path("leaf.key"), "-pubout").encode()
    assert told(pem) == strays.PUBLIC_KEY
    assert told(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@here\n") == strays.PUBLIC_KEY


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"# Notes\n\nNothing of interest.\n", "text without any PEM"),
        (b"<!DOCTYPE html><p>404</p>", "text without any PEM"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "keytool"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n", "OpenPGP"),
        (b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", "parameters"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no certificate, key, PKCS#7 or PKCS#12 file"),
    ],
)
def test_other_files_say_what_they_are(content, says):
    assert says in told(content)


def test_a_file_that_was_cut_short_says_so(made):
    assert "cut short" in told(made.read("leaf.pem")[:200])


def test_no_certificate_is_taken_for_something_else(made):
    """Also one of version 1, which begins like a CSR."""
    key = made.path("root.key")
    csr = openssl.run("req", "-new", "-key", key, "-subj", "/CN=old").encode()
    old = openssl.run("x509", "-req", "-signkey", key, "-days", "1", text=csr).encode()
    assert "Version: 1 " in openssl.text_of(old.decode())
    for pem in (made.read("root.pem"), made.read("leaf.pem"), old):
        assert stray_der(der_of(pem)) == ""
        assert open_one(Sent(der_of(pem))).facts.certificate == der_of(pem)


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x80\x30\x80", b"\x30\x03\x30\x01\x02", b"\x30\x02\x30\x00"])
def test_damaged_der_is_nothing_that_could_be_told(der):
    assert stray_der(der) == ""
