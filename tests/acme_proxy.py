"""Stands in front of a Pebble and lets everything through, except what a test has it say itself.

Pebble has no renewal information and no profiles, and reports no rate limits: those answers are made here.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.pebble import Pebble, own_certificate

Rule = Callable[[web.Request, bytes], Awaitable[web.StreamResponse | None]]
"""Answers a request itself, or not."""

PASSED_ON = ("Replay-Nonce", "Location", "Link", "Retry-After", "Content-Type")


class Proxy:
    """A directory at `url` that says what Pebble says, and what `rules` and `further` say."""

    def __init__(self, pebble: Pebble) -> None:
        self.pebble = pebble
        self.url = ""
        self.ca_bundle = pebble.ca_bundle
        self.rules: list[Rule] = []
        self.further: dict[str, Any] = {}
        self.done: list[str] = []
        self.asked: list[str] = []
        self._session: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Listen while the context lasts."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.pebble.folder / "certificate.pem", self.pebble.folder / "key.pem")
        self._context = context
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.url = f"https://127.0.0.1:{runner.addresses[0][1]}/dir"
        trusting = ssl.create_default_context(cadata=self.pebble.ca_bundle)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as self._session:
            yield self
        await runner.cleanup()

    def be_somebody_else(self, folder: Path) -> None:
        """Show another certificate from the next connection on: one that nobody trusts, made in the folder."""
        own_certificate(folder)
        assert self._context is not None
        self._context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    def once(self, path: str, response: Callable[[], web.StreamResponse], times: int = 1) -> None:
        """Answer the next requests for a path (its beginning) so, then pass them on again."""
        left = [times]

        async def rule(request: web.Request, _body: bytes) -> web.StreamResponse | None:
            if not request.path.startswith(path) or left[0] == 0:
                return None
            left[0] -= 1
            return response()

        self.rules.append(rule)

    def count(self, path: str) -> int:
        """Return how many requests for paths that begin so the directory did: those with good nonces."""
        return sum(done.startswith(path) for done in self.done)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(request.path)
        for rule in self.rules:
            answer = await rule(request, body)
            if answer is not None:
                return answer
        return await self._passed_on(request, body)

    async def _passed_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        assert self._session is not None
        headers = {
            name: request.headers[name] for name in ("Host", "Content-Type", "Accept") if name in request.headers
        }
        target = self.pebble.url.removesuffix("/dir") + request.path_qs
        async with self._session.request(request.method, target, data=body or None, headers=headers) as answer:
            content = await answer.read()
            if answer.status < 400:
                self.done.append(request.path)
            if request.path == "/dir" and self.further:
                told = await answer.json(content_type=None)
                meta = {**told["meta"], **self.further.get("meta", {})}
                return web.json_response({**told, **self.further, "meta": meta})
            reply = web.Response(status=answer.status, body=content)
            for name in PASSED_ON:
                for value in answer.headers.getall(name, []):
                    reply.headers.add(name, value)
            return reply


def problem(kind: str, detail: str = "", *, status: int = 400, **headers: str) -> Callable[[], web.Response]:
    """Return what makes a problem document of ACME."""
    body = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail or kind, "status": status}
    return lambda: web.json_response(
        body,
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
