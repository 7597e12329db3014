"""The two listeners: the management API over HTTPS, and the public one over HTTP."""

import ssl

from aiohttp import web
from msgspec import Struct

from es_pki.adapters.http.parts import Parts
from es_pki.adapters.http.public import public_application
from es_pki.adapters.http.routes import management_application

PATIENCE = 10.0
"""Seconds that requests under way may take when the server is stopped."""


class Listener(Struct, frozen=True):
    """An open listener and the address that it really has."""

    runner: web.AppRunner
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Return `host:port` as it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def close(self) -> None:
        """Stop listening; requests under way are answered."""
        await self.runner.cleanup()


async def listen_publicly(parts: Parts, host: str, port: int) -> Listener:
    """Open the public listener."""
    return await _listen(public_application(parts), host, port, None)


async def listen_for_management(parts: Parts, host: str, port: int, context: ssl.SSLContext) -> Listener:
    """Open the management listener."""
    return await _listen(management_application(parts), host, port, context)


async def _listen(application: web.Application, host: str, port: int, context: ssl.SSLContext | None) -> Listener:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=PATIENCE)
    await runner.setup()
    await web.TCPSite(runner, host, port, ssl_context=context).start()
    bound = runner.addresses[0]
    return Listener(runner, host, int(bound[1]))
