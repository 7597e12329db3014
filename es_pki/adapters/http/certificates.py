"""Certificates themselves: in the forms that programs take, by `Accept`."""

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.http.asking import as_of, number_of
from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.intake.chain import chain
from es_pki.adapters.recorded import happened
from es_pki.adapters.x509.formats import fingerprint, pem_chain, pkcs7
from es_pki.commands.refusals import NotFound
from es_pki.events.certificate import CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.projections import inventory
from es_pki.projections.inventory import CertificateStatus

PEM = "application/pem-certificate-chain"  # RFC 8555 section 9.1
DER = "application/pkix-cert"  # RFC 2585 section 4.1
PKCS7 = "application/pkcs7-mime"  # RFC 8551 section 3.2.2, certs-only

ENDINGS = {PEM: "pem", DER: "cer", PKCS7: "p7c"}


class Version(Struct, frozen=True):
    """A version of a lineage. `certificate` is DER, None until it is signed."""

    version: int
    status: CertificateStatus
    issuer_id: str | None
    serial_number: str
    not_before: str
    not_after: str
    certificate: bytes | None = None


async def certificate_pem(request: web.Request) -> web.StreamResponse:
    """Answer with the certificate and its chain (PEM, PKCS#7) or alone (DER); `version` default: the newest."""
    row = await row_of(request, inventory.view)
    version = await _version(request, row.id)
    if version.certificate is None:
        raise NotFound("this version was not signed")
    issuers = await chain(request.app[PARTS].aggregates, version.issuer_id)
    return in_form(request, version.certificate, issuers[:-1], name=row.name)


async def certificate_chain(request: web.Request) -> web.StreamResponse:
    """Answer with the authorities above the certificate, the root last, in PEM or PKCS#7."""
    row = await row_of(request, inventory.view)
    version = await _version(request, row.id)
    issuers = await chain(request.app[PARTS].aggregates, version.issuer_id)
    if not issuers:
        raise NotFound("no authority stands above a certificate that signed for itself")
    return in_form(request, issuers[0], issuers[1:], name=row.name)


async def certificate_versions(request: web.Request) -> web.StreamResponse:
    """Answer with every version of the certificate, the oldest first."""
    row = await row_of(request, inventory.view)
    items = [
        {
            "version": version.version,
            "status": version.status,
            "serial_number": version.serial_number,
            "not_before": version.not_before,
            "not_after": version.not_after,
            "fingerprint": fingerprint(version.certificate) if version.certificate else None,
        }
        for version in await _versions(request, row.id)
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


async def _version(request: web.Request, certificate_id: str) -> Version:
    versions = await _versions(request, certificate_id)
    wanted = number_of(request, "version", 0)
    found = [v for v in versions if wanted in {0, v.version}]
    if not found:
        raise NotFound("the certificate has no such version")
    return found[-1]


async def _versions(request: web.Request, certificate_id: str) -> list[Version]:
    position = await as_of(request)
    found: dict[int, Version] = {}
    for record in await request.app[PARTS].log.read_stream(f"certificate-{certificate_id}"):
        if position is not None and record.position > position:
            break
        match happened(record).event:
            case CertificatePrepared() as event:
                found[event.version] = Version(
                    version=event.version,
                    status=CertificateStatus.PREPARED,
                    issuer_id=event.issuer_id,
                    serial_number=event.serial_number,
                    not_before=event.not_before.isoformat(),
                    not_after=event.not_after.isoformat(),
                )
            case CertificateIssued(version=number, certificate=certificate):
                found[number] = replace(found[number], status=CertificateStatus.ISSUED, certificate=certificate)
            case SigningFailed(version=number):
                found[number] = replace(found[number], status=CertificateStatus.FAILED)
            case _:
                pass
    return list(found.values())
