"""Which attributes a CSR has, whatever their values are (RFC 2986 section 4.1).

`cryptography` reads attributes of a single value only, and refuses a CSR for one with several; nobody needs the
values here, so only the object identifiers are read, from bytes whose form it has checked as a whole.
"""

from collections.abc import Iterator

from es_pki.adapters.x509.der import EXPLICIT_0, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, content, dotted

ATTRIBUTES = EXPLICIT_0


def attribute_oids(request_info: bytes) -> tuple[str, ...]:
    """Return the dotted identifiers of the attributes in a DER CertificationRequestInfo, in their order.

    Raises `ValueError` for bytes that are none.
    """
    start, end = content(request_info, 0, SEQUENCE)
    for tag in (INTEGER, SEQUENCE, SEQUENCE):  # the version, the subject, the public key
        _, start = content(request_info, start, tag)
    if start == end:
        return ()
    start, end = content(request_info, start, ATTRIBUTES)
    return tuple(_each(request_info, start, end))


def _each(data: bytes, start: int, end: int) -> Iterator[str]:
    while start < end:
        begin, start = content(data, start, SEQUENCE)
        first, behind = content(data, begin, OBJECT_IDENTIFIER)
        yield dotted(data[first:behind])
