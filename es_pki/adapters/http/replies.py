"""Answers: JSON of rows and records, with distinguished names as objects."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from es_pki.values import Subject

_ENCODER = msgspec.json.Encoder()


def json_reply(content: object, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return content as JSON (RFC 3339 times, base64 bytes)."""
    return web.Response(body=_ENCODER.encode(content), content_type="application/json", headers=headers)


def subject_object(subject: Subject) -> dict[str, str | list[str]]:
    """Return a distinguished name as requests write it: attributes by name, several values as a list."""
    shown: dict[str, str | list[str]] = {}
    for attribute in subject:
        before = shown.get(attribute.type)
        match before:
            case None:
                shown[attribute.type] = attribute.value
            case str():
                shown[attribute.type] = [before, attribute.value]
            case list():
                before.append(attribute.value)
    return shown


def row_object(row: msgspec.Struct) -> dict[str, object]:
    """Return a view's row as it is shown: its fields, the subject as an object, names as lists by form."""
    shown: dict[str, object] = msgspec.structs.asdict(row)
    if "subject" in shown:
        shown["subject"] = subject_object(shown["subject"])  # type: ignore[arg-type] # a Row's subject is a Subject
    return shown
