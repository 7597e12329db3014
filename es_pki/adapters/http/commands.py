"""Commands over HTTP: what there is, and sending one."""

import json
import re
from typing import TypeVar

import msgspec
from aiohttp import web

from es_pki.adapters.http.access import admitted
from es_pki.adapters.http.bodies import body_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem, is_repeatable
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.requests import (
    REQUESTS,
    CreateTrustStore,
    ImportCertificates,
    Request,
    TrustCertificate,
)
from es_pki.commands.refusals import Malformed
from es_pki.decider import Violation

T = TypeVar("T")

BY_NAME: dict[str, type[Request]] = {request.__name__: request for request in REQUESTS}
DECODERS = {name: msgspec.json.Decoder(request) for name, request in BY_NAME.items()}

Body = TypeVar("Body")

LARGEST_BODY = 256 * 1024
"""Octets of a command."""

LARGEST_BUNDLE = 4 << 20
"""Octets of a command that brings a bundle of certificates."""

LARGEST_BODIES: dict[type[Request], int] = dict.fromkeys(
    (ImportCertificates, CreateTrustStore, TrustCertificate), LARGEST_BUNDLE
)

LONGEST_IDEMPOTENCY_KEY = 255

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?P<fault>unknown|required) field `(?P<name>.*)`", re.DOTALL)
_ENUM = re.compile(r"^Invalid enum value .*?(?= - at|$)", re.DOTALL)


async def list_commands(_request: web.Request) -> web.StreamResponse:
    """Answer with every command, who may send it, and the JSON Schema of its body."""
    schemas, components = msgspec.json.schema_components(REQUESTS, ref_template="#/components/{name}")
    items = [
        {
            "name": request.__name__,
            "summary": (request.__doc__ or "").split("\n", 1)[0],
            "roles": sorted(request.senders),
            "schema": schema,
        }
        for request, schema in zip(REQUESTS, schemas, strict=True)
    ]
    return json_reply({"items": items, "components": components})


async def send_command(request: web.Request) -> web.StreamResponse:
    """Take a command; answer with its position, stream, events and result."""
    name = request.match_info["name"]
    asked_for = BY_NAME.get(name)
    if asked_for is None:
        raise Problem(
            404,
            "no-such-command",
            "GET /api/v1/commands lists the commands",
            Violation("name", "commands are known", "there is no command of this name"),
        )
    caller = await admitted(request, asked_for.senders)
    parts = request.app[PARTS]
    asked = Asked(caller, parts.now(), _idempotency_key(request))
    body = decoded(DECODERS[name], await json_body(request, LARGEST_BODIES.get(asked_for, LARGEST_BODY)))
    answer = await parts.desk.take(body, asked)
    return json_reply(answer, headers={"ES-PKI-Position": str(answer.position)})


def decoded(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    """Return what a body asks for. Raises `Malformed`, naming the field; never echoes a value."""
    try:
        asked = decoder.decode(body)
        _STRICT.decode(body.decode())
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed.at("body", "RFC 8259", "the body is not JSON") from None
    return asked


def _each_once(pairs: list[tuple[str, object]]) -> None:
    """Require that no name stands twice in an object: which of the two was meant, nobody knows. Raises `Malformed`."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            field = name if is_repeatable(name) else "body"
            raise Malformed.at(field, "RFC 8259 section 4", "a name stands in an object once")
        seen.add(name)


_STRICT = json.JSONDecoder(object_pairs_hook=_each_once)
"""Reads what was decoded once more, for what msgspec passes over."""


def _malformed(message: str) -> Malformed:
    at, named = _AT.search(message), _NAMED.search(_AT.sub("", message))
    path = (at["path"] if at else "") or ("" if named else "body")
    detail = _ENUM.sub("the value is none of those allowed", _AT.sub("", message))
    if named and not is_repeatable(named["name"]):
        return Malformed.at(path or "body", "the command's JSON Schema", f"{named['fault']} field")
    field = ".".join(part for part in (path, named["name"] if named else "") if part)
    return Malformed.at(field, "the command's JSON Schema", detail)


def _idempotency_key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
        raise Malformed.at(
            "Idempotency-Key", "keys are short", f"at most {LONGEST_IDEMPOTENCY_KEY} printable characters"
        )
    return key


async def json_body(request: web.Request, largest: int | None = None) -> bytes:
    """Return a body that says that it is JSON, of at most `largest` octets. Raises `Problem` 415, and as `body_of`."""
    if request.content_type not in {"application/json", "application/octet-stream"}:
        raise Problem(
            415,
            "not-json",
            "send Content-Type: application/json",
            Violation("Content-Type", "RFC 9110 section 8.3", "application/json"),
        )
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        detail = "a body is small: send it as it is"
        raise Problem(
            415,
            "body-encoded",
            detail,
            Violation("Content-Encoding", "RFC 9110 section 15.5.16", detail),
            Accept_Encoding="identity",
        )
    return await body_of(request, largest)
