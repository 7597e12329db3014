"""A good body for every command and an address for every route, made for a running server.

A command without one fails the tests that walk all.
"""

import secrets
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from es_pki.adapters.http.route import Route
from es_pki.adapters.intake import requests
from tests import openssl
from tests.serving import Server


def fresh(prefix: str = "s") -> str:
    """Return a name that nothing has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def _revocable(server: Server) -> str:
    name = fresh("token")
    server.done("CreateToken", name=name, roles=["viewer"])
    return name


def _policied(server: Server) -> str:
    name = fresh("ca")
    server.done("CreateAuthority", name=name, subject={"common_name": name})
    return name


def _certificate(server: Server) -> str:
    name = fresh()
    server.done("SelfSignCertificate", name=name, dns_names=["sample.example.test"])
    return name


def _signing_request(server: Server) -> str:
    name = fresh("csr")
    server.done("ImportCSR", name=name, csr=_csr())
    return name


def _csr() -> str:
    return openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")


def _completion(server: Server) -> dict[str, Any]:
    name = fresh("csr")
    made = server.done("CreateCSR", name=name, dns_names=["sample.example.test"])
    return {"signing_request": name, "certificate": openssl.signed_elsewhere(made["result"]["csr_pem"])}


def _service(server: Server) -> str:
    name = fresh("service")
    server.done("RegisterService", name=name, kind="custom")
    return name


def _bound(server: Server) -> str:
    name = _service(server)
    server.done("BindCertificate", service=name, certificate=_certificate(server))
    return name


def _watched(server: Server) -> str:
    """Return a service that is bound to what it serves: the server itself, under its own certificate."""
    name = fresh("service")
    server.done("RegisterService", name=name, probe={"address": urlsplit(server.url).netloc})
    server.done("BindCertificate", service=name, certificate="es-pki-api")
    return name


SAMPLES: dict[type[requests.Request], Callable[[Server], dict[str, Any]]] = {
    requests.CreateAuthority: lambda _: {"name": fresh("ca"), "subject": {"common_name": fresh("Sample CA")}},
    requests.SetIssuancePolicy: lambda server: {
        "authority": _policied(server),
        "policy": {"maximum_validity_days": 100},
    },
    requests.IssueCertificate: lambda _: {
        "name": fresh(),
        "authority": "intermediate",
        "dns_names": ["sample.example.test"],
    },
    requests.SignCSR: lambda _: {
        "name": fresh(),
        "authority": "intermediate",
        "csr": _csr(),
    },
    requests.SelfSignCertificate: lambda _: {"name": fresh(), "dns_names": ["sample.example.test"]},
    requests.RenewCertificate: lambda server: {"certificate": _certificate(server), "validity_days": 30},
    requests.ReissueCertificate: lambda server: {
        "certificate": _certificate(server),
        "dns_names": ["other.example.test"],
    },
    requests.RollBackCertificate: lambda server: {"certificate": _certificate(server), "version": 1},
    requests.RenameCertificate: lambda server: {"certificate": _certificate(server), "name": fresh("renamed")},
    requests.DescribeCertificate: lambda server: {
        "certificate": _certificate(server),
        "labels": {"environment": "test"},
        "owner": "the web team",
    },
    requests.DeleteCertificate: lambda server: {"certificate": _certificate(server), "reason": "sample"},
    requests.ExportCertificate: lambda server: {
        "certificate": _certificate(server),
        "format": "pem",
        "passphrase": f"{fresh('passphrase')} of the sample",
        "reason": "sample",
    },
    requests.CreateCSR: lambda _: {"name": fresh("csr"), "dns_names": ["sample.example.test"]},
    requests.ImportCSR: lambda _: {"name": fresh("csr"), "csr": _csr()},
    requests.CompleteCSR: _completion,
    requests.RejectCSR: lambda server: {"signing_request": _signing_request(server), "reason": "sample"},
    requests.RegisterService: lambda _: {
        "name": fresh("service"),
        "kind": "custom",
        "owner": "www-data",
        "mode": "0640",
        "probe": {"address": "localhost:443", "server_name": "sample.example.test"},
    },
    requests.ReconfigureService: lambda server: {"service": _service(server), "group": "www-data"},
    requests.BindCertificate: lambda server: {
        "service": _service(server),
        "certificate": _certificate(server),
        "fallback_certificate": _certificate(server),
    },
    requests.UnbindCertificate: lambda server: {"service": _bound(server)},
    requests.RetireService: lambda server: {"service": _bound(server), "reason": "sample"},
    requests.DeployCertificate: lambda server: {"service": _watched(server), "wait_seconds": 60},
    requests.VerifyService: lambda server: {"service": _watched(server)},
    requests.ReportKeyCompromise: lambda _: {"public_key_hash": secrets.token_hex(32), "reason": "sample"},
    requests.RotateLogKey: lambda _: {},
    requests.CreateToken: lambda _: {"name": fresh("token"), "roles": ["viewer"]},
    requests.RevokeToken: lambda server: {"principal": _revocable(server), "reason": "sample"},
}


KEPT_CSR = "kept"
"""The signing request that `furnish` makes: a new server has none."""


KEPT_SERVICE = "kept-service"
"""The service that `furnish` makes."""


def furnish(server: Server) -> None:
    """Make what the routes' addresses name and a new server lacks."""
    server.done("CreateCSR", name=KEPT_CSR, dns_names=["kept.example.test"])
    server.done("RegisterService", name=KEPT_SERVICE)


QUERIES = {
    "/api/v1/log/proof/inclusion": "?position=1",
    "/api/v1/log/proof/consistency": "?from=1&to=2",
}
"""The routes that ask for something, and what they are asked for."""


def path_of(route: Route) -> str:
    """Return an address at which the route answers."""
    nouns = {"authorities": "root", "signing-requests": KEPT_CSR, "services": KEPT_SERVICE}
    wanted = next((name for noun, name in nouns.items() if f"/{noun}/" in route.path), "es-pki-api")
    path = route.path.replace("{id}", wanted).replace("{name}", "app.js").replace("{tile}", "0/000.p/1")
    return path + QUERIES.get(route.path, "")


def sample(request: type[requests.Request], server: Server) -> dict[str, Any]:
    """Return a body with which the command succeeds."""
    return SAMPLES[request](server)
