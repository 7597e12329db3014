"""Who is let in: a bearer token (RFC 6750), or a client's certificate, opens the routes of its principal's roles."""

import ssl

from aiohttp import web

from es_pki.adapters.http.clients import CLIENTS, Unfit
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.http.tls import client_chain
from es_pki.adapters.http.tokens import TOKENS
from es_pki.adapters.intake.answer import Caller
from es_pki.decider import Violation
from es_pki.events.principal import ClientAdmitted, TokenCreated
from es_pki.values import Role

LONGEST_TOKEN = 256

EVERYBODY = frozenset(Role) - {Role.CALENDAR}
FEED_READERS = frozenset(Role)
AUDITORS = frozenset({Role.ADMIN, Role.AUDITOR})
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
WATCHERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR})


async def admitted(request: web.Request, roles: frozenset[Role], *, is_feed: bool = False) -> Caller:
    """Return who sends the request. Raises `Problem` 401 for nothing good to show and 403 for the wrong roles.

    `is_feed`: the token may stand in the address (`?token=`) if it opens nothing but feeds: addresses get about.

    A token opens from the moment its creation is answered, and nothing any more when its revocation is: on every
    server of the installation, however far behind its views are. Where there is a token, it decides; without one the
    certificate does that the client showed when the connection began, if the setting `client_trust_store` asks for it.
    """
    chain, has_token = _shown(request), "Authorization" in request.headers or (is_feed and "token" in request.query)
    is_by_certificate = chain and not has_token
    principal = await (_by_certificate(request, chain) if is_by_certificate else _by_token(request, is_feed=is_feed))
    caller = Caller(principal.name, frozenset(principal.roles))
    if caller.roles.isdisjoint(roles):
        wanted = ", ".join(sorted(roles))
        detail = f"this takes one of the roles {wanted}"
        raise Problem(403, "not-permitted", detail, Violation("Authorization", "roles", detail))
    return caller


async def _by_token(request: web.Request, *, is_feed: bool) -> TokenCreated:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_in_address = is_feed and not scheme and "token" in request.query
    if is_in_address:
        scheme, token = "bearer", request.query["token"]
    if scheme.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
        raise _unauthenticated("send Authorization: Bearer and a token")
    state = await request.app[TOKENS].principal(token.strip())
    if state is None or not isinstance(state.created, TokenCreated) or state.revoked:
        raise _unauthenticated("this token opens nothing")
    if state.created.expires is not None and state.created.expires <= request.app[PARTS].now():
        raise _unauthenticated("this token has expired")
    if is_in_address and set(state.created.roles) != {Role.CALENDAR}:
        raise _unauthenticated("only a token with just the role calendar may stand in an address")
    return state.created


async def _by_certificate(request: web.Request, chain: tuple[bytes, ...]) -> ClientAdmitted:
    # A browser shows a certificate for whatever page has it send something; what others' pages send says whose it is.
    if request.headers.get("Origin", f"https://{request.host}") != f"https://{request.host}":
        raise _unauthenticated("a page of another site sent this: only a token opens anything to it")
    try:
        state = await request.app[CLIENTS].principal(chain)
    except Unfit as unfit:
        raise _unauthenticated(str(unfit)) from None
    if not isinstance(state.created, ClientAdmitted) or state.revoked:
        raise _unauthenticated("this client certificate opens nothing")
    return state.created


def _shown(request: web.Request) -> tuple[bytes, ...]:
    """Return the chain of the certificate that the client showed, where it was asked for one."""
    tls = request.get_extra_info("ssl_object")
    return client_chain(tls) if CLIENTS in request.app and isinstance(tls, ssl.SSLObject) else ()


def _unauthenticated(detail: str) -> Problem:
    violation = Violation("Authorization", "RFC 6750 section 2.1", detail)
    return Problem(401, "unauthenticated", detail, violation, WWW_Authenticate='Bearer realm="es-pki"')
