"""Who is let in: a bearer token (RFC 6750) opens the routes of its principal's roles."""

from aiohttp import web

from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.http.tokens import TOKENS
from es_pki.adapters.intake.answer import Caller
from es_pki.decider import Violation
from es_pki.values import Role

LONGEST_TOKEN = 256

EVERYBODY = frozenset(Role) - {Role.CALENDAR}
FEED_READERS = frozenset(Role)
AUDITORS = frozenset({Role.ADMIN, Role.AUDITOR})
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
WATCHERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR})


async def admitted(request: web.Request, roles: frozenset[Role], *, is_feed: bool = False) -> Caller:
    """Return who sends the request. Raises `Problem` 401 for no good token and 403 for the wrong roles.

    `is_feed`: the token may stand in the address (`?token=`) if it opens nothing but feeds: addresses get about.

    A token opens from the moment its creation is answered, and nothing any more when its revocation is: on every
    server of the installation, however far behind its views are.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_in_address = is_feed and not scheme and "token" in request.query
    if is_in_address:
        scheme, token = "bearer", request.query["token"]
    if scheme.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
        raise _unauthenticated("send Authorization: Bearer and a token")
    state = await request.app[TOKENS].principal(token.strip())
    if state is None or state.created is None or state.revoked:
        raise _unauthenticated("this token opens nothing")
    if state.created.expires is not None and state.created.expires <= request.app[PARTS].now():
        raise _unauthenticated("this token has expired")
    if is_in_address and set(state.created.roles) != {Role.CALENDAR}:
        raise _unauthenticated("only a token with just the role calendar may stand in an address")
    caller = Caller(state.created.name, frozenset(state.created.roles))
    if caller.roles.isdisjoint(roles):
        wanted = ", ".join(sorted(roles))
        detail = f"this takes one of the roles {wanted}"
        raise Problem(403, "not-permitted", detail, Violation("Authorization", "roles", detail))
    return caller


def _unauthenticated(detail: str) -> Problem:
    violation = Violation("Authorization", "RFC 6750 section 2.1", detail)
    return Problem(401, "unauthenticated", detail, violation, WWW_Authenticate='Bearer realm="es-pki"')
