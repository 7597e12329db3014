"""The API described in OpenAPI 3.1, made from the table of routes and the requests themselves."""

import re
from collections.abc import Sequence
from importlib.metadata import version

import msgspec

from es_pki.adapters.http.asking import DEFAULT_LIMIT, HIGHEST_LIMIT
from es_pki.adapters.http.findings import FINDINGS
from es_pki.adapters.http.route import REFERENCE, Route, Schema
from es_pki.adapters.intake.answer import Answer
from es_pki.adapters.intake.requests import REQUESTS, SubjectFields

PROBLEM = {
    "description": "A problem document (RFC 9457): `code` is stable, `errors` names fields and rules.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


_WHOLE: Schema = {"type": "integer", "minimum": 0}

PARAMETERS: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": HIGHEST_LIMIT, "default": DEFAULT_LIMIT},
    "after": _WHOLE,
    "fetch": _WHOLE,
    "at_least": _WHOLE,
    "position": _WHOLE,
    "size": _WHOLE,
    "version": _WHOLE,
    "finding": {"type": "string", "enum": list(FINDINGS)},
}
"""The parameters that aren't just text."""

HEADERS: dict[str, Schema] = {"at_least": {"name": "ES-PKI-At-Least", "in": "header", "schema": _WHOLE}}
"""The headers that say the same as a parameter."""

_LAST_EVENT_ID: Schema = {"name": "Last-Event-ID", "in": "header", "schema": _WHOLE}


def document(routes: Sequence[Route]) -> dict[str, object]:
    """Return the OpenAPI document."""
    shown = {route.shows.component: route.shows.row for route in routes if route.shows is not None}
    taken = [route.takes for route in routes if isinstance(route.takes, type)]
    schemas, components = msgspec.json.schema_components(
        (*REQUESTS, *taken, Answer, *shown.values()), ref_template=REFERENCE, schema_hook=_anything
    )
    for name, schema in zip(shown, schemas[-len(shown) :], strict=True):
        stored = components.pop(schema["$ref"].rpartition("/")[2])
        components[name] = {"title": name, **_row(stored)}
    for name in [name for name in components if name.startswith("es_pki.projections.")]:
        components[name] = _part(components[name])
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        if route.path != "/api/v1/commands/{name}":
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for request, schema in zip(REQUESTS, schemas, strict=False):
        operation = _command(request.__doc__ or "", sorted(request.senders), schema)
        paths[f"/api/v1/commands/{request.__name__}"] = {"post": {"operationId": request.__name__, **operation}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "es-pki", "version": version("es-pki")},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "feed": {"type": "apiKey", "in": "query", "name": "token"},
            },
            "schemas": dict(sorted({**components, "Problem": _PROBLEM_SCHEMA}.items())),
        },
    }


def _anything(_kind: type) -> Schema:
    """Return the schema of `object`."""
    return {"description": "Each command's own."}


def _row(stored: Schema) -> Schema:
    """Return the schema of a row as it is shown, from that of the row as it is stored."""
    properties = {name: schema for name, schema in stored["properties"].items() if name != "token_digest"}
    if "subject" in properties:
        properties["subject"] = msgspec.json.schema(SubjectFields)
    if "certificate" in properties:
        del properties["certificate"]
        properties.pop("chain", None)
        properties["certificate_pem"] = {"type": ["string", "null"]}
    summary = stored["description"].partition(". ")[0]  # the rest tells of the fields as they are stored
    return {"description": summary, "type": "object", "required": list(properties), "properties": properties}


def _part(stored: Schema) -> Schema:
    """Return the schema of a row within a row; enums are shown as they are stored."""
    return _row(stored) if "properties" in stored else stored


def _operation(route: Route) -> dict[str, object]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [
        {"name": name, "in": "query", "schema": PARAMETERS.get(name, {"type": "string"})} for name in route.parameters
    ]
    headers = [header for parameter, header in HEADERS.items() if parameter in route.parameters]
    headers += [_LAST_EVENT_ID] if route.path.endswith("/stream") else []
    answered: dict[str, object] = {"description": "As the summary says."}
    if route.shows is not None:
        answered["content"] = {"application/json": {"schema": route.shows.schema}}
    operation: dict[str, object] = {
        "summary": route.summary,
        "parameters": in_path + in_query + headers,
        "responses": {"200": answered, "default": PROBLEM},
    }
    if route.takes is not None:
        takes = route.takes
        schema = {"$ref": REFERENCE.format(name=takes.__name__)} if isinstance(takes, type) else takes
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.roles:
        operation["security"] = [{"bearer": sorted(route.roles)}, *([{"feed": []}] if route.is_feed else [])]
    return operation


def _command(documentation: str, roles: list[str], schema: Schema) -> dict[str, object]:
    summary, _, description = documentation.partition("\n")
    return {
        "summary": summary,
        "description": " ".join(description.split()),
        "security": [{"bearer": roles}],
        "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {
                "description": "`position`, `stream`, the new `events`, and `result`.",
                "headers": {"ES-PKI-Position": {"schema": _WHOLE, "description": "`position`, as a header."}},
                "content": {"application/json": {"schema": {"$ref": REFERENCE.format(name=Answer.__name__)}}},
            },
            "default": PROBLEM,
        },
    }


_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "rule", "detail")},
            },
        },
    },
}
