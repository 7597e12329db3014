"""The two listeners: the management API over HTTPS, and the public one over HTTP.

Nobody holds a connection for nothing: handshakes, heads and bodies (`bodies.BODY_SECONDS`) have to come within some
time, answers have to be taken, and a listener has only so many connections at a time. Work under way and live streams
have no deadline.
"""

import asyncio
import ipaddress
import socket
import ssl

from aiohttp import web

from es_pki.adapters.http.parts import Parts
from es_pki.adapters.http.public import public_application
from es_pki.adapters.http.routes import management_application

PATIENCE = 10.0
"""Seconds that requests under way may take when the server is stopped."""

HANDSHAKE_SECONDS = 10.0
"""How long a TLS handshake may take."""

IDLE_SECONDS = 60.0
"""How long a connection may be without a whole request head: idle, or sending one drop by drop."""

LINGERING_SECONDS = 5.0
"""How long the rest of a body is still read that nobody asked for."""

TAKING_MILLISECONDS = 60_000
"""How long a peer may take nothing of what is sent to it."""

MOST_CONNECTIONS = 1000
"""Connections of one listener at a time; further ones are closed at once."""


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes any free one. Raises `OSError` when it is in use or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKING_MILLISECONDS)  # its connections inherit it
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"can't listen on {host}:{port}: {error.strerror}") from None
    return bound


def address(bound: socket.socket, *, instead_of_all: str = "localhost") -> str:
    """Return `host:port` of a bound socket as it stands in a URL; `instead_of_all` is the host of one bound to all."""
    host, port = bound.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = instead_of_all
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve_publicly(parts: Parts, bound: socket.socket) -> web.AppRunner:
    """Serve the public listener."""
    return await _serve(public_application(parts), bound, None)


async def serve_management(parts: Parts, bound: socket.socket, context: ssl.SSLContext) -> web.AppRunner:
    """Serve the management listener."""
    return await _serve(management_application(parts), bound, context)


async def _serve(application: web.Application, bound: socket.socket, context: ssl.SSLContext | None) -> web.AppRunner:
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=PATIENCE,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        auto_decompress=False,
    )
    await runner.setup()
    await _Site(runner, bound, context).start()
    return runner


class _Site(web.BaseSite):
    """A bound socket that takes at most `MOST_CONNECTIONS` at a time."""

    def __init__(self, runner: web.AppRunner, bound: socket.socket, context: ssl.SSLContext | None) -> None:
        super().__init__(runner, ssl_context=context, backlog=1024)
        self._bound = bound

    @property
    def name(self) -> str:
        """Return the address."""
        return f"{'https' if self._ssl_context else 'http'}://{address(self._bound)}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol,
            sock=self._bound,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._ssl_context else None,
        )

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= MOST_CONNECTIONS:
            return _Full()
        return server()


class _Full(asyncio.Protocol):
    """Takes no connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()
