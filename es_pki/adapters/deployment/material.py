"""What a service's files hold: proved to fit together before any file is touched."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from es_pki.adapters.deployment.step import StepFailed
from es_pki.adapters.x509 import pkcs12
from es_pki.adapters.x509.formats import key_pem, pem_chain
from es_pki.adapters.x509.keys import belongs_to
from es_pki.events.service import DeploymentStep, FileForm


class Material(NamedTuple):
    """A certificate, its issuers without the root (DER), and its private key (DER PKCS#8; None: it is elsewhere)."""

    name: str
    certificate: bytes
    issuers: tuple[bytes, ...]
    key: bytes | None

    def __repr__(self) -> str:
        """Show no key."""
        return f"Material({self.name!r})"

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Return what is to be served, the certificate first."""
        return (self.certificate, *self.issuers)


def prove(material: Material, now: datetime) -> None:
    """Raise `StepFailed` unless the key fits the certificate, each issuer signed the one before it, and all hold."""
    try:
        chain = [x509.load_der_x509_certificate(der) for der in material.chain]
        if material.key is not None and not belongs_to(material.key, material.certificate):
            raise StepFailed(DeploymentStep.PROVE, "the private key is not the certificate's")
        for lower, upper in pairwise(chain):
            lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise StepFailed(DeploymentStep.PROVE, "certificate and chain don't fit together") from None
    if any(now >= certificate.not_valid_after_utc for certificate in chain):
        raise StepFailed(DeploymentStep.PROVE, "the certificate or an issuer of it has expired: renew it first")


def content(form: FileForm, material: Material, passphrase: Callable[[], str], entry: str = "") -> bytes:
    """Return what a file of a form holds; `entry` is where the certificate is published.

    Raises `StepFailed` for a file with a key that is elsewhere.
    """
    match form:
        case FileForm.FULL_CHAIN:
            return pem_chain(material.chain).encode()
        case FileForm.CERTIFICATE:
            return pem_chain(material.chain[:1]).encode()
        case FileForm.ISSUERS:
            return pem_chain(material.issuers).encode()
        case FileForm.USER_CERTIFICATE:
            return _user_certificate(material.certificate, entry, "userCertificate;binary")
        case FileForm.AD_USER_CERTIFICATE:
            return _user_certificate(material.certificate, entry, "userCertificate")
        case FileForm.KEY:
            return key_pem(key_of(material)).encode()
        case FileForm.COMBINED:
            return (key_pem(key_of(material)) + pem_chain(material.chain)).encode()
        case FileForm.PKCS12:
            return pkcs12.key_and_chain(
                material.name, key_of(material), list(material.chain), passphrase(), legacy=False
            )


def _user_certificate(certificate: bytes, entry: str, attribute: str) -> bytes:
    """Return the LDIF (RFC 2849) that has an entry's certificate replaced; RFC 4523 section 2.1 wants `;binary`."""
    name, value = (base64.b64encode(part).decode() for part in (entry.encode(), certificate))
    return f"dn:: {name}\nchangetype: modify\nreplace: {attribute}\n{attribute}:: {value}\n".encode()


def key_of(material: Material) -> bytes:
    """Return the private key (DER PKCS#8). Raises `StepFailed` where it is elsewhere."""
    if material.key is None:
        raise StepFailed(DeploymentStep.PROVE, "the certificate's private key is kept elsewhere")
    return material.key


def fit(files: Sequence[bytes]) -> bool:
    """Tell whether the key among files with PEM is that of the certificate among them; so it is where one is absent."""
    leaf = next((found for text in files if (found := leaf_of(text))), None)
    key = next((found for text in files if (found := _key_in(text))), None)
    return leaf is None or key is None or belongs_to(key, leaf)


def _key_in(text: bytes) -> bytes | None:
    """Return the private key (DER PKCS#8) of a file with PEM, None where there is none that can be read."""
    try:
        key = load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def leaf_of(text: bytes) -> bytes | None:
    """Return the first certificate (DER) of a file with PEM, None where there is none."""
    try:
        found = x509.load_pem_x509_certificates(text)
    except ValueError:
        return None
    return found[0].public_bytes(Encoding.DER) if found else None
