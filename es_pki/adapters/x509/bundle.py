"""Certificates as an outside authority returns them: PEM, one or several in a text, or base64 of a single DER one."""

import base64
import binascii
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from es_pki.adapters.x509.keys import spki_of
from es_pki.commands.refusals import Malformed
from es_pki.commands.signing_request import Returned
from es_pki.values import public_key_hash

LARGEST = 256 * 1024
"""Characters of a bundle: a certificate with an ML-DSA-87 key and signature takes 11,000."""

MOST = 20
"""Certificates in a bundle: a chain has a few; they are all kept in one record of the log."""

_PEM = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END ")


def read_bundle(text: str, field: str) -> tuple[Returned, ...]:
    """Read one certificate or more, in the order in which they stand, with any text around them.

    Raises `Malformed`, naming the field; never repeats what was sent.
    """
    return tuple(_returned(der, field) for der in read_ders(text, field))


def read_ders(text: str, field: str) -> tuple[bytes, ...]:
    """Return what should be DER certificates, unread. Raises as `read_bundle` does."""
    if len(text) > LARGEST:
        raise Malformed.at(field, "bundles are bounded", f"at most {LARGEST} characters")
    bodies = _PEM.findall(text) or [text]
    if len(bodies) > MOST:
        raise Malformed.at(field, "bundles are bounded", f"at most {MOST} certificates, not {len(bodies)}")
    return tuple(_decoded(body, field) for body in bodies)


def _decoded(body: str, field: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed.at(field, "RFC 7468 section 5", "send certificates in PEM, or base64 of DER") from None


def _returned(der: bytes, field: str) -> Returned:
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, issuer = certificate.subject.public_bytes(), certificate.issuer.public_bytes()
        spki = spki_of(certificate.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        # The parser's own words may repeat parts of the input.
        raise Malformed.at(field, "RFC 5280 section 4.1", "this is no well-formed certificate") from None
    return Returned(der, subject, issuer, public_key_hash(spki))
