"""Requests about trust stores."""

import asyncio

from cryptography import x509

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.chain import chain
from es_pki.adapters.intake.deciders import TRUST_STORE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import CreateTrustStore, DistrustCertificate, TrustCertificate, TrustStoreRequest
from es_pki.adapters.x509 import anchors
from es_pki.commands import trust_store
from es_pki.commands.authority import AuthorityMissing
from es_pki.commands.trust_store import TrustStoreCommand
from es_pki.decider import Violation
from es_pki.values import TrustAnchor


async def take(office: Office, request: TrustStoreRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    if isinstance(request, CreateTrustStore):
        trust_store_id = asked.new_id()
    else:
        trust_store_id = await office.trust_store_id(request.trust_store)
    decided = await _command(office, request, digest)

    async def command() -> TrustStoreCommand:
        return decided

    handled = await office.aggregates.handle(TRUST_STORE, trust_store_id, command, actor=asked.caller.name)
    trusted = [fingerprint for fingerprint, why in handled.state.certificates.items() if why is None]
    return Answer(
        position=handled.position,
        stream=TRUST_STORE.stream(trust_store_id),
        events=answered(handled.events),
        result={
            "trust_store_id": trust_store_id,
            "name": handled.state.created.name if handled.state.created else "",
            "trusted": len(trusted),
        },
    )


async def _command(office: Office, request: TrustStoreRequest, digest: bytes) -> TrustStoreCommand:
    match request:
        case CreateTrustStore(name=name):
            named, roots = await _named(office, request), await _roots(system=request.system)
            return trust_store.CreateTrustStore(name, (*named, *roots), digest)
        case TrustCertificate(again=again):
            named, roots = await _named(office, request), await _roots(system=request.system)
            return trust_store.TrustCertificate(named, roots, again)
        case DistrustCertificate(fingerprint=text):
            return trust_store.DistrustCertificate(text.lower().replace(":", ""), request.reason, request.issued_after)


async def _named(office: Office, request: CreateTrustStore | TrustCertificate) -> tuple[TrustAnchor, ...]:
    """Return what somebody chose."""
    text = request.certificates
    brought = await asyncio.to_thread(anchors.read_anchors, text, "certificates") if text is not None else ()
    return (*brought, *[await _own(office, name) for name in request.authorities])


async def _roots(*, system: bool) -> tuple[TrustAnchor, ...]:
    return await asyncio.to_thread(anchors.system_roots) if system else ()


async def _own(office: Office, name: str) -> TrustAnchor:
    authority_id = await office.authority_id(name, "authorities")
    upwards = await chain(office.aggregates, authority_id)
    if not upwards:
        detail = f"{name} has no certificate"
        raise AuthorityMissing(detail, Violation("authorities", "authorities are signed", detail))
    return anchors.anchor(x509.load_der_x509_certificate(upwards[0]), "authorities", authority_id)
