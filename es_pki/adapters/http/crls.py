"""CRLs over HTTP: for relying parties from memory, with what caches need (RFC 9110, 9111), and for people by number."""

import hashlib
from datetime import UTC
from email.utils import format_datetime

from aiohttp import web

from es_pki.adapters.crls import Made
from es_pki.adapters.crls.again import made_again
from es_pki.adapters.http.asking import number, number_of
from es_pki.adapters.http.caching import is_known
from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.x509.formats import PEM_FILE, crl_pem
from es_pki.commands.names import is_uuid
from es_pki.commands.refusals import NotFound
from es_pki.commands.revocation_list import list_id
from es_pki.projections import authorities

CRL = "application/pkix-crl"  # RFC 2585 section 4.2

CACHE_SECONDS = 60
"""How long a cache may hand out a CRL without asking: revocations come at any time."""


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer with an authority's newest CRL in DER, of all or of the shard `{shard}`."""
    made = await _published(request)
    return _answer(request, made, made.complete)


async def delta(request: web.Request) -> web.StreamResponse:
    """Answer with the delta of an authority's newest CRL in DER."""
    made = await _published(request)
    if made.delta is None:
        raise NotFound("there is no delta: this is the first CRL")
    return _answer(request, made, made.delta)


async def _published(request: web.Request) -> Made:
    wanted = request.match_info["id"].lower()
    authority_id = wanted if is_uuid(wanted) else (await row_of(request, authorities.view)).id
    shard = number("shard", request.match_info.get("shard", "0"))
    made = request.app[PARTS].crls.made(list_id(authority_id, shard))
    if made is None:
        raise NotFound("there is no such CRL")
    return made


def _answer(request: web.Request, made: Made, body: bytes) -> web.Response:
    """Return a CRL, or 304 to whoever has it already (RFC 9110 section 13)."""
    left = (made.prepared.next_update - request.app[PARTS].now()).total_seconds()
    kind = "" if body is made.complete else "-delta"
    tag = f"{made.prepared.crl_number}{kind}"
    headers = {
        "ETag": f'"{tag}"',
        "Last-Modified": format_datetime(made.prepared.this_update.astimezone(UTC), usegmt=True),
        "Cache-Control": f"public, max-age={max(0, min(CACHE_SECONDS, int(left)))}",
    }
    if is_known(request, tag, made.prepared.this_update):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=CRL, headers=headers)


async def authority_crl(request: web.Request) -> web.StreamResponse:
    """Answer with an authority's CRL in DER or PEM, by `Accept`: the newest, or `number`; of `shard`; its `delta`."""
    row = await row_of(request, authorities.view)
    parts, aggregate_id = request.app[PARTS], list_id(row.id, number_of(request, "shard", 0))
    made = parts.crls.made(aggregate_id)
    wanted = number_of(request, "number", 0) if "number" in request.query else None
    if wanted is not None and (made is None or made.prepared.crl_number != wanted):
        made = await made_again(parts.log, parts.crls.maker, aggregate_id, wanted)
    der = None
    if made is not None:
        der = made.delta if number_of(request, "delta", 0) else made.complete
    if der is None:
        raise NotFound("there is no such CRL")
    media_type = preferred(request.headers.getall("Accept", []), (CRL, PEM_FILE))
    if media_type is None:
        raise Problem(406, "not-acceptable", f"this comes as {CRL} or {PEM_FILE}")
    body = crl_pem(der).encode() if media_type == PEM_FILE else der
    return web.Response(body=body, content_type=media_type, headers={"Vary": "Accept", "ETag": f'"{_digest(body)}"'})


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
