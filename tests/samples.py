"""A good body for every command, made for a running server. A command without one fails the tests that walk all."""

import secrets
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from es_pki.adapters.intake import requests
from tests import bind, openssl, pebble
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


def _renewed(server: Server) -> str:
    name = _issued(server)
    server.done("RenewCertificate", certificate=name, revoke_previous_after_days=1)
    return name


def _profile(server: Server) -> str:
    name = fresh("profile")
    server.done("DefineProfile", name=name, terms={"extended_key_usages": ["server_auth"]})
    return name


def _trust_store(server: Server) -> str:
    name = fresh("trust")
    server.done("CreateTrustStore", name=name, authorities=["root"])
    return name


def _signing_request(server: Server) -> str:
    name = fresh("csr")
    server.done("ImportCSR", name=name, csr=_csr())
    return name


def _csr() -> str:
    return openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")


def _many() -> dict[str, Any]:
    made = [openssl.self_signed("/CN=sample.example.test") for _ in range(2)]
    named = [{"name": fresh(), "certificate": certificate} for certificate, _ in made]
    return {"certificates": named, "private_keys": made[0][1]}


def _foreign_csr() -> dict[str, Any]:
    csr, key = openssl.new_csr_and_key("/CN=sample.example.test")
    return {"name": fresh("csr"), "csr": csr, "private_key": key}


def _completion(server: Server) -> dict[str, Any]:
    name = fresh("csr")
    made = server.done("CreateCSR", name=name, dns_names=["sample.example.test"])
    return {"signing_request": name, "certificate": openssl.signed_elsewhere(made["result"]["csr_pem"])}


def _foreign_authority() -> dict[str, Any]:
    name = fresh("ca")
    usages = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    certificate, key = openssl.self_signed(f"/CN={name}", *usages)
    return {"name": name, "certificate": certificate, "private_key": key}


def _issued(server: Server) -> str:
    name = fresh()
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["sample.example.test"])
    return name


def _intermediate(server: Server) -> str:
    name = fresh("ca")
    server.done("CreateAuthority", name=name, subject={"common_name": name}, issuer="root", path_length=0)
    return name


def _service(server: Server) -> str:
    name = fresh("service")
    server.done("RegisterService", name=name, kind="custom")
    return name


def _target(server: Server) -> str:
    """Return a target whose tgtd nobody has named: its rotations fail."""
    name = fresh("target")
    server.done("RegisterService", name=name, iscsi_target=f"iqn.2026-01.test.example:{name}", chap_user="sample")
    return name


def _bound(server: Server) -> str:
    name = _service(server)
    server.done("BindCertificate", service=name, certificate=_certificate(server))
    return name


def _stopped(server: Server) -> str:
    name = _bound(server)
    server.done("StopService", service=name)
    return name


def _watched(server: Server) -> str:
    """Return a service that is bound to what it serves: the server itself, under its own certificate."""
    name = fresh("service")
    server.done("RegisterService", name=name, probe={"address": urlsplit(server.url).netloc})
    server.done("BindCertificate", service=name, certificate="es-pki-api")
    return name


def _account(server: Server) -> str:
    name = fresh("account")
    answer = server.done("RegisterACMEAccount", **_registration(name))
    assert answer["result"]["status"] == "valid", answer
    return name


def _registration(name: str) -> dict[str, Any]:
    directory = pebble.shared()
    (key_id, key), *_ = pebble.EAB_KEYS.items()
    return {
        "name": name,
        "directory": directory.url,
        "ca_bundle": directory.ca_bundle,
        "contacts": ["admin@example.test"],
        "terms_of_service_agreed": True,
        "eab_key_id": key_id,
        "eab_hmac_key": key,
    }


def dns_provider(name: str, zone: str, **further: Any) -> dict[str, Any]:
    """Return a body for the shared name server."""
    server = bind.shared()
    settings = {"kind": "rfc2136", "server": server.address, "key_name": bind.KEY_NAME}
    where = {"zones": [zone], "settings": settings, "name_servers": [server.address]}
    return {"name": name, **where, "credentials": server.key, **further}


def _added_dns_provider(server: Server) -> str:
    name = fresh("dns")
    server.done("AddDNSProvider", **dns_provider(name, f"{name}.test"))
    return name


def webhook(name: str) -> dict[str, Any]:
    """Return a channel that is never reached: a server may ask no private network."""
    return {"name": name, "settings": {"kind": "webhook", "url": "http://127.0.0.1:9/"}, "secret": fresh("secret")}


def _channel(server: Server) -> str:
    name = fresh("channel")
    server.done("AddNoticeChannel", **webhook(name))
    return name


def order(server: Server, name: str, host: str = "sample.example.test") -> dict[str, Any]:
    """Return a body for an order from the shared directory, which finds its answers at this server."""
    directory = pebble.shared()
    directory.answers_at(server.public_url)
    directory.dns_says("set-servfail", host=BROKEN)
    if server.get(f"/api/v1/acme/accounts/{ACCOUNT}").status == 404:
        server.done("RegisterACMEAccount", **_registration(ACCOUNT))
    return {"name": name, "account": ACCOUNT, "dns_names": [host]}


