"""What keeps an ACME order from its end."""

from aiohttp import web

from es_pki.adapters.http.lists import acme_order_row
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply


async def debug_order(request: web.Request) -> web.StreamResponse:
    """Answer with what a look at an ACME order finds, from DNS to the directory, and what to do about it."""
    row = await acme_order_row(request)
    return json_reply(await request.app[PARTS].debugger.report(row.id))
