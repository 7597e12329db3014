"""openssl, the judge: makes CSRs of every kind, reads and verifies what es-pki makes."""

import re
import subprocess
import tempfile
from pathlib import Path

KEYS = {
    "rsa-2048": ("rsa", "rsa_keygen_bits:2048"),
    "ec-p256": ("ec", "ec_paramgen_curve:P-256"),
    "ec-p384": ("ec", "ec_paramgen_curve:P-384"),
    "ec-p521": ("ec", "ec_paramgen_curve:P-521"),
    "ed25519": ("ed25519", ""),
}


def run(*arguments: str, text: bytes = b"") -> str:
    """Run openssl; return its output. Raises when it fails."""
    done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def said(*arguments: str) -> str:
    """Run openssl; return all that it says, whether it fails or not."""
    command = ["openssl", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def new_csr(kind: tuple[str, str], subject: str, names: str = "", *more: str) -> str:
    """Return a CSR in PEM for a fresh key."""
    algorithm, option = kind
    arguments = ["req", "-new", "-newkey", algorithm, "-nodes", "-keyout", "/dev/null", "-utf8", "-subj", subject]
    arguments += ["-pkeyopt", option] if option else []
    arguments += ["-addext", f"subjectAltName={names}"] if names else []
    return run(*arguments, *more)


def new_csr_and_key(subject: str, *more: str) -> tuple[str, str]:
    """Return a CSR in PEM and its private key in PEM, encrypted if `more` has no `-nodes` but a `-passout`."""
    with tempfile.TemporaryDirectory() as name:
        key = Path(name) / "key.pem"
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", str(key))
        return run("req", "-new", *new_key, "-subj", subject, *(more or ("-nodes",))), key.read_text()


def self_signed(subject: str, *more: str) -> tuple[str, str]:
    """Return a certificate that signed for itself, and its private key, in PEM."""
    with tempfile.TemporaryDirectory() as name:
        key = Path(name) / "key.pem"
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key))
        return run("req", "-x509", *new_key, "-subj", subject, "-days", "90", *more), key.read_text()


def signed_elsewhere(csr_pem: str, *options: str) -> str:
    """Return what an outside authority makes of a CSR: the certificate, then its own, in PEM."""
    with tempfile.TemporaryDirectory() as name:
        key, authority = str(Path(name) / "key.pem"), str(Path(name) / "authority.pem")
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key)
        run("req", "-x509", *new_key, "-subj", "/CN=Elsewhere CA", "-out", authority)
        signing = ("-CA", authority, "-CAkey", key, "-copy_extensions", "copy", "-days", "30")
        certificate = run("x509", "-req", *signing, *options, text=csr_pem.encode())
        return certificate + Path(authority).read_text()


def self_signed_authority() -> str:
    """Return the certificate of an outside authority, in PEM."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null")
    return run("req", "-x509", *key, "-subj", "/O=Elsewhere/CN=Outside Root", "-days", "30")


def csrs(subject: str, names: str) -> dict[str, str]:
    """Return a CSR of every key type."""
    return {key_type: new_csr(kind, subject, names) for key_type, kind in KEYS.items()}


def text_of(certificate_pem: str) -> str:
    """Return what openssl reads in a certificate."""
    return run("x509", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus", text=certificate_pem.encode())


def verifies(root_pem: str, chain_pem: str, *options: str) -> bool:
    """Tell whether openssl accepts the chain's first certificate (`-x509_strict`)."""
    with tempfile.TemporaryDirectory() as name:
        root, chain = Path(name) / "root.pem", Path(name) / "chain.pem"
        root.write_text(root_pem)
        chain.write_text(chain_pem)
        command = ["openssl", "verify", "-x509_strict", "-CAfile", str(root), "-untrusted", str(chain), *options]
        return subprocess.run([*command, str(chain)], capture_output=True, check=False).returncode == 0


def elements_of(der: bytes) -> list[tuple[str, bytes]]:
    """Return the elements of a DER structure, in their order: openssl's words for each kind, and the content."""
    text = run("asn1parse", "-inform", "DER", text=der)
    line = re.compile(r"^ *([0-9]+):d=\d+ +hl=([0-9]+) +l= *([0-9]+) +(?:cons|prim): +(.+?) *(?::.*)?$", re.MULTILINE)
    places = [(int(at) + int(header), int(size), kind) for at, header, size, kind in line.findall(text)]
    return [(kind, der[start : start + size]) for start, size, kind in places]
