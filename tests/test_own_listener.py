"""es-pki as a service of its own: its listener changes its certificate, in a real server, and keeps it over a start."""

import contextlib
import http.client
import ssl
import threading
from urllib.parse import urlsplit

import pytest

from es_pki.adapters.x509.formats import fingerprint
from tests import serving


@pytest.fixture
def place(tmp_path):
    return tmp_path / "data"


def served(server):
    """The fingerprint that the management listener serves."""
    host, port = urlsplit(server.url).netloc.split(":")
    return fingerprint(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port)))))


def issue(server, name):
    """Issue a certificate that names the listener; return nothing but that it is there."""
    server.done(
        "IssueCertificate",
        name=name,
        authority="intermediate",
        dns_names=["localhost"],
        ip_addresses=["127.0.0.1"],
        key_type="ec-p256",
    )


def deployed(server):
    """The fingerprint that the inventory says es-pki itself serves."""
    return server.get("/api/v1/services/front").json["deployed"]["fingerprint"]


def register(server, name, address):
    """Have a certificate of the service's name bound to es-pki itself, looked at an address."""
    issue(server, name)
    probe = {"address": address}
    server.done("RegisterService", name=name, kind="api", probe=probe, probe_seconds=1)
    server.done("BindCertificate", service=name, certificate=name)


def deploy(server, name):
    """Deploy, and return what became of it."""
    return server.done("DeployCertificate", service=name, wait_seconds=30)["result"]["outcome"]


@contextlib.contextmanager
def connecting(server):
    """Have clients connect while the context lasts; yield what failed."""
    failures, is_done = [], threading.Event()

    def connect():
        while not is_done.is_set():
            try:
                assert server.get("/healthz").status == 200
            except (OSError, AssertionError) as error:
                failures.append(error)

    clients = [threading.Thread(target=connect) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        yield failures
    finally:
        is_done.set()
        for client in clients:
            client.join()


def test_every_server_changes_its_certificate_and_none_drops_a_connection(place):
    with serving.running(place) as server, serving.running(place) as other:
        own, address = served(server), urlsplit(server.url).netloc
        kept = http.client.HTTPSConnection(address, context=server._context)
        with contextlib.closing(kept):
            kept.connect()
            register(server, "front", address)
            with connecting(server) as failures:
                assert deploy(server, "front") == "CertificateDeployed"
                first = served(server)
                assert deployed(server) == first != own
                server.done("RenewCertificate", certificate="front")
                serving.wait_for(lambda: deployed(server) != first)
                assert served(server) == deployed(server)
            assert failures == []
            kept.request("GET", "/healthz")
            assert kept.getresponse().status == 200
        serving.wait_for(lambda: served(other) == deployed(server))

        # What is looked at is another server, which only serves what was deployed: the new certificate isn't seen.
        register(server, "back", urlsplit(other.url).netloc)
        assert deploy(server, "back") == "DeploymentRolledBack"
        assert served(server) == served(other) == deployed(server)
        server.done("RetireService", service="back")
    with serving.running(place) as again:
        assert served(again) == deployed(again)
        again.done("UnbindCertificate", service="front")
        serving.wait_for(lambda: served(again) == own)
