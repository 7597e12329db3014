"""CSRs themselves: in the forms that programs take, by `Accept`."""

from aiohttp import web

from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.intake.deciders import SIGNING_REQUEST
from es_pki.adapters.x509 import formats
from es_pki.commands.signing_request import kept
from es_pki.projections import signing_requests

PEM = "application/x-pem-file"  # RFC 7468 registers none for a CSR
DER = "application/pkcs10"  # RFC 5967

ENDINGS = {PEM: "csr", DER: "p10"}


async def csr_pem(request: web.Request) -> web.StreamResponse:
    """Answer with the CSR, in PEM or DER."""
    media_type = preferred(request.headers.getall("Accept", []), ENDINGS)
    if media_type is None:
        raise Problem(406, "not-acceptable", f"this comes as {PEM} or {DER}")
    row = await row_of(request, signing_requests.view)
    state = (await request.app[PARTS].aggregates.load(SIGNING_REQUEST, row.id, afresh=True)).state
    csr = kept(state).csr
    return web.Response(
        body=csr if media_type == DER else formats.csr_pem(csr).encode(),
        content_type=media_type,
        headers={"Content-Disposition": f'inline; filename="{row.name}.{ENDINGS[media_type]}"', "Vary": "Accept"},
    )
