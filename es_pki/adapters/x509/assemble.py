"""From a to-be-signed certificate and its signature to the certificate (RFC 5280 section 4.1)."""

SEQUENCE, INTEGER, BIT_STRING, VERSION = 0x30, 0x02, 0x03, 0xA0


def assemble(to_be_signed: bytes, signature: bytes) -> bytes:
    """Return the DER certificate. The outer algorithm is the inner one, as section 4.1.1.2 demands.

    Raises `ValueError` for bytes that are no TBSCertificate.
    """
    return _element(SEQUENCE, to_be_signed + _algorithm(to_be_signed) + _element(BIT_STRING, b"\0" + signature))


def _algorithm(to_be_signed: bytes) -> bytes:
    """Return the AlgorithmIdentifier inside: it follows the version and the serial number."""
    start, _ = _content(to_be_signed, 0, SEQUENCE)
    for tag in (VERSION, INTEGER):
        _, start = _content(to_be_signed, start, tag)
    _, end = _content(to_be_signed, start, SEQUENCE)
    return to_be_signed[start:end]


def _content(data: bytes, start: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends (X.690 section 8.1)."""
    if len(data) < start + 2 or data[start] != tag:
        raise ValueError("this is no TBSCertificate")
    first, begin = data[start + 1], start + 2
    if first < 0x80:
        return begin, begin + first
    octets = first & 0x7F
    return begin + octets, begin + octets + int.from_bytes(data[begin : begin + octets], "big")


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
