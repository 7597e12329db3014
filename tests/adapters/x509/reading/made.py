"""Certificates and keys as openssl and certtool make them, in all their forms."""

import base64
import subprocess
from pathlib import Path

from tests import openssl

PASSPHRASE = "correct horse"  # noqa: S105 - of these files only

KEYS = {
    "rsa-2048": ("RSA", "rsa_keygen_bits:2048"),
    "ec-p256": ("EC", "ec_paramgen_curve:P-256"),
    "ec-secp256k1": ("EC", "ec_paramgen_curve:secp256k1"),
    "ed25519": ("ED25519", ""),
    "ed448": ("ED448", ""),
}


class Made:
    """A root, an intermediate, and a leaf with its key, in a folder; the authorities are called after `name`."""

    def __init__(self, folder: Path, name: str = "Elsewhere") -> None:
        self.folder = folder
        self.key("root", "ec-p256")
        self.key("intermediate", "ec-p256")
        self.key("leaf", "ec-p256")
        self.certificate("root", "root", f"/CN={name} Root", "CA:TRUE")
        self.certificate("intermediate", "root", f"/CN={name} Intermediate", "CA:TRUE,pathlen:0")
        self.certificate("leaf", "intermediate", "/O=Elsewhere/CN=www.example.test", "CA:FALSE")

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.folder / name)

    def read(self, name: str) -> bytes:
        """Return a file."""
        return (self.folder / name).read_bytes()

    def key(self, name: str, kind: str) -> bytes:
        """Make a private key; return it in PEM."""
        algorithm, option = KEYS[kind]
        options = ("-pkeyopt", option) if option else ()
        openssl.run("genpkey", "-algorithm", algorithm, *options, "-out", self.path(f"{name}.key"))
        return self.read(f"{name}.key")

    def certificate(self, name: str, issuer: str, subject: str, constraints: str, *more: str) -> bytes:
        """Have an issuer certify a key that was made; return the certificate in PEM."""
        request = ("req", "-new", "-x509", "-key", self.path(f"{name}.key"), "-subj", subject, "-utf8", "-days", "90")
        by = () if issuer == name else ("-CA", self.path(f"{issuer}.pem"), "-CAkey", self.path(f"{issuer}.key"))
        extensions = ("-addext", f"basicConstraints=critical,{constraints}")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        names = usage if "TRUE" in constraints else ("-addext", "subjectAltName=DNS:www.example.test,IP:2001:db8::1")
        names = () if any("subjectAltName" in option for option in more) else names
        openssl.run(*request, *by, *extensions, *names, *more, "-out", self.path(f"{name}.pem"))
        return self.read(f"{name}.pem")

    def pkcs12(self, *options: str, passphrase: str = PASSPHRASE) -> bytes:
        """Return the leaf, its key and its chain as openssl exports them."""
        (self.folder / "above.pem").write_bytes(self.read("root.pem") + self.read("intermediate.pem"))
        files = ("-inkey", self.path("leaf.key"), "-in", self.path("leaf.pem"), "-certfile", self.path("above.pem"))
        out = ("-passout", f"pass:{passphrase}", "-out", self.path("leaf.p12"))
        openssl.run("pkcs12", "-export", *files, *options, *out)
        return self.read("leaf.p12")

    def pkcs12_of_gnutls(self) -> bytes:
        """Return the same as certtool exports it."""
        files = ("--load-privkey", self.path("leaf.key"), "--load-certificate", self.path("leaf.pem"))
        options = ("--p12-name", "www", "--password", PASSPHRASE, "--outder", "--outfile", self.path("gnutls.p12"))
        command = ["certtool", "--to-p12", *files, *options]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return self.read("gnutls.p12")

    def pkcs7(self, *options: str) -> bytes:
        """Return the chain in PKCS#7."""
        files = (
            argument
            for name in ("root", "leaf", "intermediate")
            for argument in ("-certfile", self.path(name + ".pem"))
        )
        openssl.run("crl2pkcs7", "-nocrl", *files, *options, "-out", self.path("chain.p7b"))
        return self.read("chain.p7b")

    def converted(self, *arguments: str) -> bytes:
        """Return what openssl makes of the leaf's key."""
        openssl.run(*arguments, "-in", self.path("leaf.key"), "-out", self.path("converted"))
        return self.read("converted")


def der_of(pem: bytes) -> bytes:
    """Return the DER of a PEM block."""
    return base64.b64decode(b"".join(pem.split(b"-----")[2].split()))
