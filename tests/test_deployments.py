"""The loop closed by real programs: es-pki renews, nginx serves, and what the inventory says is what the wire says."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from es_pki.adapters.deployment import wire
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import Probe
from tests import daemons, samples, serving
from tests.adapters.http.test_metrics import read


class Place:
    """An nginx whose certificate a running es-pki deploys."""

    def __init__(self, folder):
        self.services, self.data = folder / "services", folder / "data"
        self.services.mkdir()
        self.recipe = daemons.nginx(self.services)
        self.reload = self.services / "reload"
        self.settings = {
            "ES_PKI_SERVICE_FOLDERS": str(self.services),
            "ES_PKI_SERVICE_PROGRAMS": f"{daemons.program('nginx')},{self.reload}",
        }

    def running(self):
        """Run es-pki."""
        return serving.running(self.data, **self.settings)

    def first(self, server):
        """Issue the first certificate and bring it there; nginx doesn't run yet."""
        server.done(
            "IssueCertificate", name="www", authority="intermediate", dns_names=["www.example.test"], key_type="ec-p256"
        )
        server.done("RegisterService", name="nginx", kind="custom", **self.recipe.fields)
        server.done("BindCertificate", service="nginx", certificate="www")
        result = server.done("DeployCertificate", service="nginx", wait_seconds=30)["result"]
        assert (result["outcome"], result["was_seen"]) == ("CertificateDeployed", False)

    def served(self):
        """The fingerprint that nginx serves."""
        return fingerprint(asyncio.run(wire.served(Probe(self.recipe.address)))[0])


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def row(server, **options):
    """The service as it is shown."""
    path = "/api/v1/services/nginx" + "".join(f"?{key}={value}" for key, value in options.items())
    return server.get(path).json


def test_after_a_renewal_the_service_serves_the_new_version_and_the_view_says_so(place):
    with place.running() as server:
        place.first(server)
        with daemons.running(place.recipe):
            at = server.done("ReconfigureService", service="nginx", **place.recipe.further)["position"]
            before = place.served()
            server.done("RenewCertificate", certificate="www")
            serving.wait_for(lambda: row(server)["deployed"]["version"] == 2)
            shown = row(server)
            assert shown["deployed"]["fingerprint"] == place.served() != before
            assert (shown["deployment"]["status"], shown["deployment"]["was_seen"]) == ("deployed", True)
            assert shown["deployment"]["started_by"] == "es-pki"
            assert row(server, as_of=at)["deployed"]["fingerprint"] == before
            took, behind = lags(server)
            assert took > 0
            assert behind == 0

            server.done("RollBackCertificate", certificate="www", version=1)
            serving.wait_for(lambda: row(server)["deployed"]["version"] == 1)
            assert place.served() == before
            serving.wait_for(lambda: server.get("/api/v1/reactions").json["items"] == [])


def lags(server):
    """How long the service's version took to it, and since when it is behind."""
    of_it = frozenset({("service_id", row(server)["id"]), ("service", "nginx")})
    values = read(server.get("/metrics").body.decode())
    return [values[f"es_pki_service_{name}_seconds", of_it] for name in ("lag", "behind")]


def test_what_a_directory_renews_is_deployed_too(place):
    with place.running() as server:
        name = samples.ordered(server)
        server.done("RegisterService", name="nginx", kind="custom", **place.recipe.fields)
        server.done("BindCertificate", service="nginx", certificate=name)
        assert server.done("DeployCertificate", service="nginx", wait_seconds=30)["result"]["outcome"]
        with daemons.running(place.recipe):
            server.done("ReconfigureService", service="nginx", **place.recipe.further)
            before = place.served()
            renewed = server.done("RenewACME", certificate=name)["result"]
            assert renewed["status"] == "issued", renewed
            serving.wait_for(lambda: row(server)["deployed"]["version"] == 2)
            assert row(server)["deployed"]["fingerprint"] == place.served() != before
            assert row(server)["deployed"]["was_seen"]


def test_a_deployment_whose_server_is_killed_goes_on_at_the_next_start(place):
    """The reload kills es-pki itself, the first time."""
    with place.running() as server:
        place.first(server)
        with daemons.running(place.recipe):
            pid = place.services / "pid"
            once = f"[ -e {place.reload}.done ] || {{ touch {place.reload}.done; kill -9 {server.process.pid}; }}"
            place.reload.write_text(f"#!/bin/sh\n{once}\nkill -HUP $(cat {pid})\n")
            place.reload.chmod(0o755)
            further = place.recipe.further | {
                "reload_command": [str(place.reload)],
                "reload_signal": "",
                "pid_file": "",
            }
            server.done("ReconfigureService", service="nginx", **further)
            before = place.served()
            server.done("RenewCertificate", certificate="www")
            assert server.process.wait(serving.PATIENCE) == -signal.SIGKILL
            with place.running() as again:
                serving.wait_for(lambda: row(again)["deployed"]["version"] == 2)
                assert row(again)["deployed"]["fingerprint"] == place.served() != before


def test_the_command_line_deploys_and_tells_what_failed(place):
    with place.running() as server:
        place.first(server)
        environment = serving.environment(ES_PKI_DATA_DIR=str(place.data))
        done = _es_pki(environment, "service deploy nginx --json")
        assert (done[0], done[1]["outcome"]) == (0, "CertificateDeployed")
        server.done("ReconfigureService", service="nginx", **place.recipe.further, probe_seconds=1)
        status, result = _es_pki(environment, "service deploy nginx --json")
        assert (status, result["outcome"], result["step"]) == (1, "DeploymentFailed", "restore")


def _es_pki(environment, words):
    done = subprocess.run(
        [sys.executable, "-m", "es_pki", *words.split()], env=environment, capture_output=True, check=False
    )
    return done.returncode, json.loads(done.stdout)
