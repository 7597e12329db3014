"""Previews over HTTP: a command's body, answered with what it would make instead of making it."""

from typing import cast

import msgspec
from aiohttp import web
from msgspec import Struct

from es_pki.adapters.http.access import admitted
from es_pki.adapters.http.commands import DECODERS, LARGEST_BODY, decoded, json_body
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply, row_object
from es_pki.adapters.http.route import REFERENCE, Schema
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.preview import PREVIEWABLE, Previewable
from es_pki.commands.refusals import Malformed
from es_pki.values import Role

NAMES = tuple(request.__name__ for request in PREVIEWABLE)
SENDERS: frozenset[Role] = frozenset().union(*(request.senders for request in PREVIEWABLE))

BODY: Schema = {
    "type": "object",
    "required": ["command", "request"],
    "properties": {
        "command": {"enum": list(NAMES)},
        "request": {"anyOf": [{"$ref": REFERENCE.format(name=name)} for name in NAMES]},
    },
}
"""What a preview is asked with: a command's name, and its body."""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request for a preview."""

    command: str
    request: msgspec.Raw


_DECODER = msgspec.json.Decoder(Body)


async def preview(request: web.Request) -> web.StreamResponse:
    """Answer with the certificate that a command would make, and all that speaks against it; nothing is made."""
    caller, parts = await admitted(request, SENDERS), request.app[PARTS]
    body = decoded(_DECODER, await json_body(request, LARGEST_BODY))
    if body.command not in NAMES:
        raise Malformed.at("command", "previews are of certificates", f"one of {', '.join(NAMES)}")
    wish = cast("Previewable", decoded(DECODERS[body.command], bytes(body.request)))
    shown = row_object(await parts.desk.preview(wish, Asked(caller, parts.now())))
    if isinstance(certificate := shown["certificate"], Struct):
        shown["certificate"] = row_object(certificate)
    return json_reply(shown)
