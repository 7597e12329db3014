"""Certificates that chains may end at: read from bundles, and from the list of roots that Mozilla keeps (`certifi`)."""

import base64
import binascii
import hashlib
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.x509.csr import UNREADABLE
from es_pki.adapters.x509.keys import spki_of
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.decider import Violation
from es_pki.values import TrustAnchor, public_key_hash, serial_hex

MOST = 1_000
"""Certificates in a bundle."""

LARGEST_SUBJECT = 4_096
"""Characters of a subject as it is shown."""


def read_anchors(text: str, field: str) -> tuple[TrustAnchor, ...]:
    """Read certificates: PEM, several with any text around them, or base64 of a single DER one.

    Raises `Malformed` and `RulesBroken`, naming the field; never repeats what was sent.
    """
    try:
        if "-----BEGIN" in text:
            certificates = x509.load_pem_x509_certificates(text.encode())
        else:
            certificates = [x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))]
        if len(certificates) > MOST:
            raise Malformed.at(field, "bundles are bounded", f"at most {MOST} certificates, not {len(certificates)}")
        return tuple(anchor(certificate, field) for certificate in certificates)
    except (binascii.Error, *UNREADABLE):
        # The parser's own words may repeat parts of the input.
        raise Malformed.at(field, "RFC 5280 section 4.1", "well-formed certificates in PEM, or one in DER") from None


def system_roots() -> tuple[TrustAnchor, ...]:
    """Return the roots of Mozilla's list, as the installed release of `certifi` has them."""
    return read_anchors(Path(certifi.where()).read_text(encoding="utf-8"), "system")


def anchor(certificate: x509.Certificate, field: str, authority_id: str = "") -> TrustAnchor:
    """Return the facts of a certificate that may end a chain. Raises `RulesBroken` for one of no authority."""
    subject_name = certificate.subject.rfc4514_string()
    if not _may_certify(certificate):
        detail = f"no authority's certificate: {subject_name[:200]!a}"
        raise RulesBroken(detail, Violation(field, "RFC 5280 section 4.2.1.9", detail))
    der = certificate.public_bytes(Encoding.DER)
    return TrustAnchor(
        fingerprint=hashlib.sha256(der).hexdigest(),
        certificate=der,
        subject_name=subject_name[:LARGEST_SUBJECT],
        serial_number=serial_hex(certificate.serial_number),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        public_key_hash=public_key_hash(spki_of(certificate.public_key())),
        authority_id=authority_id,
    )


def _may_certify(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is an authority's; one of version 1 can't say, and is believed where it is named."""
    if certificate.version is x509.Version.v1:
        return True
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
