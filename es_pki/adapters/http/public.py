"""The public listener: what relying parties fetch over plain HTTP (RFC 5280 section 4.2.2.1). No management here."""

from aiohttp import web

from es_pki.adapters.http import crls
from es_pki.adapters.http.certificates import DER, in_form
from es_pki.adapters.http.health import healthz
from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.ocsp import ask_by_get, ask_by_post
from es_pki.adapters.http.parts import PARTS, Parts
from es_pki.adapters.http.problems import problems
from es_pki.commands.refusals import NotFound
from es_pki.projections import authorities
from es_pki.values import Locations

UNCACHED = {"Cache-Control": "no-store"}


def locations(public_url: str, authority_id: str, crl_shards: int = 0) -> Locations:
    """Return where an authority publishes; the addresses stand in its certificates for as long as they live."""
    base = f"{public_url.rstrip('/')}/pki/{authority_id}"
    return Locations(ca_issuers=f"{base}/ca.crt", crl=f"{base}/crl", ocsp=f"{base}/ocsp", crl_shards=crl_shards)


async def authority_certificate(request: web.Request) -> web.StreamResponse:
    """Answer with an authority's certificate: DER, or PEM by `Accept`."""
    row = await row_of(request, authorities.view)
    if row.certificate is None:
        raise NotFound("the authority waits for its signature")
    response = in_form(request, row.certificate, [], name=row.name, default=DER)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


async def challenge_answer(request: web.Request) -> web.StreamResponse:
    """Answer an ACME directory that looks whether a name is ours (RFC 8555 section 8.3)."""
    answer = await request.app[PARTS].acme.http_01.answer_to(request.match_info["token"])
    if answer is None:
        raise NotFound("nothing is proved under this token")
    return web.Response(body=answer.encode(), content_type="application/octet-stream", headers=UNCACHED)


def public_application(parts: Parts) -> web.Application:
    """Return the public listener's application."""
    application = web.Application(middlewares=[problems], client_max_size=64 * 1024)
    application[PARTS] = parts
    application.router.add_get("/pki/{id}/ocsp/{request:.+}", ask_by_get)  # routes are tried in this order
    application.router.add_post("/pki/{id}/ocsp", ask_by_post)
    application.router.add_get("/pki/{id}/ca.crt", authority_certificate)
    application.router.add_get("/.well-known/acme-challenge/{token}", challenge_answer)
    for shard in ("", r"/{shard:\d{1,9}}"):
        application.router.add_get(f"/pki/{{id}}/crl{shard}", crls.complete)
        application.router.add_get(f"/pki/{{id}}/crl{shard}/delta", crls.delta)
    application.router.add_get("/healthz", healthz)
    return application
