"""A client that costs little: HTTP/1.1 over plain connections, one question after the other on each.

An aiohttp client takes as long for an exchange as an aiohttp server; what is measured then is the client.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, cast

PATIENCE = 2.0
"""Seconds that a server may take for its last answer; `openssl ocsp` now and then forgets a connection."""

END_OF_HEAD = b"\r\n\r\n"


class Server(NamedTuple):
    """Where to ask."""

    host: str
    port: int


class _Connection(asyncio.Protocol):
    """Asks as long as there are questions; counts the answers. An answer is one with status 200 and a length."""

    def __init__(self, questions: Callable[[], bytes | None], done: Callable[[], None]) -> None:
        self.answers = 0
        self._questions = questions
        self._done = done
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask first."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask next when an answer is complete."""
        self._received += data
        head, end, body = self._received.partition(END_OF_HEAD)
        if not end:
            return
        if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")):
            raise RuntimeError(head.decode())
        lower = head.lower()
        at = lower.index(b"content-length:") + len(b"content-length:")
        if len(body) >= int(lower[at:].split(b"\r\n", 1)[0]):
            self._received = b""
            self.answers += 1
            self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """Be done."""
        self._done()

    def _ask(self) -> None:
        question = self._questions()
        if self._transport is not None and question is not None:
            self._transport.write(question)
        elif self._transport is not None:
            self._transport.close()


def get(path: str) -> bytes:
    """Return a GET as it is sent."""
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def post(path: str, media_type: str, body: bytes, version: str = "1.1") -> bytes:
    """Return a POST as it is sent, by a version of HTTP; by 1.0 the connection ends with the answer."""
    fields = f"Host: test\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/{version}\r\n{fields}\r\n".encode() + body


async def rate(
    server: Server, questions: Callable[[], bytes], *, connections: int, seconds: float, keep_alive: bool = True
) -> float:
    """Keep connections busy; return the answers per second. Without `keep_alive` each question has its own."""
    end = time.perf_counter() + seconds

    async def work() -> int:
        answers = 0
        while time.perf_counter() < end:
            answers += await _connection(server, questions, end, keep_alive=keep_alive)
        return answers

    return sum(await asyncio.gather(*(work() for _ in range(connections)))) / seconds


async def _connection(server: Server, questions: Callable[[], bytes], end: float, *, keep_alive: bool) -> int:
    asked = 0

    def question() -> bytes | None:
        nonlocal asked
        if time.perf_counter() >= end or (asked and not keep_alive):
            return None
        asked += 1
        return questions()

    done = asyncio.Event()
    transport, protocol = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(question, done.set), *server
    )
    try:
        async with asyncio.timeout(max(0.0, end - time.perf_counter()) + PATIENCE):
            await done.wait()
    except TimeoutError:
        transport.abort()
    return protocol.answers
