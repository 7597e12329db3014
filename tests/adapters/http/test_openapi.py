"""The description of the API says what is answered and asked."""

import pytest

from es_pki.adapters.http.routes import ROUTES
from es_pki.adapters.intake.requests import REQUESTS
from tests.addresses import path_of
from tests.samples import fresh, sample
from tests.serving import wait_for


@pytest.fixture(scope="module")
def described(server):
    """The description of a server on which every command was sent: every view has rows."""
    sent = [server.command(request.__name__, sample(request, server)) for request in REQUESTS]
    assert server.get(f"/api/v1/authorities?at_least={max(reply.json['position'] for reply in sent)}").status == 200
    return server.get("/openapi.json", token=None).json


def resolved(described, schema):
    """The schema that a reference leads to."""
    if "$ref" in schema:
        return described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fits(described, schema, value):
    """Tell whether a value has the type and the fields that a schema says."""
    schema = resolved(described, schema)
    if "anyOf" in schema:
        return any(fits(described, each, value) for each in schema["anyOf"])
    types = schema.get("type", [])
    names = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    if types and names[type(value)] not in ([types] if isinstance(types, str) else types):
        return False
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(schema.get("required", [])) <= set(value) <= set(known) and all(
            fits(described, known[name], part) for name, part in value.items()
        )
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return all(fits(described, schema["items"], part) for part in value)
    return True


@pytest.mark.parametrize("route", [r for r in ROUTES if r.shows is not None], ids=lambda r: r.path)
def test_what_is_answered_is_what_is_described(server, described, route):
    schema = described["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    if route.shows.is_page:  # what nobody asks for, as plans of renewals, comes when the scheduler looks
        wait_for(lambda: bool(server.get(path_of(route)).json["items"]))
    answer = server.get(path_of(route)).json
    assert fits(described, schema, answer), (schema, answer)
    assert not fits(described, schema, {**answer, "surprise": 1})


def test_what_a_command_answers_is_described(server, described):
    operation = described["paths"]["/api/v1/commands/CreateToken"]["post"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert fits(described, schema, server.done("CreateToken", name=fresh("openapi"), roles=["viewer"]))
    assert [parameter["name"] for parameter in operation["parameters"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("path", "name", "place", "kind"),
    [
        ("/api/v1/certificates", "limit", "query", "integer"),
        ("/api/v1/certificates", "at_least", "query", "integer"),
        ("/api/v1/certificates", "as_of", "query", "string"),
        ("/api/v1/certificates", "ES-PKI-At-Least", "header", "integer"),
        ("/api/v1/events", "after", "query", "integer"),
        ("/api/v1/events/stream", "Last-Event-ID", "header", "integer"),
    ],
)
def test_parameters_and_headers_have_their_types(described, path, name, place, kind):
    parameters = described["paths"][path]["get"]["parameters"]
    (parameter,) = [p for p in parameters if p["name"] == name]
    assert (parameter["in"], parameter["schema"]["type"]) == (place, kind)


def test_no_digest_of_a_token_is_described(described):
    assert "token_digest" not in described["components"]["schemas"]["PrincipalsRow"]["properties"]
