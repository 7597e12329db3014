"""DER from strangers, element by element: lengths are definite, minimal and within what is there (X.690 section 10)."""

from typing import NamedTuple

LONGEST_LENGTH = 4
"""Octets of a length that is written out: nothing that is read here comes near 4 GiB."""


class NotDER(ValueError):
    """The bytes are no DER, or not the element that belongs here."""


class Element(NamedTuple):
    """One element: its tag's octet, its content, and all of it."""

    tag: int
    content: bytes
    der: bytes


def element_at(data: bytes, start: int) -> tuple[Element, int]:
    """Return the element that begins at `start`, and where the next one does. Raises `NotDER`."""
    if len(data) < start + 2:
        raise NotDER("an element is cut short")
    tag, size, begin = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise NotDER("no tag of several octets belongs here")
    if size >= 0x80:
        octets = size & 0x7F
        size = int.from_bytes(data[begin : begin + octets], "big")
        begin += octets
        if not 1 <= octets <= LONGEST_LENGTH or size < 0x80 or size < 1 << 8 * (octets - 1):
            raise NotDER("a length isn't the shortest form of its number")
    end = begin + size
    if end > len(data):
        raise NotDER("an element is cut short")
    return Element(tag, data[begin:end], data[start:end]), end


def only(data: bytes, tag: int) -> bytes:
    """Return the content of the one element that the bytes are. Raises `NotDER`."""
    element, end = element_at(data, 0)
    if element.tag != tag or end != len(data):
        raise NotDER(f"not one element with tag {tag:#04x}")
    return element.content


class Elements:
    """The elements of a content, taken one after the other in the order in which they have to come."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, tag: int) -> Element:
        """Return the next element, which has this tag. Raises `NotDER`."""
        element, end = element_at(self._content, self._at)
        if element.tag != tag:
            raise NotDER(f"tag {element.tag:#04x} where {tag:#04x} belongs")
        self._at = end
        return element

    def take_any(self, tag: int) -> Element | None:
        """Return the next element if it has this tag, None if it has another or there is none. Raises `NotDER`."""
        if self._at >= len(self._content) or self._content[self._at] != tag:
            return None
        return self.take(tag)

    def rest(self, tag: int) -> list[Element]:
        """Return all that are left, each with this tag. Raises `NotDER`."""
        found = []
        while self._at < len(self._content):
            found.append(self.take(tag))
        return found

    def end(self) -> None:
        """Require that none is left. Raises `NotDER`."""
        if self._at != len(self._content):
            raise NotDER("there is more than belongs here")
