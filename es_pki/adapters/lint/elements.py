"""DER as it lies (X.690 sections 8, 10 and 11), read without the library that wrote it.

An element is its tag and its content. Whatever has two encodings must have the shorter: `NotDER` says where not.
"""

Element = tuple[int, bytes]

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING = 0x0C, 0x13, 0x14, 0x16
GENERAL_STRING = 0x1B
UTC_TIME, GENERALIZED_TIME, VISIBLE_STRING, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1A, 0x1C, 0x1E
SEQUENCE, SET = 0x30, 0x31

EXPLICIT = 0xA0
"""With the number added: a context-specific tag around something, or of something constructed."""

IMPLICIT = 0x80
"""With the number added: a context-specific tag instead of a primitive one."""


class NotDER(ValueError):
    """These bytes are not the one encoding of anything, or of nothing that belongs here."""


def elements(content: bytes) -> list[Element]:
    """Return the elements that a content is made of, one after the other. Raises `NotDER`."""
    found: list[Element] = []
    start, end = 0, len(content)
    while start < end:
        if end - start < 2:
            raise NotDER("an element ends within its header")
        tag, size = content[start], content[start + 1]
        begin = start + 2
        if tag & 0x1F == 0x1F:
            raise NotDER("a tag number above 30 belongs in no certificate")
        if size >= 0x80:
            begin += size & 0x7F
            size = _long_size(content[start + 2 : begin])
        start = begin + size
        if start > end:
            raise NotDER("an element is longer than what it stands in")
        found.append((tag, content[begin:start]))
    return found


def _long_size(octets: bytes) -> int:
    size = int.from_bytes(octets, "big")
    if size < 0x80 or octets[0] == 0:
        raise NotDER("a length is not in its shortest form")
    return size


def inside(element: Element, tag: int) -> list[Element]:
    """Return the elements in a constructed one. Raises `NotDER` when it has another tag."""
    return elements(content(element, tag))


def content(element: Element, tag: int) -> bytes:
    """Return what is in an element. Raises `NotDER` when it has another tag."""
    if element[0] != tag:
        raise NotDER(f"an element has the tag {element[0]:#04x} instead of {tag:#04x}")
    return element[1]


def only(data: bytes, tag: int) -> bytes:
    """Return what is in the one element that these bytes are. Raises `NotDER`."""
    found = elements(data)
    if len(found) != 1:
        raise NotDER("there is not exactly one element")
    return content(found[0], tag)


def boolean(element: Element) -> bool:
    """Return a BOOLEAN. Raises `NotDER` (X.690 section 11.1: true is FF)."""
    value = content(element, BOOLEAN)
    if value not in {b"\x00", b"\xff"}:
        raise NotDER("a BOOLEAN is neither 00 nor FF")
    return value == b"\xff"


def integer(value: bytes) -> int:
    """Return the number that the content of an INTEGER is. Raises `NotDER` (X.690 section 8.3.2)."""
    if not value or (len(value) > 1 and (value[0], value[1] >> 7) in {(0x00, 0), (0xFF, 1)}):
        raise NotDER("an INTEGER is not in its shortest form")
    return int.from_bytes(value, "big", signed=True)


def named_bits(element: Element) -> frozenset[int]:
    """Return the numbers of the bits that are set. Raises `NotDER` (X.690 section 11.2.2: no zeros at the end)."""
    value = content(element, BIT_STRING)
    unused = value[0] if value else 8
    number = int.from_bytes(value[1:], "big")
    if unused > 7 or (number == 0) != (len(value) == 1) or number & -number != (1 << unused if number else 0):
        raise NotDER("a BIT STRING of named bits has zeros at its end")
    size = 8 * (len(value) - 1)
    return frozenset(bit for bit in range(size) if number >> (size - 1 - bit) & 1)


def octets_of_bits(element: Element) -> bytes:
    """Return the octets in a BIT STRING of whole octets. Raises `NotDER`."""
    value = content(element, BIT_STRING)
    if value[:1] != b"\0":
        raise NotDER("a BIT STRING is not of whole octets")
    return value[1:]
