"""Programs that others wrote ask our responder, and believe it: openssl, GnuTLS and nginx."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPCertStatus

from tests import nginx, openssl, serving
from tests.ocsp import answer, ask, issued, question, question_about, together
from tests.serving import wait_for


@pytest.fixture(scope="module", params=["ec-p256", "rsa-2048", "ed25519"])
def authority(server, request):
    """An authority of a key type, and the file with its certificate and the root's."""
    name = f"asked-{request.param}"
    body = {"subject": {"common_name": f"{name} CA"}, "issuer": "root", "key_type": request.param, "path_length": 0}
    server.done("CreateAuthority", name=name, **body)
    return name


def files(server, folder, name, authority):
    """Have a certificate issued; return the files with it, its issuer, and the root."""
    about = issued(server, name, authority)
    for file, certificate in (("leaf.pem", about.certificate), ("issuer.pem", about.issuer)):
        (folder / file).write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder / "leaf.pem", folder / "issuer.pem", server.folder / "ca.pem"


def ocsp_url(leaf):
    """Return where a certificate itself says that its status is asked for (RFC 5280 section 4.2.2.1)."""
    return openssl.run("x509", "-in", str(leaf), "-noout", "-ocsp_uri").strip()


@pytest.mark.parametrize("hashed", ["-sha1", "-sha256"])
@pytest.mark.parametrize("more", [["-nonce"], ["-no_nonce"]], ids=lambda more: more[0])
def test_openssl_believes_what_it_is_told(server, authority, tmp_path, hashed, more):
    name = f"openssl-{authority}{hashed}{more[0]}".replace("_", "")
    leaf, issuer, root = files(server, tmp_path, name, authority)
    asked = [hashed, "-issuer", str(issuer), "-cert", str(leaf), "-url", ocsp_url(leaf), "-CAfile", str(root), *more]

    def told():
        done = subprocess.run(["openssl", "ocsp", *asked], capture_output=True, text=True, check=False)
        assert "Response verify OK" in done.stderr
        assert "WARNING" not in done.stderr
        return done.stdout

    assert f"{leaf}: good" in told()
    server.done("RevokeCertificate", certificate=name, reason="keyCompromise")
    wait_for(lambda: f"{leaf}: revoked" in told())
    assert "Reason: keyCompromise" in told()


def test_openssl_is_told_of_several_certificates_at_once(server, tmp_path):
    first, issuer, root = files(server, tmp_path, "openssl-first", "intermediate")
    second = first.rename(tmp_path / "first.pem")
    third, _, _ = files(server, tmp_path, "openssl-second", "intermediate")
    asked = ["-issuer", str(issuer), "-cert", str(second), "-cert", str(third), "-serial", "0x1234"]
    told = openssl.run("ocsp", *asked, "-url", ocsp_url(third), "-CAfile", str(root))
    assert re.findall(r": (good|unknown)$", told, re.MULTILINE) == ["good", "good", "unknown"]


@pytest.mark.parametrize("nonce", [[], ["--nonce"]], ids=["without a nonce", "with a nonce"])
def test_gnutls_believes_what_it_is_told(server, authority, tmp_path, nonce):
    name = f"gnutls-{authority}-{len(nonce)}"
    leaf, issuer, _ = files(server, tmp_path, name, authority)
    asked = ["ocsptool", f"--ask={ocsp_url(leaf)}", "--load-issuer", str(issuer), "--load-cert", str(leaf)]

    def told():
        done = subprocess.run(
            [*asked, "--load-trust", str(issuer), *nonce], capture_output=True, text=True, check=False
        )
        assert "Verifying OCSP Response: Success." in done.stdout, done.stderr
        return done.stdout

    assert "Certificate Status: good" in told()
    server.done("HoldCertificate", certificate=name)
    wait_for(lambda: "Certificate Status: revoked" in told())


def test_pkilint_has_nothing_to_say_about_answers(server, tmp_path):
    good, held = issued(server, "linted"), issued(server, "linted-held")
    server.done("HoldCertificate", certificate="linted-held")
    asked = [
        question(good),
        question(held, nonce=b"n" * 32),
        together([question(good), question_about(good.issuer, 1)]),
    ]
    for number, one in enumerate(asked):
        file = tmp_path / f"{number}.der"
        file.write_bytes(ask(server, one).body)
        linted = subprocess.run(
            [Path(sys.executable).with_name("lint_ocsp_response"), "lint", str(file)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert linted.stdout.strip() == ""


def test_any_of_several_servers_answers_and_sees_at_once_what_another_revokes(tmp_path):
    with serving.running(tmp_path / "data") as one, serving.running(tmp_path / "data") as other:
        about = issued(one, "www")
        assert {answer(ask(server, question(about))).certificate_status for server in (one, other)} == {
            OCSPCertStatus.GOOD
        }
        first, second = (answer(ask(server, question(about))) for server in (one, other))
        assert first.certificates == second.certificates
        one.done("RevokeCertificate", certificate="www", reason="superseded")
        wait_for(lambda: answer(ask(other, question(about))).certificate_status is OCSPCertStatus.REVOKED)


def test_nginx_staples_our_answers(server, tmp_path):
    leaf, issuer, root = files(server, tmp_path, "stapled", "intermediate")
    passphrase = "a passphrase of the test"  # noqa: S105 - it protects a test's key
    exported = server.done(
        "ExportCertificate", certificate="stapled", format="pem", passphrase=passphrase, reason="a test"
    )
    assert urlsplit(ocsp_url(leaf)).netloc == urlsplit(server.public_url).netloc
    (tmp_path / "exported.pem").write_bytes(base64.b64decode(exported["result"]["content"]))
    openssl.run(
        "pkey",
        "-in",
        str(tmp_path / "exported.pem"),
        "-passin",
        f"pass:{passphrase}",
        "-out",
        str(tmp_path / "key.pem"),
    )
    (tmp_path / "chain.pem").write_text(leaf.read_text() + issuer.read_text())
    (tmp_path / "trusted.pem").write_text(issuer.read_text() + root.read_text())
    with nginx.stapling(tmp_path) as port:

        def shaken():
            client = [
                "s_client",
                "-connect",
                f"127.0.0.1:{port}",
                "-CAfile",
                str(root),
                "-status",
                "-verify_return_error",
            ]
            return openssl.run(*client)

        # The first handshake makes it ask; it staples when it has the answer.
        wait_for(lambda: "OCSP Response Status: successful" in shaken())
        assert "Cert Status: good" in shaken()