def ordered(server: Server) -> str:
    """Order a certificate from the shared directory; return its name."""
    name = fresh()
    answer = server.done("PlaceACMEOrder", **order(server, name))
    assert answer["result"]["status"] == "issued", answer
    return name


def _failed_order(server: Server) -> str:
    answer = server.done("PlaceACMEOrder", **order(server, fresh(), BROKEN))
    assert answer["result"]["status"] == "failed", answer
    return str(answer["result"]["order_id"])


ACCOUNT = "directory"
"""The ACME account with which samples order; it is opened when it is first needed."""

BROKEN = "broken.example.test"
"""A host whose DNS fails."""

SAMPLES: dict[type[requests.Request], Callable[[Server], dict[str, Any]]] = {
    requests.CreateAuthority: lambda _: {"name": fresh("ca"), "subject": {"common_name": fresh("Sample CA")}},
    requests.ImportAuthority: lambda _: _foreign_authority(),
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
    requests.CreateTrustStore: lambda _: {"name": fresh("trust"), "authorities": ["root"]},
    requests.TrustCertificate: lambda server: {"trust_store": _trust_store(server), "authorities": ["intermediate"]},
    requests.DistrustCertificate: lambda server: {
        "trust_store": _trust_store(server),
        "fingerprint": server.get("/api/v1/authorities/root").json["fingerprint"],
        "reason": "a sample",
    },
    requests.SelfSignCertificate: lambda _: {"name": fresh(), "dns_names": ["sample.example.test"]},
    requests.ImportCertificate: lambda _: {
        "name": fresh(),
        **dict(zip(("certificate", "private_key"), openssl.self_signed("/CN=sample.example.test"), strict=True)),
    },
    requests.ImportCertificates: lambda _: _many(),
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
    requests.ImportCSR: lambda _: _foreign_csr(),
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
    requests.StopService: lambda server: {"service": _bound(server), "reason": "sample"},
    requests.ResumeService: lambda server: {"service": _stopped(server)},
    requests.RetireService: lambda server: {"service": _bound(server), "reason": "sample"},
    requests.DeployCertificate: lambda server: {"service": _watched(server), "wait_seconds": 60},
    requests.RotateCHAPSecret: lambda server: {"service": _target(server), "wait_seconds": 60},
    requests.VerifyService: lambda server: {"service": _watched(server)},
    requests.RegisterACMEAccount: lambda _: _registration(fresh("account")),
    requests.RollOverACMEAccountKey: lambda server: {"account": _account(server)},
    requests.NameACMETestAccount: lambda server: {"account": _account(server), "test_account": _account(server)},
    requests.DeactivateACMEAccount: lambda server: {"account": _account(server), "reason": "sample"},
    requests.AddDNSProvider: lambda _: dns_provider(fresh("dns"), f"{fresh('zone')}.test"),
    requests.ReplaceDNSCredentials: lambda server: {
        "dns_provider": _added_dns_provider(server),
        "credentials": bind.tsig_key(fresh()),
    },
    requests.RemoveDNSProvider: lambda server: {"dns_provider": _added_dns_provider(server), "reason": "sample"},
    requests.AddNoticeChannel: lambda _: webhook(fresh("channel")),
    requests.ReplaceNoticeSecret: lambda server: {"channel": _channel(server), "secret": fresh("another-secret")},
    requests.RemoveNoticeChannel: lambda server: {"channel": _channel(server), "reason": "sample"},
    requests.TestNoticeChannel: lambda server: {"channel": _channel(server)},
    requests.PlaceACMEOrder: lambda server: order(server, fresh()),
    requests.RenewACME: lambda server: {"certificate": ordered(server)},
    requests.AbandonACMEOrder: lambda server: {"order": _failed_order(server), "reason": "sample"},
    requests.ReportKeyCompromise: lambda _: {"public_key_hash": secrets.token_hex(32), "reason": "sample"},
    requests.DefineProfile: lambda _: {"name": fresh("profile"), "terms": {"extended_key_usages": ["client_auth"]}},
    requests.RetireProfile: lambda server: {"profile": _profile(server), "reason": "sample"},
    requests.RevokeCertificate: lambda server: {"certificate": _issued(server), "reason": "superseded"},
    requests.HoldCertificate: lambda server: {"certificate": _issued(server)},
    requests.ReleaseCertificate: lambda server: {"certificate": _issued(server)},
    requests.PlanSupersession: lambda server: {"certificate": _renewed(server), "version": 1, "after_days": 7},
    requests.WithdrawSupersession: lambda server: {"certificate": _renewed(server), "version": 1},
    requests.RevokeAuthority: lambda server: {
        "authority": _intermediate(server),
        "reason": "cessationOfOperation",
    },
    requests.IssueCRL: lambda _: {"authority": "intermediate"},
    requests.RotateLogKey: lambda _: {},
    requests.CreateToken: lambda _: {"name": fresh("token"), "roles": ["viewer"]},
    requests.RevokeToken: lambda server: {"principal": _revocable(server), "reason": "sample"},
}


def sample(request: type[requests.Request], server: Server) -> dict[str, Any]:
    """Return a body with which the command succeeds."""
    return SAMPLES[request](server)
