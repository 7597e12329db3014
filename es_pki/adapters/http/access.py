"""Who is let in: a bearer token (RFC 6750) opens the routes of its principal's roles."""

import hashlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from es_pki.adapters.http.parts import PARTS, Parts
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.intake.answer import Caller
from es_pki.adapters.views import Query
from es_pki.decider import Violation
from es_pki.projections import principals
from es_pki.values import Role

FRESHNESS = 2.0
"""Seconds to wait for the view to know a token that was created a moment ago."""

LONGEST_TOKEN = 256

Let = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


async def admitted(request: web.Request, roles: frozenset[Role]) -> Caller:
    """Return who sends the request. Raises `Problem` 401 for no good token and 403 for the wrong roles."""
    parts = request.app[PARTS]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
        raise _unauthenticated("send Authorization: Bearer and a token")
    row = await _principal(parts, hashlib.sha256(token.strip().encode()).hexdigest())
    if row is None or row.revoked is not None:
        raise _unauthenticated("this token opens nothing")
    if row.expires is not None and row.expires <= parts.now():
        raise _unauthenticated("this token has expired")
    caller = Caller(row.name, frozenset(row.roles))
    if caller.roles.isdisjoint(roles):
        wanted = ", ".join(sorted(roles))
        detail = f"this takes one of the roles {wanted}"
        raise Problem(403, "not-permitted", detail, Violation("Authorization", "roles", detail))
    return caller


async def _principal(parts: Parts, token_digest: str) -> principals.Row | None:
    query = Query(filters={"token_digest": token_digest}, limit=1)
    found = await parts.views.find(principals.view, query)
    if not found.rows:
        await parts.follower.reached((await parts.log.head()).size, FRESHNESS)
        found = await parts.views.find(principals.view, query)
    return found.rows[0] if found.rows else None


def _unauthenticated(detail: str) -> Problem:
    violation = Violation("Authorization", "RFC 6750 section 2.1", detail)
    return Problem(401, "unauthenticated", detail, violation, WWW_Authenticate='Bearer realm="es-pki"')
