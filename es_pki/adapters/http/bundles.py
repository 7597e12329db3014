"""What others trust: an authority's certificate with those above it, in one file, by `Accept`. No key is in it.

The same authorities give the same bytes in every form, so that whoever watches such a file sees what really changed.
"""

from collections.abc import Callable, Iterator, Sequence

from aiohttp import web

from es_pki.adapters.http.asking import as_of, number_of
from es_pki.adapters.http.certificates import ENDINGS, PEM, PKCS7
from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.negotiation import preferred
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.problems import Problem
from es_pki.adapters.intake.chain import MAXIMUM_DEPTH
from es_pki.adapters.x509.formats import PKCS12_FILE, crl_pem, pem_chain, pkcs7
from es_pki.adapters.x509.pkcs12 import trust_store
from es_pki.commands.refusals import NotFound
from es_pki.commands.revocation_list import list_id
from es_pki.projections import authorities

Named = Sequence[tuple[str, bytes]]
"""Authorities' names and DER certificates."""

FORMS: dict[str, tuple[str, Callable[[Named], bytes]]] = {
    PEM: (ENDINGS[PEM], lambda named: pem_chain(der for _, der in named).encode()),
    PKCS7: (ENDINGS[PKCS7], lambda named: pkcs7(der for _, der in named)),
    PKCS12_FILE: ("p12", trust_store),
}
"""The ending of the file's name and what writes it, by media type; the first is the default."""


async def authority_bundle(request: web.Request) -> web.StreamResponse:
    """Answer with an authority and those above it: PEM, PKCS#7, or Java's trust store (PKCS#12, password changeit).

    With `crls=1` their newest CRLs stand behind them in PEM; without, such a file changes for a reason only.
    """
    row = await row_of(request, authorities.view)
    above = await _upwards(request, row)
    named = [(one.name, one.certificate) for one in above if one.certificate is not None]
    reply = in_one_file(request, named, name=row.name)
    if number_of(request, "crls", 0):
        if reply.content_type != PEM or not isinstance(reply.body, bytes):
            raise Problem(406, "not-acceptable", f"CRLs stand in a bundle that comes as {PEM}")
        reply.body += "".join(_crls(request, above)).encode()
    return reply


def _crls(request: web.Request, above: Sequence[authorities.Row]) -> Iterator[str]:
    """Yield the newest CRL of each authority in PEM, as programs take them in one file with the certificates."""
    for row in above:
        made = request.app[PARTS].crls.made(list_id(row.id, 0))
        if made is not None:
            yield crl_pem(made.complete)


def in_one_file(request: web.Request, named: Named, *, name: str) -> web.Response:
    """Return certificates in the form of `Accept`. Raises `Problem` 406 for others."""
    media_type = preferred(request.headers.getall("Accept", []), FORMS)
    if media_type is None:
        raise Problem(406, "not-acceptable", f"this comes as {', '.join(FORMS)}")
    ending, written = FORMS[media_type]
    return web.Response(
        body=written(named),
        content_type=media_type,
        headers={"Content-Disposition": f'inline; filename="{name}.{ending}"', "Vary": "Accept"},
    )


async def _upwards(request: web.Request, row: authorities.Row) -> Sequence[authorities.Row]:
    """Return the authority and those above it, the root last. Raises `NotFound` while it is not signed."""
    found: list[authorities.Row] = []
    above: authorities.Row | None = row
    while above is not None and above.certificate is not None and len(found) < MAXIMUM_DEPTH:
        found.append(above)
        above = await _issuer(request, above)
    if not found:
        raise NotFound("this authority was not signed")
    return found


async def _issuer(request: web.Request, row: authorities.Row) -> authorities.Row | None:
    if row.issuer_id is None:
        return None
    return await request.app[PARTS].views.get(authorities.view, row.issuer_id, as_of=await as_of(request))
