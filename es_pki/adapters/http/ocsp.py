"""OCSP over HTTP (RFC 6960 appendix A), with what lets caches keep answers (RFC 5019 section 6)."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import unquote
from uuid import UUID

from aiohttp import web

from es_pki.adapters.http.bodies import body_of
from es_pki.adapters.http.caching import is_known
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.ocsp.kept import Answer
from es_pki.commands.authority import AuthorityMissing
from es_pki.commands.names import is_own_name, is_uuid
from es_pki.decider import Violation

REQUEST, RESPONSE = "application/ocsp-request", "application/ocsp-response"

LONGEST_AGE = timedelta(hours=1)
"""How long a cache may give an answer again without asking: a revocation shows there as late as that."""

USUAL_TEXT, REMEMBERED = 512, 4_096
"""Characters of requests in paths that come again and again, and how many of them are remembered decoded."""

ENCODED_TIMES = 2
"""How often a request in a path may be %-encoded: some clients and proxies do it again."""


async def ask_by_post(request: web.Request) -> web.StreamResponse:
    """Answer the OCSP request in the body."""
    if request.content_type != REQUEST:
        detail = f"send Content-Type: {REQUEST}"
        raise Problem(415, "not-ocsp", detail, Violation("Content-Type", "RFC 6960 appendix A.1", detail))
    return await _answer(request, await body_of(request))


async def ask_by_get(request: web.Request) -> web.StreamResponse:
    """Answer the OCSP request in the path, in base64."""
    return await _answer(request, in_path(request.raw_path))


def in_path(raw_path: str) -> bytes:
    """Return the DER request of a path as it was sent; b"" where there is none: that is malformed, too.

    `/`, `+` and `=` may be %-encoded or not, there may be another slash before it, and its padding may be missing.
    """
    text = raw_path.partition("/ocsp/")[2].partition("?")[0]
    return _remembered(text) if len(text) <= USUAL_TEXT else _decoded(text)


@lru_cache(maxsize=REMEMBERED)
def _remembered(text: str) -> bytes:
    return _decoded(text)


def _decoded(text: str) -> bytes:
    for _ in range(ENCODED_TIMES):
        text = unquote(text)
    text = text.lstrip("/").replace(" ", "+").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


async def _answer(request: web.Request, asked: bytes) -> web.StreamResponse:
    answer = await request.app[PARTS].ocsp.answer(await _authority_id(request), asked)
    headers = _headers(request, answer)
    made = answer.this_update if answer.fresh_until is not None and request.method != "POST" else None
    if made is not None and is_known(request, answer.etag, made):
        return web.Response(status=304, headers=headers)
    return web.Response(body=answer.body, headers={"Content-Type": RESPONSE, **headers})


async def _authority_id(request: web.Request) -> str:
    wanted = request.match_info["id"]
    authority_id = _as_id(wanted)
    if authority_id is not None:
        return authority_id
    owner = None
    if is_own_name(wanted):
        owner = await request.app[PARTS].aggregates.owner(f"authority_name-{wanted}", for_ever=True)
    if owner is None:
        raise AuthorityMissing("there is no authority of this name")
    return owner


@lru_cache(maxsize=REMEMBERED)
def _as_id(text: str) -> str | None:
    return str(UUID(text)) if is_uuid(text) else None


def _headers(request: web.Request, answer: Answer) -> dict[str, str]:
    """Return RFC 5019 section 6.2's header fields; what is for one asker alone says so."""
    if answer.fresh_until is None or answer.this_update is None or answer.next_update is None:
        return {"Cache-Control": "no-store"}
    age = min(LONGEST_AGE, answer.fresh_until - request.app[PARTS].now())
    return {
        "Cache-Control": f"max-age={max(0, int(age.total_seconds()))}, public, no-transform, must-revalidate",
        "ETag": f'"{answer.etag}"',
        "Last-Modified": _http_date(answer.this_update),
        "Expires": _http_date(answer.next_update),
    }


@lru_cache(maxsize=REMEMBERED)
def _http_date(time: datetime) -> str:
    return format_datetime(time.astimezone(UTC), usegmt=True)
