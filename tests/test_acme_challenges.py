"""Every way to prove a name, by a real server that a real directory looks at."""

import pytest

from tests import nginx, openssl, pebble, serving
from tests.samples import fresh

ACCOUNT = "pebble"


@pytest.fixture(scope="module")
def directory():
    """A running Pebble of this module."""
    with pebble.running() as running:
        yield running


@pytest.fixture(scope="module")
def web_server(directory):
    """The folder of a running nginx, at which the directory looks."""
    with nginx.with_folder() as (root, port):
        directory.answers_at(f"http://127.0.0.1:{port}")
        yield root


@pytest.fixture(scope="module")
def server(tmp_path_factory, directory, web_server):
    """A server that answers where the directory looks, with an account there."""
    folder = tmp_path_factory.mktemp("es-pki") / "data"
    options = ("--tls-alpn-listen", f"127.0.0.1:{directory.tls_port}", "--acme-webroots", str(web_server))
    with serving.running(folder, *options) as server:
        told = {"directory": directory.url, "ca_bundle": directory.ca_bundle, "terms_of_service_agreed": True}
        assert server.done("RegisterACMEAccount", name=ACCOUNT, **told)["result"]["status"] == "valid"
        yield server


def ordered(server, **body):
    return server.done("PlaceACMEOrder", account=ACCOUNT, **{"name": fresh(), **body})["result"]


def test_names_and_addresses_are_proved_by_tls(server):
    names = {"dns_names": ["tls.example.test"], "ip_addresses": ["127.0.0.1"]}
    issued = ordered(server, challenge="tls-alpn-01", **names)
    assert issued["status"] == "issued", issued["problem"]
    shown = openssl.text_of(issued["certificate_pem"])
    assert "DNS:tls.example.test" in shown
    assert "IP Address:127.0.0.1" in shown


def test_names_are_proved_through_the_folder_of_a_web_server(server, web_server):
    """The server lets nobody read what it makes, but the web server has to."""
    issued = ordered(server, dns_names=["folder.example.test"], webroot=str(web_server))
    assert issued["status"] == "issued", issued["problem"]
    assert [path for path in web_server.rglob("*") if not path.is_dir()] == []


def test_a_way_that_is_not_set_up_is_refused_before_anything_happens(server, tmp_path, directory):
    with serving.running(tmp_path / "data") as other:
        told = {"directory": directory.url, "ca_bundle": directory.ca_bundle, "terms_of_service_agreed": True}
        other.done("RegisterACMEAccount", name=ACCOUNT, **told)
        body = {"name": "www", "account": ACCOUNT, "dns_names": ["www.example.test"], "challenge": "tls-alpn-01"}
        refused = other.command("PlaceACMEOrder", body)
        assert (refused.status, refused.json["code"]) == (409, "challenge-not-set-up")
        assert other.get("/api/v1/acme/orders").json["items"] == []
