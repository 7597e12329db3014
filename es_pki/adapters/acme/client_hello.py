"""The first message of a TLS client, read before anybody answers: whom it wants, and by which protocol.

Only as much as tls-alpn-01 needs; whatever is no ClientHello is refused. RFC 8446 section 4.1.2 and 5.1.
"""

import asyncio

from msgspec import Struct

HANDSHAKE = 22
CLIENT_HELLO = 1

SERVER_NAME = 0
"""RFC 6066 section 3."""

PROTOCOLS = 16
"""RFC 7301 section 3.1."""

LARGEST_RECORD = 16 * 1024
LARGEST_HELLO = 64 * 1024
"""Octets: with the keys of post-quantum exchanges a few thousand are usual."""


class HelloMalformed(Exception):
    """What came is no ClientHello."""


class ClientHello(Struct, frozen=True):
    """What the client said: `server_name` in lower case, "" without one, and the protocols that it offers."""

    server_name: str = ""
    protocols: tuple[str, ...] = ()


async def received(reader: asyncio.StreamReader) -> tuple[ClientHello, bytes]:
    """Read a ClientHello; return it with all that was read. Raises `HelloMalformed` and what the stream raises."""
    whole, message = b"", b""
    while True:
        head = await reader.readexactly(5)
        length = int.from_bytes(head[3:])
        if head[0] != HANDSHAKE or not 0 < length <= LARGEST_RECORD:
            raise HelloMalformed
        body = await reader.readexactly(length)
        whole, message = whole + head + body, message + body
        if message[0] != CLIENT_HELLO or len(message) > LARGEST_HELLO:
            raise HelloMalformed
        if len(message) >= 4 and len(message) >= (end := 4 + int.from_bytes(message[1:4])):
            return read(message[4:end]), whole


def read(body: bytes) -> ClientHello:
    """Return what the body of a ClientHello says. Raises `HelloMalformed`."""
    try:
        return _read(_Octets(body))
    except (IndexError, UnicodeDecodeError):
        raise HelloMalformed from None


class _Octets:
    """Octets that are taken one vector after the other. Raises `IndexError` where some are missing."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __bool__(self) -> bool:
        return bool(self._content)

    def take(self, count: int) -> bytes:
        if count > len(self._content):
            raise IndexError
        taken, self._content = self._content[:count], self._content[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> "_Octets":
        """Take a vector whose length stands before it in `size` octets."""
        return _Octets(self.take(self.number(size)))

    def text(self, size: int) -> str:
        return self.take(self.number(size)).decode("ascii")


def _read(body: _Octets) -> ClientHello:
    body.take(2 + 32)  # version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        body.vector(size)
    name = ""
    protocols: tuple[str, ...] = ()
    extensions = body.vector(2) if body else body
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == SERVER_NAME:
            name = _host(content)
        elif kind == PROTOCOLS:
            protocols = tuple(_texts(content))
    return ClientHello(name.lower(), protocols)


def _host(content: _Octets) -> str:
    names = content.vector(2)
    return names.text(2) if names and names.number(1) == 0 else ""


def _texts(content: _Octets) -> list[str]:
    listed, found = content.vector(2), []
    while listed:
        found.append(listed.text(1))
    return found
