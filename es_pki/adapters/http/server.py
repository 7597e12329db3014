"""The two listeners: the management API over HTTPS, and the public one over HTTP."""

import ipaddress
import socket
import ssl

from aiohttp import web

from es_pki.adapters.http.parts import Parts
from es_pki.adapters.http.public import public_application
from es_pki.adapters.http.routes import management_application

PATIENCE = 10.0
"""Seconds that requests under way may take when the server is stopped."""


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes any free one. Raises `OSError` when it is in use or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=PATIENCE)
    await runner.setup()
    await web.SockSite(runner, bound, ssl_context=context, backlog=1024).start()
    return runner
