"""Errors as RFC 9457 problem documents. Nothing else in es-pki knows about HTTP status codes of refusals."""

import logging
import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import msgspec
from aiohttp import web

from es_pki.adapters.checkpoints import Inconsistent
from es_pki.adapters.postgres import AWAY
from es_pki.adapters.sqlite import FileDamaged, FileUnusable
from es_pki.adapters.views import BadQuery
from es_pki.commands.refusals import Malformed
from es_pki.decider import Kind, Refused, Violation, code_of
from eventlog import Conflict, Damaged, LogError

LOG = logging.getLogger("es_pki.http")

STATUS = {Kind.INVALID: 422, Kind.FORBIDDEN: 403, Kind.MISSING: 404, Kind.CLASHING: 409}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """An answer that is an error of the exchange itself rather than a refusal of the PKI."""

    def __init__(self, status: int, code: str, detail: str, *violations: Violation, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.violations = violations
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem document; what nobody foresaw is logged and its detail withheld."""
    try:
        _check_text(request)
        return await handler(request)
    except Problem as problem:
        return rendered(problem)
    except Refused as refused:
        return rendered(of_refusal(refused))
    except web.HTTPException as error:
        return rendered(_of_exchange(error))
    except Exception as error:
        failure = _of_failure(error)
        if failure.status >= 500:
            told = {"error": type(error).__name__, "code": failure.code, "answer": failure.detail}
            LOG.exception("a request failed", extra={"fields": told})
        return rendered(failure)


def _of_failure(error: Exception) -> Problem:
    """Return the problem of what is no refusal."""
    match error:
        case BadQuery():
            return Problem(400, "bad-query", str(error), Violation("query", "queries are known", str(error)))
        case web.RequestPayloadError():
            return Problem(400, "bad-request", "the body ends too early, or its transfer coding is broken")
        case Conflict():
            return Problem(409, "conflict", "others were faster; send the request again", Retry_After="1")
        case Inconsistent():
            return Problem(503, "log-inconsistent", str(error))
        case Damaged():
            return Problem(500, "log-damaged", "the event log contradicts itself; `es-pki log verify` says where")
        case LogError():
            return Problem(503, "log-unavailable", "the event log can't be used right now", Retry_After="5")
        case FileDamaged():
            return Problem(500, "store-damaged", "a file of the data folder is damaged; start es-pki anew to see which")
        case _ if isinstance(error, (*AWAY, FileUnusable)):
            return Problem(503, "store-unavailable", "a store can't be used right now", Retry_After="5")
        case _:
            return Problem(500, "internal", f"es-pki failed; its log lines name the cause under {uuid4()}")


def _check_text(request: web.Request) -> None:
    """Refuse NUL in a path or query: no store can hold it, and nothing here has it in its name."""
    if "%00" in request.raw_path or "\0" in request.raw_path:
        raise Malformed.at("query", "RFC 3986 section 7.3", "NUL stands in no name")


def of_refusal(refused: Refused) -> Problem:
    """Return the problem of a refusal: its class's name is the code."""
    status = 400 if code_of(type(refused)) == "malformed" else STATUS[refused.kind]
    return Problem(status, code_of(type(refused)), refused.detail, *refused.violations)


def is_repeatable(field: str) -> bool:
    """Tell whether an answer may repeat the name of an unknown field: what no field is called may be a secret."""
    return re.fullmatch("[a-z][a-z0-9_]{0,39}", field) is not None


def rendered(problem: Problem) -> web.Response:
    """Return the problem document (`application/problem+json`)."""
    body: dict[str, object] = {
        "type": f"urn:es-pki:error:{problem.code}",
        "title": problem.code.replace("-", " ").capitalize(),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.violations:
        body["errors"] = [violation._asdict() for violation in problem.violations]
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers=problem.headers,
    )


def _of_exchange(error: web.HTTPException) -> Problem:
    match error.status:
        case 404:
            return Problem(404, "no-such-route", "there is nothing here; GET /openapi.json lists all routes")
        case 405:
            allowed = error.headers.get("Allow", "")
            return Problem(405, "method-not-allowed", f"this route takes {allowed}", Allow=allowed)
        case 413:
            return Problem(413, "body-too-large", "the body is larger than those of this route may be")
        case _:
            return Problem(error.status, "bad-request", "the request can't be understood")
