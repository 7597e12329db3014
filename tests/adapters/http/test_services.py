"""Services over HTTP: registered, bound, shown as they are and as they were."""

import pytest

from tests.adapters.http.test_bad_input import problem
from tests.samples import fresh


@pytest.fixture
def www(server):
    name = fresh("www")
    server.done("SelfSignCertificate", name=name, dns_names=["www.example.test"])
    return name


@pytest.fixture
def nginx(server):
    name = fresh("nginx")
    server.done("RegisterService", name=name)
    return name


def shown(server, path, at_least):
    return server.get(f"{path}{'&' if '?' in path else '?'}at_least={at_least}").json


def test_a_service_is_shown_with_its_installation(server):
    name = fresh("nginx")
    answer = server.done("RegisterService", name=name, kind="custom", owner="www-data", mode="0640")
    row = shown(server, f"/api/v1/services/{name}", answer["position"])
    assert row["id"] == answer["result"]["service_id"]
    assert (row["kind"], row["installation"]["owner"], row["installation"]["mode"]) == ("custom", "www-data", "0640")
    listed = shown(server, f"/api/v1/services?name={name}", answer["position"])
    assert [item["id"] for item in listed["items"]] == [row["id"]]


def test_who_uses_a_certificate_is_known_now_and_then(server, www, nginx):
    bound = server.done("BindCertificate", service=nginx, certificate=www)["position"]
    unbound = server.done("UnbindCertificate", service=nginx)["position"]
    path = f"/api/v1/certificates/{www}/usages"
    assert shown(server, path, unbound)["items"] == []
    (usage,) = shown(server, f"{path}?as_of={bound}", unbound)["items"]
    assert (usage["service"], usage["as_fallback"]) == (nginx, False)
    row = shown(server, f"/api/v1/services/{nginx}?as_of={bound}", unbound)
    assert row["certificate_id"] == usage["certificate_id"]


def test_the_refusal_to_delete_lists_who_uses_the_certificate(server, www, nginx):
    server.done("BindCertificate", service=nginx, certificate=www)
    reply = server.command("DeleteCertificate", {"certificate": www})
    document = problem(reply, 409, "certificate-in-use", "certificate")
    assert f"used by {nginx}" in [error["detail"] for error in document["errors"]]


def test_a_history_tells_of_both_sides(server, www, nginx):
    server.done("BindCertificate", service=nginx, certificate=www)
    end = server.done("RetireService", service=nginx, reason="replaced")["position"]
    types = [line["type"] for line in shown(server, f"/api/v1/services/{nginx}/history", end)["items"]]
    assert types == ["service.registered.v1", "service.certificate_bound.v1", "service.retired.v1"]
    lines = shown(server, f"/api/v1/certificates/{www}/history", end)["items"]
    assert [line["type"] for line in lines][-2:] == ["certificate.use_begun.v1", "certificate.use_ended.v1"]
    assert lines[-2]["summary"] == f"used by {nginx}"


def test_what_is_unknown_is_named(server, www, nginx):
    problem(server.command("BindCertificate", {"service": "nobody", "certificate": www}), 404, "service-missing")
    body = {"service": nginx, "certificate": www, "fallback_certificate": "nothing"}
    problem(server.command("BindCertificate", body), 404, "certificate-missing", "fallback_certificate")
    problem(server.get("/api/v1/services/nobody"), 404, "not-found")


@pytest.mark.parametrize("name", ["a;b", "$(reboot)", "../../etc", "a b", "a\nb", "`id`", "-rf"])
def test_a_name_with_shell_characters_is_refused(server, name):
    problem(server.command("RegisterService", {"name": name}), 422, "rules-broken", "name")
