"""Certificates in the forms that programs take."""

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Violation
from es_pki.values import (
    KeyAlgorithm,
)
from es_pki.values.foreign import KeyKind

PEM_FILE = "application/x-pem-file"
PKCS12_FILE = "application/x-pkcs12"

NOT_IN_PKCS12 = frozenset({KeyAlgorithm.ML_DSA, KeyAlgorithm.X25519, KeyAlgorithm.X448})


@lru_cache(maxsize=64)
def pem(certificate: bytes) -> str:
    """Return a DER certificate in PEM (RFC 7468 section 5)."""
    return _armoured("CERTIFICATE", certificate)


def csr_pem(csr: bytes) -> str:
    """Return a DER CSR in PEM (RFC 7468 section 7)."""
    return _armoured("CERTIFICATE REQUEST", csr)


def key_pem(pkcs8: bytes) -> str:
    """Return a DER PKCS#8 private key in PEM (RFC 7468 section 10), as it is: only for the files of a service."""
    return _armoured("PRIVATE KEY", pkcs8)


def crl_pem(crl: bytes) -> str:
    """Return a DER CRL in PEM (RFC 7468 section 6)."""
    return _armoured("X509 CRL", crl)


def pem_of_key(pkcs8: bytes) -> str:
    """Return a private key in DER PKCS#8, unencrypted, in PEM (RFC 7468 section 10)."""
    return _armoured("PRIVATE KEY", pkcs8)


def _armoured(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def pem_chain(certificates: Iterable[bytes]) -> str:
    """Return DER certificates in PEM, one after the other."""
    return "".join(map(pem, certificates))


def pkcs7(certificates: Iterable[bytes]) -> bytes:
    """Return DER certificates as a degenerate SignedData without signatures (RFC 5652 section 5.2), in DER."""
    return serialize_certificates([x509.load_der_x509_certificate(c) for c in certificates], Encoding.DER)


def check_fits_pkcs12(key: KeyKind, field: str) -> None:
    """Raise `RulesBroken`, naming the field, for a private key that no PKCS#12 file is written with."""
    if key.algorithm in NOT_IN_PKCS12:
        detail = f"PKCS#12 files with {key.name} keys can't be written: take PEM (encrypted PKCS#8)"
        raise RulesBroken(detail, Violation(field, "RFC 7292 section 4.2", detail))


@lru_cache(maxsize=256)
def is_self_issued(certificate: bytes) -> bool:
    """Tell whether a DER certificate names itself as its issuer, as roots do."""
    read = x509.load_der_x509_certificate(certificate)
    return read.issuer == read.subject


def fingerprint(certificate: bytes) -> str:
    """Return a DER certificate's SHA-256 in hex."""
    return hashlib.sha256(certificate).hexdigest()
