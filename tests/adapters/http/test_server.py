"""The listeners: nobody holds a connection for nothing, and work under way has no deadline."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from es_pki.adapters.http import bodies, server
from tests.serving import PATIENCE

SHORT = 0.2


async def late(request):
    await asyncio.sleep(3 * SHORT)
    return web.Response(text="late")


@pytest.fixture
async def listener(monkeypatch):
    """The address of a listener with short deadlines, whose answers come after them."""
    monkeypatch.setattr(server, "IDLE_SECONDS", SHORT)
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 2)
    application = web.Application()
    application.router.add_get("/", late)
    bound = server.bind("127.0.0.1", 0)
    runner = await server._serve(application, bound, None)
    yield bound.getsockname()
    await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(address):
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*address)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_a_connection_without_a_request_is_closed(listener):
    async with connected(listener) as (reader, _):
        assert await reader.read() == b""


async def test_a_head_that_comes_drop_by_drop_is_not_waited_for(listener):
    async with connected(listener) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X-Drop: 1\r\n")
                await writer.drain()
                await asyncio.sleep(SHORT / 10)
        assert await reader.read() == b""


async def test_an_answer_may_take_longer_than_a_connection_may_idle(listener):
    async with connected(listener) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert (await reader.read()).endswith(b"late")


async def test_a_listener_has_so_many_connections_until_one_ends(listener):
    async with connected(listener) as one, connected(listener) as other:
        for _, writer in (one, other):
            writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        async with connected(listener) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        for reader, _ in (one, other):
            assert (await reader.read()).endswith(b"late")
    async with connected(listener) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert (await reader.read()).endswith(b"late")


@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
async def test_a_body_that_never_ends_is_answered_and_its_connection_closed(inside, monkeypatch, framing):
    monkeypatch.setattr(bodies, "BODY_SECONDS", SHORT)
    head = "POST /api/v1/commands/SignCSR HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    authorization = f"Authorization: {inside.session.headers['Authorization']}\r\n"
    async with connected((inside.server.host, inside.server.port)) as (reader, writer):
        writer.write((head + authorization).encode() + framing)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        assert b"body-too-slow" in await reader.readuntil(b"}")
