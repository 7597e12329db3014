"""What a file is that holds neither certificate nor key, told by its beginning, and what to do with it."""

from collections.abc import Iterator, Mapping

from es_pki.adapters.x509.der import SEQUENCE
from es_pki.adapters.x509.reading.ber import Element, head

CSR = "this is a CSR, no certificate yet: keep it with ImportCSR (es-pki csr import), or have it signed"
CRL = "this is a CRL: those of authorities here are made here, others are fetched where they are needed"
PUBLIC_KEY = "this is a public key alone: bring the certificate that was made for it"
PARAMETERS = "these are parameters, which say nothing of a certificate: leave them out"
OPEN_PGP = "this is OpenPGP, no X.509: leave it out"

LABELS: Mapping[bytes, str] = {
    b"CERTIFICATE REQUEST": CSR,
    b"NEW CERTIFICATE REQUEST": CSR,
    b"X509 CRL": CRL,
    b"PUBLIC KEY": PUBLIC_KEY,
    b"RSA PUBLIC KEY": PUBLIC_KEY,
    b"SSH2 PUBLIC KEY": PUBLIC_KEY,
    b"DH PARAMETERS": PARAMETERS,
    b"EC PARAMETERS": PARAMETERS,
    b"DSA PARAMETERS": PARAMETERS,
    b"PGP PUBLIC KEY BLOCK": OPEN_PGP,
    b"PGP PRIVATE KEY BLOCK": OPEN_PGP,
    b"PGP MESSAGE": OPEN_PGP,
}
"""By the label of a PEM block."""

_JAVA = "this is a Java key store (JKS): make PKCS#12 of it with keytool -importkeystore -deststoretype PKCS12"
_BEGINNINGS: Mapping[bytes, str] = {
    b"\xfe\xed\xfe\xed": _JAVA,
    b"\xce\xce\xce\xce": _JAVA,
    b"ssh-": PUBLIC_KEY,
    b"ecdsa-sha2-": PUBLIC_KEY,
    b"-----BEGIN CERTIFICATE": "a PEM block begins here that doesn't end: the file is cut short",
}

_MOST_LOOKED_AT = 4096


def stray(content: bytes) -> str:
    """Return what a content is that holds nothing wanted, and what to do; "" for what can't be told."""
    if not content.strip():
        return "the file is empty"
    for beginning, sentence in _BEGINNINGS.items():
        if content.lstrip().startswith(beginning):
            return sentence
    if content[:_MOST_LOOKED_AT].isascii() and b"\0" not in content[:_MOST_LOOKED_AT]:
        return "this is text without any PEM in it: leave it out"
    return ""


def stray_der(der: bytes) -> str:
    """Return what DER is that begins like a certificate; "" for one, and for what can't be told."""
    try:
        tags = [element.tag for element in _inside(der)]
    except ValueError:
        return ""
    match tags:
        case [0x02, 0x30, 0x30] | [0x02, 0x30, 0x30, 0xA0, *_]:
            return CSR  # RFC 2986 section 4.1: version, subject, key, attributes; a certificate of version 1 has more
        case [0x02, 0x30, 0x30, 0x17 | 0x18, *_] | [0x30, 0x30, 0x17 | 0x18, *_]:
            return CRL  # RFC 5280 section 5.1.2: perhaps a version, algorithm, issuer, times
        case _:
            return ""


def _inside(der: bytes) -> Iterator[Element]:
    """Yield the elements of the first element in the outermost one. Raises `ValueError`."""
    outer = head(der, 0)
    inner = head(der, outer.begin)
    if (outer.tag, inner.tag) != (SEQUENCE, SEQUENCE) or inner.end is None:
        return
    position = inner.begin
    while position < inner.end:
        element = head(der, position)
        if element.end is None:
            raise ValueError("DER has no lengths that are left open")
        yield element
        position = element.end
