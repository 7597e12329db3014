"""Certificates themselves: in the forms that programs take, by `Accept`."""

from datetime import datetime
from typing import cast

from aiohttp import web

from es_pki.adapters.http.asking import as_of, number_of
from es_pki.adapters.http.lists import certificate_row
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.recorded import happened
from es_pki.adapters.x509.formats import fingerprint, pem_chain, pkcs7
from es_pki.commands.lineage import State
from es_pki.commands.refusals import NotFound
from es_pki.commands.versions import Version
from es_pki.events.certificate import CertificateEvent
from es_pki.projections.inventory import CertificateStatus
from es_pki.values import CRLReason

PEM = "application/pem-certificate-chain"  # RFC 8555 section 9.1
DER = "application/pkix-cert"  # RFC 2585 section 4.1
PKCS7 = "application/pkcs7-mime"  # RFC 8551 section 3.2.2, certs-only

ENDINGS = {PEM: "pem", DER: "cer", PKCS7: "p7c"}


async def certificate_pem(request: web.Request) -> web.StreamResponse:
    """Answer with the certificate and its chain (PEM, PKCS#7) or alone (DER); `version` default: the current one."""
    row = await certificate_row(request)
    version = await version_asked_about(request, row.id)
    if version.certificate is None:
        raise NotFound("this version was not signed")
    issuers = await issuers_of(request.app[PARTS].aggregates, version.prepared)
    return in_form(request, version.certificate, without_root(issuers), name=row.name)


async def certificate_chain(request: web.Request) -> web.StreamResponse:
    """Answer with the authorities above the certificate, the root last, in PEM or PKCS#7."""
    row = await certificate_row(request)
    version = await version_asked_about(request, row.id)
    issuers = await issuers_of(request.app[PARTS].aggregates, version.prepared)
    if not issuers:
        raise NotFound("no authority that is known stands above this certificate")
    return in_form(request, issuers[0], issuers[1:], name=row.name)


async def certificate_versions(request: web.Request) -> web.StreamResponse:
    """Answer with every version of the certificate, the oldest first, and which is current."""
    row = await certificate_row(request)
    state = await _lineage(request, row.id)
    items = [
        {
            "version": number,
            "is_current": number == state.current,
            "status": _status(version),
            "serial_number": version.prepared.serial_number,
            "not_before": version.prepared.not_before,
            "not_after": version.prepared.not_after,
            "key_type": version.key.name,
            "fingerprint": fingerprint(version.certificate) if version.certificate else None,
            "failure": version.failure,
            "revoked_at": _revoked_at(version),
            "reason": _reason(version),
            "revocation_due_at": version.superseding.due_at if version.superseding else None,
            "held_up_by": version.held_up_by,
        }
        for number, version in state.versions.items()
    ]
    return json_reply({"items": items})


def in_form(
    request: web.Request, certificate: bytes, issuers: list[bytes], *, name: str, default: str = PEM
) -> web.Response:
    """Return a certificate and its issuers in the form of `Accept`. Raises `Problem` 406 for others."""
    media_type = preferred(request.headers.getall("Accept", []), (default, *ENDINGS))
    if media_type is None:
        raise Problem(406, "not-acceptable", f"this comes as {PEM}, {DER} or {PKCS7}")
    return web.Response(
        body=_encoded(media_type, [certificate, *issuers]),
        content_type=media_type,
        headers={"Content-Disposition": f'inline; filename="{name}.{ENDINGS[media_type]}"', "Vary": "Accept"},
    )


def _encoded(media_type: str, certificates: list[bytes]) -> bytes:
    if media_type == DER:
        return certificates[0]
    return pkcs7(certificates) if media_type == PKCS7 else pem_chain(certificates).encode()


async def version_asked_about(request: web.Request, certificate_id: str) -> Version:
    """Return the version that `?version=` names, or the current one. Raises `NotFound`."""
    state = await _lineage(request, certificate_id)
    wanted = number_of(request, "version", 0)
    found = state.versions.get(wanted) if wanted else state.model
    if found is None:
        raise NotFound("the certificate has no such version")
    return found


async def _lineage(request: web.Request, certificate_id: str) -> State:
    """Return the lineage as it was at the time that the request asks about."""
    position, state = await as_of(request), CERTIFICATE.initial
    for record in await request.app[PARTS].log.read_stream(CERTIFICATE.stream(certificate_id)):
        if position is not None and record.position > position:
            break
        state = CERTIFICATE.evolve(state, cast("CertificateEvent", happened(record).event))
    return state


def _status(version: Version) -> CertificateStatus:
    if version.is_outstanding:
        return CertificateStatus.PREPARED
    if version.revoked is not None or version.held is not None:
        return CertificateStatus.REVOKED if version.revoked else CertificateStatus.HELD
    return CertificateStatus.FAILED if version.certificate is None else CertificateStatus.ISSUED


def _revoked_at(version: Version) -> datetime | None:
    """Return since when a version doesn't hold, None while it does."""
    if version.revoked is not None:
        return version.revoked.revoked_at
    return version.held.held_at if version.held else None


def _reason(version: Version) -> CRLReason | None:
    if version.revoked is not None:
        return version.revoked.reason
    return CRLReason.CERTIFICATE_HOLD if version.held else None
