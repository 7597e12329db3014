"""Trust stores over HTTP: which there are, what each trusts, and the whole of it in one file."""

from collections.abc import Mapping

from aiohttp import web
from msgspec.structs import replace

from es_pki.adapters.http.asking import as_of, query_of
from es_pki.adapters.http.bundles import Named, in_one_file
from es_pki.adapters.http.lists import page_of_rows, row_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply, row_object
from es_pki.adapters.views import ROWS_AT_ONCE, Query, every_row
from es_pki.adapters.x509.formats import pem
from es_pki.projections import trust, trust_stores
from es_pki.projections.trust import TrustStatus


async def one_trust_store(request: web.Request) -> web.StreamResponse:
    """Answer with a trust store."""
    store = await row_of(request, trust_stores.view)
    return json_reply(row_object(store))


async def list_trusted(request: web.Request) -> web.StreamResponse:
    """Answer with the certificates of a trust store by subject, those that it no longer trusts too."""
    store = await row_of(request, trust_stores.view)
    query = await query_of(request, trust.view)
    query = replace(query, filters={**query.filters, "trust_store_id": store.id})
    return await page_of_rows(request, trust.view, query, trusted_object)


async def trust_store_bundle(request: web.Request) -> web.StreamResponse:
    """Answer with what a store trusts without limits: PEM, PKCS#7, or Java's trust store (PKCS#12, password changeit).

    A file can't say until when an authority is trusted: one that is phased out is left out.
    """
    store = await row_of(request, trust_stores.view)
    filters = {"trust_store_id": store.id, "status": TrustStatus.TRUSTED.value}
    query, views = Query(filters=filters, limit=ROWS_AT_ONCE, as_of=await as_of(request)), request.app[PARTS].views
    named: Named = [(_alias(row), row.certificate) async for row in every_row(views, trust.view, query)]
    return in_one_file(request, named, name=store.name)


def _alias(row: trust.Row) -> str:
    """Return a name that no other certificate of the store has."""
    return f"{row.subject_name[:100]} {row.fingerprint[:16]}"


def trusted_object(row: trust.Row) -> Mapping[str, object]:
    """Return a trusted certificate as it is shown: in PEM."""
    shown = row_object(row)
    del shown["certificate"]
    return {**shown, "certificate_pem": pem(row.certificate)}
