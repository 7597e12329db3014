"""How TLS begins where it doesn't at once: each protocol's own word for it, up to where the handshake starts."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

from es_pki.events.service import ProbeProtocol

LONGEST_LINE = 8_192
MOST_LINES = 100

LDAP_STARTTLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
"""An ExtendedRequest with that name (RFC 4511 section 4.14.1), message 1, in BER."""

POSTGRESQL_SSL_REQUEST = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")


class NoTLS(Exception):
    """The service doesn't begin TLS; the message is for people, with the service's own words bounded."""


async def begin(protocol: ProbeProtocol, reader: StreamReader, writer: StreamWriter) -> None:
    """Have a service begin TLS on a new connection. Raises `NoTLS`, and what a broken connection raises."""
    await _SPOKEN[protocol](reader, writer)


async def _at_once(_reader: StreamReader, _writer: StreamWriter) -> None:
    pass


async def _smtp(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 3207 section 4."""
    await _reply(reader, "220", "no greeting")
    writer.write(b"EHLO es-pki.invalid\r\n")
    await _reply(reader, "250", "EHLO is refused")
    writer.write(b"STARTTLS\r\n")
    await _reply(reader, "220", "STARTTLS is refused")


async def _ftp(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 4217 section 4."""
    await _reply(reader, "220", "no greeting")
    writer.write(b"AUTH TLS\r\n")
    await _reply(reader, "234", "AUTH TLS is refused")


async def _imap(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 9051 section 6.2.1."""
    greeting = await _line(reader)
    if not greeting.startswith(b"* OK"):
        raise NoTLS(f"no greeting: {_shown(greeting)}")
    writer.write(b"a STARTTLS\r\n")
    for _ in range(MOST_LINES):
        line = await _line(reader)
        if line.startswith(b"a "):
            if not line.upper().startswith(b"A OK"):
                raise NoTLS(f"STARTTLS is refused: {_shown(line)}")
            return
    raise NoTLS("it says more than it is asked")


async def _ldap(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 4511 section 4.14: the ExtendedResponse (0x78) begins with its result code, 0 for success."""
    writer.write(LDAP_STARTTLS)
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        length = int.from_bytes(await reader.readexactly(length & 0x7F & 3), "big")
    answer = await reader.readexactly(min(length, LONGEST_LINE))
    if head[0] != 0x30 or b"\x0a\x01\x00" not in answer[:16]:
        raise NoTLS("StartTLS is refused")


async def _postgresql(reader: StreamReader, writer: StreamWriter) -> None:
    """PostgreSQL's frontend/backend protocol, section "SSL Session Encryption"."""
    writer.write(POSTGRESQL_SSL_REQUEST)
    if await reader.readexactly(1) != b"S":
        raise NoTLS("the server has no TLS")


async def _reply(reader: StreamReader, code: str, fault: str) -> None:
    """Read a reply of one or several lines (RFC 5321 section 4.2.1)."""
    for _ in range(MOST_LINES):
        line = await _line(reader)
        if line[3:4] != b"-":
            if line[:3] != code.encode():
                raise NoTLS(f"{fault}: {_shown(line)}")
            return
    raise NoTLS("it says more than it is asked")


async def _line(reader: StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise NoTLS("it says more than it is asked") from None
    if len(line) > LONGEST_LINE:
        raise NoTLS("it says more than it is asked")
    return line


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace").strip()[:200]
    return "".join(c if c.isprintable() else "?" for c in text)


_SPOKEN: dict[ProbeProtocol, Callable[[StreamReader, StreamWriter], Awaitable[None]]] = {
    ProbeProtocol.TLS: _at_once,
    ProbeProtocol.SMTP: _smtp,
    ProbeProtocol.FTP: _ftp,
    ProbeProtocol.IMAP: _imap,
    ProbeProtocol.LDAP: _ldap,
    ProbeProtocol.POSTGRESQL: _postgresql,
}
