"""The little of DER that is read and written here by hand (X.690 sections 8 and 10)."""

INTEGER, BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER, UTF8_STRING, SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x0C, 0x30
ENUMERATED, UTC_TIME, GENERALIZED_TIME = 0x0A, 0x17, 0x18
EXPLICIT_0 = 0xA0

NULL = b"\x05\x00"
BOOLEAN_TRUE = b"\x01\x01\xff"


def element(tag: int, *contents: bytes) -> bytes:
    """Return an element around the contents, one after the other."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*contents: bytes) -> bytes:
    """Return a SEQUENCE of elements."""
    return element(SEQUENCE, *contents)


def integer(number: int) -> bytes:
    """Return an INTEGER that isn't negative."""
    return element(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER whose first arcs are below 3 and 40 (X.690 section 8.19)."""
    first, second, *arcs = map(int, dotted.split("."))
    return element(OBJECT_IDENTIFIER, *map(_arc, (40 * first + second, *arcs)))


def _arc(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(0x80 | number & 0x7F)
    return bytes(reversed(octets))


def content(data: bytes, start: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends. Raises `ValueError` for another tag."""
    if len(data) < start + 2 or data[start] != tag:
        raise ValueError(f"there is no element with tag {tag:#04x} at {start}")
    first, begin = data[start + 1], start + 2
    if first < 0x80:
        return begin, begin + first
    octets = first & 0x7F
    return begin + octets, begin + octets + int.from_bytes(data[begin : begin + octets], "big")


def dotted(octets: bytes) -> str:
    """Return an object identifier's content as text (X.690 section 8.19)."""
    arcs, arc = [], 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:]))) if arcs else ""
