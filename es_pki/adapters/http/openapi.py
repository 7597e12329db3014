"""The API described in OpenAPI 3.1, made from the table of routes and the requests themselves."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from es_pki.adapters.intake.requests import REQUESTS

if TYPE_CHECKING:
    from es_pki.adapters.http.routes import Route

PROBLEM = {
    "description": "A problem document (RFC 9457): `code` is stable, `errors` names fields and rules.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(routes: "Iterable[Route]") -> dict[str, object]:
    """Return the OpenAPI document."""
    schemas, components = msgspec.json.schema_components(REQUESTS, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        if route.path != "/api/v1/commands/{name}":
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for request, schema in zip(REQUESTS, schemas, strict=True):
        operation = _command(request.__doc__ or "", sorted(request.senders), schema)
        paths[f"/api/v1/commands/{request.__name__}"] = {"post": {"operationId": request.__name__, **operation}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "es-pki", "version": version("es-pki")},
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**components, "Problem": _PROBLEM_SCHEMA},
        },
    }


def _operation(route: "Route") -> dict[str, object]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.parameters]
    operation: dict[str, object] = {
        "summary": route.summary,
        "parameters": in_path + in_query,
        "responses": {"200": {"description": "As the summary says."}, "default": PROBLEM},
    }
    if route.roles:
        operation["security"] = [{"bearer": sorted(route.roles)}]
    return operation


def _command(documentation: str, roles: list[str], schema: dict[str, object]) -> dict[str, object]:
    summary, _, description = documentation.partition("\n")
    return {
        "summary": summary,
        "description": " ".join(description.split()),
        "security": [{"bearer": roles}],
        "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "`position`, `stream`, the new `events`, and `result`."},
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
