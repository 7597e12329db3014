"""The audit trail over HTTP: records of the log as they are, in pages or live (server-sent events)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import msgspec
from aiohttp import web

from es_pki.adapters.http.asking import limit_of, number_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.recorded import time_of
from es_pki.commands.refusals import Malformed
from es_pki.events import codec
from eventlog import Page, Record

LIVE = web.AppKey("live", set[asyncio.Future[None]])
"""The streams that are being sent."""

_ENCODER = msgspec.json.Encoder()


async def list_events(request: web.Request) -> web.StreamResponse:
    """Answer with records after a position, of one stream or of some types when asked."""
    log, after, limit = request.app[PARTS].log, number_of(request, "after", 0), limit_of(request)
    types = types_of(request)
    stream = request.query.get("stream")
    found: list[Record] = []
    if stream is not None:
        records = await log.read_stream(stream) if stream.isprintable() and len(stream) <= 512 else ()
        found = [r for r in records if r.position > after and (types is None or r.type in types)]
    else:
        async for page in log.read_all(after=after, types=types):
            found.extend(page.records)
            if len(found) >= limit:
                break
    items = found[:limit]
    return json_reply(
        {"items": [record_object(r) for r in items], "next": items[-1].position if len(found) > limit else None}
    )


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Send records as they are appended, for as long as the client listens; `Last-Event-ID` goes on after it."""
    after = number_of(request, "after", 0)
    last = request.headers.get("Last-Event-ID", "")
    if last.isascii() and last.isdigit():
        after = int(last)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    sending = asyncio.ensure_future(
        _send(response, request.app[PARTS].log.follow(after=after, types=types_of(request)))
    )
    request.app[LIVE].add(sending)
    try:
        await asyncio.wait([sending])
    finally:
        sending.cancel()
        request.app[LIVE].discard(sending)
    return response


async def _send(response: web.StreamResponse, pages: AsyncIterator[Page]) -> None:
    with contextlib.suppress(ConnectionResetError):
        async for page in pages:
            await response.write(_server_sent(page.records))


async def end_streams(application: web.Application) -> None:
    """End what is being sent live: a server that stops doesn't wait for listeners who never go."""
    for sending in application[LIVE]:
        sending.cancel()


def record_object(record: Record) -> dict[str, object]:
    """Return a record as it is shown; `data` is the event's JSON as the log keeps it, `leaf_hash` base64."""
    return {
        "position": record.position,
        "stream": record.stream,
        "version": record.version,
        "type": record.type,
        "time": time_of(record.time),
        "metadata": msgspec.Raw(record.metadata),
        "data": msgspec.Raw(record.data),
        "leaf_hash": record.leaf_hash,
    }


def _server_sent(records: Sequence[Record]) -> bytes:
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (r.position, r.type.encode(), _ENCODER.encode(record_object(r)))
        for r in records
    )


def types_of(request: web.Request) -> frozenset[str] | None:
    """Return the stored types that `?type=` asks for, None for all; an event's newest type means its old ones too."""
    try:
        return codec.stored_types(*request.query.getall("type", [])) or None
    except codec.UnknownEvent:
        raise Malformed.at("type", "event types are known", "GET /openapi.json lists the types") from None
