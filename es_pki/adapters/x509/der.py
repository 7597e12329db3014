"""The little of DER that no library offers: where an element's content stands, and an element around a content."""


def content(data: bytes, start: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends (X.690 section 8.1).

    Raises `ValueError` for another element, or none.
    """
    if len(data) < start + 2 or data[start] != tag:
        raise ValueError("this is not the element that belongs here")
    first, begin = data[start + 1], start + 2
    if first < 0x80:
        return begin, begin + first
    octets = first & 0x7F
    return begin + octets, begin + octets + int.from_bytes(data[begin : begin + octets], "big")


def element(tag: int, inside: bytes) -> bytes:
    """Return an element with this content."""
    size = len(inside)
    if size < 0x80:
        return bytes((tag, size)) + inside
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + inside
