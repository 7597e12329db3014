"""From a to-be-signed certificate and its signature to the certificate (RFC 5280 section 4.1)."""

from es_pki.adapters.x509.der import content, element

SEQUENCE, INTEGER, BIT_STRING, VERSION = 0x30, 0x02, 0x03, 0xA0


def assemble(to_be_signed: bytes, signature: bytes) -> bytes:
    """Return the DER certificate. The outer algorithm is the inner one, as section 4.1.1.2 demands.

    Raises `ValueError` for bytes that are no TBSCertificate.
    """
    return element(SEQUENCE, to_be_signed + _algorithm(to_be_signed) + element(BIT_STRING, b"\0" + signature))


def _algorithm(to_be_signed: bytes) -> bytes:
    """Return the AlgorithmIdentifier inside: it follows the version and the serial number."""
    start, _ = content(to_be_signed, 0, SEQUENCE)
    for tag in (VERSION, INTEGER):
        _, start = content(to_be_signed, start, tag)
    _, end = content(to_be_signed, start, SEQUENCE)
    return to_be_signed[start:end]
