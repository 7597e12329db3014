"""An address for every route, and what a server must have for it to answer there."""

from typing import Any

from es_pki.adapters.http.route import Route
from es_pki.adapters.x509.formats import pem
from tests import bind
from tests.adapters.lint import making
from tests.samples import ACCOUNT, dns_provider, order, webhook
from tests.serving import Server

KEPT_CSR = "kept"
"""The signing request that `furnish` makes: a new server has none."""

OWN_TRUST = "own"
"""The trust store that `furnish` makes."""

KEPT_SERVICE = "kept-service"
"""The service that `furnish` makes."""

ORDERED = "ordered"
"""The certificate that `furnish` orders from its directory."""

KEPT_DNS = "kept-dns"
"""The DNS provider that `furnish` adds."""

KEPT_CHANNEL = "kept-channel"
"""The channel for notices that `furnish` adds."""

KEPT_PROFILE = "kept"
"""The profile that `furnish` defines."""


def furnish(server: Server) -> None:
    """Make what the routes' addresses name and a new server lacks."""
    server.done("CreateCSR", name=KEPT_CSR, dns_names=["kept.example.test"])
    server.done("DefineProfile", name=KEPT_PROFILE, terms={"extended_key_usages": ["client_auth"]})
    server.done("CreateTrustStore", name=OWN_TRUST, authorities=["root"])
    server.done("RegisterService", name=KEPT_SERVICE)
    server.done("BindCertificate", service=KEPT_SERVICE, certificate="es-pki-api")
    ordered = server.done("PlaceACMEOrder", **order(server, ORDERED))
    assert ordered["result"]["status"] == "issued", ordered
    server.done("AddDNSProvider", **dns_provider(KEPT_DNS, bind.ZONE))
    server.done("AddNoticeChannel", **webhook(KEPT_CHANNEL), about=["fallback"])


QUERIES = {
    "/api/v1/log/proof/inclusion": "?position=1",
    "/api/v1/log/proof/consistency": "?from=1&to=2",
}
"""The routes that ask for something, and what they are asked for."""


NAMED = {
    "acme/accounts": ACCOUNT,
    "acme/orders": ORDERED,
    "authorities": "root",
    "dns-providers": KEPT_DNS,
    "notice-channels": KEPT_CHANNEL,
    "profiles": KEPT_PROFILE,
    "services": KEPT_SERVICE,
    "signing-requests": KEPT_CSR,
    "trust-stores": OWN_TRUST,
}
"""What the addresses of routes name, by noun; else it is es-pki's own certificate."""


def path_of(route: Route) -> str:
    """Return an address at which the route answers."""
    wanted = next((name for noun, name in NAMED.items() if f"/{noun}/" in route.path), "es-pki-api")
    path = route.path.replace("{id}", wanted).replace("{name}", "app.js").replace("{tile}", "0/000.p/1")
    return path + QUERIES.get(route.path, "")


def body_of(route: Route, server: Server) -> Any:
    """Return a body with which the route answers, None where it takes none."""
    match route.path:
        case "/api/v1/lint":
            return {"certificate": pem(making.ISSUER)}
        case "/api/v1/validate":
            return {"certificates": server.get("/api/v1/certificates/es-pki-api/pem").body.decode()}
        case _:
            return None
