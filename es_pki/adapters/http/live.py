"""The audit trail live: records are sent as they are appended (server-sent events, WHATWG HTML section 9.2)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import msgspec
from aiohttp import web

from es_pki.adapters.http.access import AUDITORS, admitted
from es_pki.adapters.http.asking import number, number_of
from es_pki.adapters.http.events import record_object, types_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from eventlog import Page, Record

LOG = logging.getLogger("es_pki.http")

BEAT_SECONDS = 15.0
"""Between beats: a comment is sent, which shows who has gone, and the token is judged anew."""

MOST_STREAMS = 100
"""Streams that one server sends at a time: each costs something at every commit."""

LIVE = web.AppKey("live", set[asyncio.Future[None]])
"""The streams that are being sent."""

_ENCODER = msgspec.json.Encoder()


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Send records as they are appended, for as long as the client listens; `Last-Event-ID` goes on after it."""
    last = request.headers.get("Last-Event-ID")
    after = number("Last-Event-ID", last) if last else number_of(request, "after", 0)
    pages = request.app[PARTS].log.follow(after=after, types=types_of(request))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    if request.method == "HEAD":
        return response
    live = request.app[LIVE]
    if len(live) >= MOST_STREAMS:
        raise Problem(503, "too-many-streams", f"a server sends {MOST_STREAMS} streams at most", Retry_After="60")
    sending = asyncio.ensure_future(_send(request, response, pages))
    live.add(sending)
    try:
        await asyncio.wait([sending])
    finally:
        sending.cancel()
        live.discard(sending)
    return response


async def end_streams(application: web.Application) -> None:
    """End what is being sent live: a server that stops doesn't wait for listeners who never go."""
    for sending in application[LIVE]:
        sending.cancel()


async def _send(request: web.Request, response: web.StreamResponse, pages: AsyncIterator[Page]) -> None:
    """Send until the listener has gone or may listen no longer. Once begun, an answer can only end."""
    try:
        await response.prepare(request)
        async with asyncio.TaskGroup() as group:
            group.create_task(_send_records(response, pages))
            group.create_task(_beat(request, response))
    except* (ConnectionResetError, Problem):
        pass
    except* Exception:
        LOG.exception("a live stream broke off")


async def _send_records(response: web.StreamResponse, pages: AsyncIterator[Page]) -> None:
    async for page in pages:
        if page.records:
            await response.write(_server_sent(page.records))


async def _beat(request: web.Request, response: web.StreamResponse) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        await admitted(request, AUDITORS)
        await response.write(b": \n\n")


def _server_sent(records: Sequence[Record]) -> bytes:
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (r.position, r.type.encode(), _ENCODER.encode(record_object(r)))
        for r in records
    )
