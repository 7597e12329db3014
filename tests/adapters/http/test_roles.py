"""Every route and command against every role. New ones appear here by themselves."""

import pytest

from es_pki.adapters.http.routes import ROUTES
from es_pki.adapters.intake.preview import PREVIEWABLE
from es_pki.adapters.intake.requests import REQUESTS
from es_pki.values import Role
from tests.addresses import body_of, path_of
from tests.samples import SAMPLES, fresh, sample

GUARDED = [route for route in ROUTES if route.roles]
OPEN = [route for route in ROUTES if route.roles is None]


@pytest.fixture(scope="module")
def tokens(server):
    """A token for each role alone."""
    return {role: server.done("CreateToken", name=fresh("role"), roles=[role])["result"]["token"] for role in Role}


def read(server, route, token):
    """Send the request; of the live stream only the status is awaited."""
    if route.path.endswith("/stream"):
        return server.send("HEAD", path_of(route), token=token).status
    return server.send(route.method, path_of(route), body_of(route, server), token=token).status


@pytest.mark.parametrize("route", GUARDED, ids=lambda r: r.path)
@pytest.mark.parametrize("role", Role)
def test_a_route_opens_to_its_roles_only(server, tokens, route, role):
    status = read(server, route, tokens[role])
    assert status == (200 if role in route.roles else 403)


@pytest.mark.parametrize("route", GUARDED, ids=lambda r: r.path)
def test_a_guarded_route_opens_to_nobody_without_a_token(server, route):
    assert server.send(route.method, path_of(route), token=None).status == 401


@pytest.mark.parametrize("route", OPEN, ids=lambda r: r.path)
def test_an_open_route_needs_no_token(server, route):
    assert server.send(route.method, path_of(route), token=None).status == 200


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=lambda r: r.path)
def test_what_answers_get_answers_head_with_the_headers_alone(server, route):
    head = server.send("HEAD", path_of(route))
    assert (head.status, head.body) == (200, b"")
    if not route.path.endswith("/stream"):
        assert head.headers["content-type"] == server.get(path_of(route)).headers["content-type"]


def test_only_what_takes_commands_judges_the_roles_itself():
    paths = [route.path for route in ROUTES if route.roles == frozenset()]
    assert paths == ["/api/v1/commands/{name}", "/api/v1/preview"]


@pytest.mark.parametrize("request_type", PREVIEWABLE, ids=lambda r: r.__name__)
@pytest.mark.parametrize("role", Role)
def test_a_command_is_previewed_for_its_roles_only(server, tokens, request_type, role):
    body = {"command": request_type.__name__, "request": sample(request_type, server)}
    reply = server.send("POST", "/api/v1/preview", body, token=tokens[role])
    assert reply.status == (200 if role in request_type.senders else 403), reply.body
    assert server.send("POST", "/api/v1/preview", body, token=None).status == 401


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda r: r.__name__)
@pytest.mark.parametrize("role", Role)
def test_a_command_is_taken_from_its_roles_only(server, tokens, request_type, role):
    if role in request_type.senders:
        reply = server.command(request_type.__name__, sample(request_type, server), token=tokens[role])
        assert reply.status == 200, reply.body
    else:
        reply = server.command(request_type.__name__, {}, token=tokens[role])
        assert (reply.status, reply.json["code"]) == (403, "not-permitted")


def test_every_command_has_a_sample():
    assert set(SAMPLES) == set(REQUESTS)


def test_every_route_and_command_is_described(server):
    paths = server.get("/openapi.json", token=None).json["paths"]
    assert {r.path for r in ROUTES if r.path != "/api/v1/commands/{name}"} <= set(paths)
    assert {f"/api/v1/commands/{r.__name__}" for r in REQUESTS} <= set(paths)
    listed = server.get("/api/v1/commands").json["items"]
    assert [item["name"] for item in listed] == [r.__name__ for r in REQUESTS]
