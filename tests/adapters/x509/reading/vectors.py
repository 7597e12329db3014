"""The corpus: certificates, keys, PKCS#12 and PKCS#7 files, good and bad, of the package `cryptography-vectors`."""

from pathlib import Path

import cryptography_vectors

ROOT = Path(cryptography_vectors.__file__).parent
KINDS = {".pem", ".der", ".key", ".pub", ".p12", ".p7b", ".crt", ".crl"}

FILES = sorted(path for path in ROOT.rglob("*") if path.suffix in KINDS)


def file(name):
    """Return the bytes of a file of the corpus."""
    return (ROOT / name).read_bytes()
