"""Listens for the validators of tls-alpn-01: a handshake for a name that is being proved, and nothing else.

Whoever asks for another name or by another protocol meets an alert, before any key is made or used. After the handshake
both sides have seen what they wanted, and the connection ends (RFC 8737 section 3).
"""

import asyncio
import contextlib
import logging
import socket
import ssl

from es_pki.adapters.acme.client_hello import HelloMalformed, received
from es_pki.adapters.acme.tls_alpn_01 import PROTOCOL, TLSALPN01

LOG = logging.getLogger("es_pki.acme")

PATIENCE_SECONDS = 10.0
"""How long a connection may take."""

MOST_CONNECTIONS = 100
"""Connections at a time; further ones are closed at once."""

MOST_ANSWERED = 16 * 1024
"""Octets that are read at a time."""

UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"
NO_APPLICATION_PROTOCOL = b"\x15\x03\x03\x00\x02\x02\x78"
"""Fatal alerts, in clear as before any handshake (RFC 8446 section 6.2)."""


class TLSALPNListener:
    """Answers at a bound socket."""

    def __init__(self, solver: TLSALPN01, bound: socket.socket) -> None:
        self._solver = solver
        self._bound = bound
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._met, sock=self._bound)

    async def close(self) -> None:
        """Listen no more; whoever is there has `PATIENCE_SECONDS`."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MOST_CONNECTIONS:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._answer(reader, writer)
        except (HelloMalformed, ssl.SSLError, asyncio.IncompleteReadError, OSError, TimeoutError) as error:
            LOG.debug("a TLS handshake came to nothing", extra={"fields": {"why": type(error).__name__}})
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello, so_far = await received(reader)
        if PROTOCOL not in hello.protocols:
            writer.write(NO_APPLICATION_PROTOCOL)
            return
        context = await self._solver.context_for(hello.server_name)
        if context is None:
            writer.write(UNRECOGNIZED_NAME)
            return
        await _shake_hands(context, so_far, reader, writer)


async def _shake_hands(
    context: ssl.SSLContext, so_far: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Go through a handshake whose first octets were read, and say good-bye. Raises `ssl.SSLError`."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(so_far)
    is_done = False
    while not is_done:
        try:
            tls.do_handshake()
            is_done = True
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            await writer.drain()
            more = await reader.read(MOST_ANSWERED)
            if not more:
                return
            incoming.write(more)
        except ssl.SSLError:
            writer.write(outgoing.read())  # the alert
            raise
    with contextlib.suppress(ssl.SSLWantReadError):  # the peer needn't say good-bye as well
        tls.unwrap()
    writer.write(outgoing.read())
    await writer.drain()
