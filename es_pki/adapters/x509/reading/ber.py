"""From BER to DER (X.690 section 10): some programs write PKCS#12 and PKCS#7 in lengths that end where they end.

Only the form changes: indefinite lengths become definite, octet strings in pieces become whole.
"""

from typing import NamedTuple

from es_pki.adapters.x509.der import OCTET_STRING, element

DEEPEST = 64
"""Elements within each other: PKCS#12 takes about twenty."""

_CONSTRUCTED, _CONTEXT = 0x20, 0x80
_END = b"\0\0"


class Element(NamedTuple):
    """An element: its tag, where its content begins, and where it ends (None: at an end-of-contents)."""

    tag: int
    begin: int
    end: int | None


def as_der(data: bytes) -> bytes:
    """Return the first element in DER, and nothing that follows it. Raises `ValueError` for what is no BER."""
    found, _ = _rewritten(data, 0, 0)
    return found


def head(data: bytes, start: int) -> Element:
    """Return the element at `start`. Raises `ValueError` for what is none, or goes on behind the end."""
    if len(data) < start + 2 or data[start] & 0x1F == 0x1F:
        raise ValueError("no element with a short tag")
    tag, first, begin = data[start], data[start + 1], start + 2
    if first == _CONTEXT:
        return Element(tag, begin, None)
    size = first
    if first > _CONTEXT:
        octets = first & 0x7F
        size, begin = int.from_bytes(data[begin : begin + octets], "big"), begin + octets
    if begin + size > len(data):
        raise ValueError("the element goes on behind the end")
    return Element(tag, begin, begin + size)


def _rewritten(data: bytes, start: int, depth: int) -> tuple[bytes, int]:
    """Return the element at `start` in DER, and where it ended."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    tag, begin, end = head(data, start)
    if not tag & _CONSTRUCTED:
        if end is None:
            raise ValueError("a primitive element has a length")
        return element(tag, data[begin:end]), end
    parts, position = [], begin
    while position != end and not (end is None and data[position : position + 2] == _END):
        part, position = _rewritten(data, position, depth + 1)
        if end is not None and position > end:
            raise ValueError("an element goes on behind the end of the one around it")
        parts.append(part)
    if tag == OCTET_STRING | _CONSTRUCTED:
        return element(OCTET_STRING, *map(_content, parts)), position + (2 if end is None else 0)
    return element(tag, *parts), position + (2 if end is None else 0)


def _content(part: bytes) -> bytes:
    tag, begin, _ = head(part, 0)
    if tag != OCTET_STRING:
        raise ValueError("pieces of an octet string are octet strings")
    return part[begin:]
