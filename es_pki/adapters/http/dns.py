"""Whether a DNS provider works, over HTTP."""

from aiohttp import web

from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.http.lists import row_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.projections import dns_providers


async def check_dns_provider(request: web.Request) -> web.StreamResponse:
    """Write, find and remove a record in each zone of a DNS provider; answer with what went wrong, null: nothing."""
    row, dns = await row_of(request, dns_providers.view), request.app[PARTS].dns
    problem = None
    try:
        await dns.check(await dns.provider(row.id))
    except DNSFailed as failed:
        problem = failed.detail
    return json_reply({"name": row.name, "zones": row.zones, "problem": problem})
