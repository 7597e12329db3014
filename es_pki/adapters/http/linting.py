"""Lint on demand: what the own rules and pkilint find in a certificate, kept here or sent along."""

import msgspec
from aiohttp import web
from msgspec import Struct

from es_pki.adapters.http.certificates import version_asked_about
from es_pki.adapters.http.commands import decoded, json_body
from es_pki.adapters.http.lists import certificate_row, row_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.intake.chain import chain, issuers_of
from es_pki.adapters.x509.bundle import read_ders
from es_pki.commands.refusals import Malformed, NotFound
from es_pki.projections import authorities

LARGEST = 64 * 1024
"""Octets of a certificate: one with an ML-DSA-87 key and signature has 7,500, with a hundred long names a few more."""


class Lint(Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate in PEM, or base64 of DER; its issuer's may follow in the same text."""

    certificate: str


_SENT = msgspec.json.Decoder(Lint)


async def certificate_lint(request: web.Request) -> web.StreamResponse:
    """Answer with what the own rules and pkilint find in a certificate; `version` default: the current one."""
    version = await version_asked_about(request, (await certificate_row(request)).id)
    issuers = await issuers_of(request.app[PARTS].aggregates, version.prepared)
    return await _findings(request, version.certificate, next(iter(issuers), None))


async def authority_lint(request: web.Request) -> web.StreamResponse:
    """Answer with what the own rules and pkilint find in an authority's certificate."""
    row = await row_of(request, authorities.view)
    issuers = await chain(request.app[PARTS].aggregates, row.issuer_id)
    return await _findings(request, row.certificate, next(iter(issuers), None))


async def lint(request: web.Request) -> web.StreamResponse:
    """Answer with what the own rules and pkilint find in the certificate that is sent."""
    certificate, *issuers = read_ders(decoded(_SENT, await json_body(request)).certificate, "certificate")
    if max(map(len, (certificate, *issuers))) > LARGEST:
        raise Malformed.at("certificate", "certificates are bounded", f"at most {LARGEST} octets of DER")
    return await _findings(request, certificate, next(iter(issuers), None))


async def _findings(request: web.Request, certificate: bytes | None, issuer: bytes | None) -> web.StreamResponse:
    if certificate is None:
        raise NotFound("this was not signed: there is no certificate to look at")
    return json_reply({"items": await request.app[PARTS].second_opinion.of(certificate, issuer)})
