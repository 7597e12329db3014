"""The audit trail over HTTP: records of the log as they are, page by page. `live.py` sends them as they happen."""

import msgspec
from aiohttp import web

from es_pki.adapters.http.asking import limit_of, number_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.recorded import time_of
from es_pki.commands.refusals import Malformed
from es_pki.events import codec
from eventlog import Log, Record


async def list_events(request: web.Request) -> web.StreamResponse:
    """Answer with records after a position, of one stream or of some types when asked."""
    log, after, limit = request.app[PARTS].log, number_of(request, "after", 0), limit_of(request)
    types = types_of(request)
    stream = request.query.get("stream")
    if stream is None:
        found = await some_after(log, after, types, more_than=limit)
    else:
        records = await log.read_stream(stream) if stream.isprintable() and len(stream) <= 512 else ()
        found = [r for r in records if r.position > after and (types is None or r.type in types)]
    items = found[:limit]
    return json_reply(
        {"items": [record_object(r) for r in items], "next": items[-1].position if len(found) > limit else None}
    )


async def some_after(log: Log, after: int, types: frozenset[str] | None, *, more_than: int) -> list[Record]:
    """Return records of these types (None: all) after a position: all there are, or more than so many."""
    found: list[Record] = []
    async for page in log.read_all(after=after, types=types):
        found.extend(page.records)
        if len(found) > more_than:
            break
    return found


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


def types_of(request: web.Request) -> frozenset[str] | None:
    """Return the stored types that `?type=` asks for, None for all; an event's newest type means its old ones too.

    Raises `Malformed`.
    """
    try:
        return codec.stored_types(*request.query.getall("type", [])) or None
    except codec.UnknownEvent:
        raise Malformed.at("type", "event types are known", "GET /openapi.json lists the types") from None
