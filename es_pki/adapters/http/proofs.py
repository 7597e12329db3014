"""The log for those who trust nobody: checkpoints, tiles (C2SP tlog-tiles), keys, and proofs (RFC 6962)."""

from aiohttp import web

from es_pki.adapters.checkpoints.keys import log_keys, statuses
from es_pki.adapters.http.asking import number_of
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.http.replies import json_reply
from es_pki.commands.refusals import Malformed, NotFound
from es_pki.decider import Violation
from eventlog import note, tiles
from eventlog.tree import entries

NEVER_AGAIN = "private, max-age=31536000, immutable"
A_WHILE = "private, max-age=60"
"""A partial tile doesn't change either, but another one soon takes its place."""

INCLUSION = "RFC 6962 section 2.1.1"
CONSISTENCY = "RFC 6962 section 2.1.2"
JSON, TEXT = "application/json", "text/plain"


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """Answer with the newest checkpoint, a signed note (C2SP tlog-checkpoint)."""
    signed = await request.app[PARTS].notary.checkpoint()
    return _text(signed.note)


async def tile(request: web.Request) -> web.StreamResponse:
    """Answer with a tile `LEVEL/NUMBER` or an entry bundle `entries/NUMBER`, whole or partial (C2SP tlog-tiles)."""
    parts = request.app[PARTS]
    try:
        wanted = tiles.parse(f"tile/{request.match_info['tile']}")
    except tiles.NoTile as error:
        raise Malformed.at("tile", "C2SP tlog-tiles", str(error)) from None
    size = (await parts.log.head()).size
    if wanted.width > tiles.width_at(wanted.level, wanted.number, size):
        detail = f"the tree of {size} records has no such tile"
        raise NotFound(detail, Violation("tile", "C2SP tlog-tiles", detail))
    if wanted.level is None:
        body = await entries(parts.log, wanted.number, wanted.width)
    else:
        body = await parts.tree.tile(wanted.level, wanted.number, wanted.width)
    caching = NEVER_AGAIN if wanted.width == tiles.WIDTH else A_WHILE
    response = web.Response(body=body, content_type="application/octet-stream", headers={"Cache-Control": caching})
    if wanted.level is None:
        response.enable_compression()
    return response


async def keys(request: web.Request) -> web.StreamResponse:
    """Answer with the keys that sign the log's checkpoints, as vkeys (C2SP signed-note), the newest last."""
    found = await log_keys(request.app[PARTS].log)
    items = [
        {
            "position": key.position,
            "adopted": key.time,
            "status": status,
            "origin": key.adopted.origin,
            "key_id": key.verifier.key_id.hex(),
            "vkey": str(key.verifier),
        }
        for key, status in zip(found, statuses(found), strict=True)
    ]
    return json_reply({"items": items})


async def inclusion(request: web.Request) -> web.StreamResponse:
    """Answer with the proof that the record at `position` is in the log of `size` records (default: all there are).

    As `text/plain` by `Accept` it is a C2SP tlog-proof that ends with the newest checkpoint, and `size` is that one's.
    """
    parts = request.app[PARTS]
    if _form(request) == TEXT:
        signed = await parts.notary.checkpoint()
        position, size = _bounded(request, "position", signed.size, INCLUSION), number_of(request, "size", signed.size)
        if size != signed.size:
            raise Malformed.at(
                "size", "C2SP tlog-proof", f"as text a proof ends with the newest checkpoint, {signed.size}"
            )
        return _text(note.inclusion_text(position - 1, await parts.tree.inclusion(position, size), signed.note))
    head = (await parts.log.head()).size
    size = _bounded(request, "size", head, INCLUSION, default=head)
    position = _bounded(request, "position", size, INCLUSION)
    return json_reply(
        {
            "position": position,
            "tree_size": size,
            "leaf_hash": await parts.tree.leaf_hash(position),
            "hashes": await parts.tree.inclusion(position, size),
            "root_hash": await parts.tree.root(size),
        }
    )


async def consistency(request: web.Request) -> web.StreamResponse:
    """Answer with the proof that the log of `to` records (default: all there are) begins with that of `from`."""
    parts = request.app[PARTS]
    head = (await parts.log.head()).size
    size = _bounded(request, "to", head, CONSISTENCY, default=head)
    old = _bounded(request, "from", size, CONSISTENCY)
    return json_reply(
        {
            "from": old,
            "to": size,
            "from_root_hash": await parts.tree.root(old),
            "to_root_hash": await parts.tree.root(size),
            "hashes": await parts.tree.consistency(old, size),
        }
    )


def _bounded(request: web.Request, field: str, end: int, rule: str, *, default: int = 0) -> int:
    """Return a number of the query from 1 to `end`; a default of 0 means that it has to be given."""
    number = number_of(request, field, default)
    if not 1 <= number <= end:
        raise Malformed.at(field, rule, f"a number from 1 to {end}")
    return number


def _form(request: web.Request) -> str:
    """Return the media type that `Accept` prefers. Raises `Problem` 406 when it takes none of the two."""
    media_type = preferred(request.headers.getall("Accept", []), (JSON, TEXT))
    if media_type is None:
        raise Problem(406, "not-acceptable", f"a proof comes as {JSON} or {TEXT}")
    return media_type


def _text(content: str) -> web.Response:
    return web.Response(text=content, content_type=TEXT, charset="utf-8", headers={"Cache-Control": "no-cache"})
