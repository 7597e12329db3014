"""The views over HTTP: lists, and one row by id or name."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.http.asking import HIGHEST_LIMIT, as_of, moment, query_of, time_asked_about, wait_until_seen
from es_pki.adapters.http.findings import with_finding
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply, row_object
from es_pki.adapters.recorded import owner_of
from es_pki.adapters.views import Query
from es_pki.adapters.x509.formats import pem, pem_chain
from es_pki.commands.names import is_own_name, is_uuid
from es_pki.commands.refusals import NotFound
from es_pki.decider import Violation
from es_pki.projections import (
    acme_accounts,
    acme_orders,
    acme_renewals,
    authorities,
    dns_providers,
    expiry_calendar,
    history,
    inventory,
    key_compromises,
    key_uses,
    notice_channels,
    notices,
    principals,
    revocation_lists,
    revocations,
    service_usage,
    services,
    signing_requests,
    trust_stores,
)
from es_pki.projections.view import View

R = TypeVar("R", bound=Struct)


async def list_authorities(request: web.Request) -> web.StreamResponse:
    """Answer with the authorities, by name."""
    return await _list(request, authorities.view, authority_object)


async def list_certificates(request: web.Request) -> web.StreamResponse:
    """Answer with the inventory, by name; `finding`: only what has it, as `weak-key` or `expired`."""
    await wait_until_seen(request)
    query = await with_finding(request, await query_of(request, inventory.view))
    return await page_of_rows(request, inventory.view, query, certificate_object)


async def list_signing_requests(request: web.Request) -> web.StreamResponse:
    """Answer with the signing requests, by name."""
    return await _list(request, signing_requests.view, signing_request_object)


async def list_services(request: web.Request) -> web.StreamResponse:
    """Answer with the services, by name."""
    return await _list(request, services.view, row_object)


async def list_acme_accounts(request: web.Request) -> web.StreamResponse:
    """Answer with the accounts at ACME directories, by name."""
    return await _list(request, acme_accounts.view, row_object)


async def one_acme_account(request: web.Request) -> web.StreamResponse:
    """Answer with an account at an ACME directory."""
    row = await row_of(request, acme_accounts.view)
    return json_reply(row_object(row))


async def acme_account_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to an account at an ACME directory, first to last."""
    return await history_of(request, (await row_of(request, acme_accounts.view)).id)


async def list_dns_providers(request: web.Request) -> web.StreamResponse:
    """Answer with the DNS providers, by name; never with credentials."""
    return await _list(request, dns_providers.view, row_object)


async def one_dns_provider(request: web.Request) -> web.StreamResponse:
    """Answer with a DNS provider; never with its credentials."""
    row = await row_of(request, dns_providers.view)
    return json_reply(row_object(row))


async def dns_provider_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a DNS provider, first to last."""
    return await history_of(request, (await row_of(request, dns_providers.view)).id)


async def list_notice_channels(request: web.Request) -> web.StreamResponse:
    """Answer with the channels that notices are sent to, by name; never with secrets."""
    return await _list(request, notice_channels.view, row_object)


async def one_notice_channel(request: web.Request) -> web.StreamResponse:
    """Answer with a channel that notices are sent to; never with its secret."""
    row = await row_of(request, notice_channels.view)
    return json_reply(row_object(row))


async def notice_channel_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a channel, first to last."""
    return await history_of(request, (await row_of(request, notice_channels.view)).id)


async def list_notices(request: web.Request) -> web.StreamResponse:
    """Answer with the notices, first to last: what was sent to whom, and what could not be, and why."""
    return await _list(request, notices.view, row_object)


async def list_acme_orders(request: web.Request) -> web.StreamResponse:
    """Answer with the orders at ACME directories, first to last: how far each has come, and what it waits for."""
    return await _list(request, acme_orders.view, row_object)


async def one_acme_order(request: web.Request) -> web.StreamResponse:
    """Answer with an order at an ACME directory, by its id or, the latest, by its certificate's name."""
    row = await acme_order_row(request)
    return json_reply(row_object(row))


async def acme_order_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to an order at an ACME directory, first to last."""
    return await history_of(request, (await acme_order_row(request)).id)


async def list_acme_renewals(request: web.Request) -> web.StreamResponse:
    """Answer with when the certificates of ACME directories are renewed, and why that failed, by name."""
    return await _list(request, acme_renewals.view, row_object)


async def acme_order_row(request: web.Request) -> acme_orders.Row:
    """Return the order that `{id}` names: an id, or a certificate's name for its latest order. Raises `NotFound`."""
    row = await row_of(request, acme_orders.view)
    views, position = request.app[PARTS].views, await as_of(request)
    query = Query(filters={"certificate_id": row.certificate_id}, limit=HIGHEST_LIMIT, as_of=position)
    return row if is_uuid(request.match_info["id"]) else (await views.find(acme_orders.view, query)).rows[-1]


async def list_tokens(request: web.Request) -> web.StreamResponse:
    """Answer with the principals and their tokens' roles and ends; never with a token or its digest."""
    return await _list(request, principals.view, principal_object)


async def list_key_compromises(request: web.Request) -> web.StreamResponse:
    """Answer with the keys that were reported as compromised, first to last."""
    return await _list(request, key_compromises.view, row_object)


async def list_revocations(request: web.Request) -> web.StreamResponse:
    """Answer with what is revoked or held, the oldest revocation first."""
    return await _list(request, revocations.view, row_object)


async def list_crls(request: web.Request) -> web.StreamResponse:
    """Answer with the newest CRL of every list, the one that runs out first before the others."""
    return await _list(request, revocation_lists.view, row_object)


async def list_key_uses(request: web.Request) -> web.StreamResponse:
    """Answer with what uses which key: authorities and every version of the certificates, by name."""
    return await _list(request, key_uses.view, row_object)


async def list_trust_stores(request: web.Request) -> web.StreamResponse:
    """Answer with the trust stores, by name."""
    return await _list(request, trust_stores.view, row_object)


async def one_authority(request: web.Request) -> web.StreamResponse:
    """Answer with an authority, its policy and its certificate."""
    return json_reply(authority_object(await row_of(request, authorities.view)))


async def one_certificate(request: web.Request) -> web.StreamResponse:
    """Answer with a certificate: its current version, other versions that still hold, names, labels and owner."""
    return json_reply(certificate_object(await certificate_row(request)))


async def one_signing_request(request: web.Request) -> web.StreamResponse:
    """Answer with a signing request, and with the certificate that an outside authority returned for it."""
    return json_reply(signing_request_object(await row_of(request, signing_requests.view)))


async def one_service(request: web.Request) -> web.StreamResponse:
    """Answer with a service: what it is to serve, and how it gets it."""
    row = await row_of(request, services.view)
    return json_reply(row_object(row))


async def service_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a service, first to last."""
    return await history_of(request, (await row_of(request, services.view)).id)


async def certificate_usages(request: web.Request) -> web.StreamResponse:
    """Answer with the services that are bound to a certificate, by name."""
    used = await certificate_row(request)
    query = replace(await query_of(request, service_usage.view), filters={"certificate_id": used.id})
    return await page_of_rows(request, service_usage.view, query, row_object)


async def signing_request_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a signing request, first to last."""
    return await history_of(request, (await row_of(request, signing_requests.view)).id)


async def certificate_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a certificate, first to last."""
    return await history_of(request, (await certificate_row(request)).id)


async def authority_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to an authority, first to last."""
    return await history_of(request, (await row_of(request, authorities.view)).id)


async def calendar(request: web.Request) -> web.StreamResponse:
    """Answer with what ends from `from` (default: the time asked about) until `to` (never), soonest first.

    `what`: that which expires (`expiry`), or is to be revoked as planned (`revocation`).
    """
    return await page_of_rows(request, expiry_calendar.view, await calendar_query(request), row_object)


async def calendar_query(request: web.Request) -> Query:
    """Return the query of a calendar request, after waiting for what it must see."""
    await wait_until_seen(request)
    query = await query_of(request, expiry_calendar.view)
    start, end = request.query.get("from"), request.query.get("to")
    return replace(
        query,
        filters={**query.filters, "signed": "yes"},
        since=await time_asked_about(request) if start is None else moment("from", start),
        until=None if end is None else moment("to", end),
    )


async def row_of(request: web.Request, view: View[R]) -> R:
    """Return the row that `{id}` names: an id or a name. Raises `NotFound`."""
    await wait_until_seen(request)
    views, wanted, position = request.app[PARTS].views, request.match_info["id"], await as_of(request)
    row: R | None
    if is_uuid(wanted):
        row = await views.get(view, wanted.lower(), as_of=position)
    else:
        found = await views.find(view, Query(filters={"name": wanted}, limit=1, as_of=position))
        row = found.rows[0] if found.rows else None
    if row is None:
        detail = f"nothing in {view.name.replace('_', ' ')} has this id or name"
        raise NotFound(detail, Violation("id", "names are known", detail))
    return row


async def certificate_row(request: web.Request) -> inventory.Row:
    """Return the certificate that `{id}` names: an id, its name, or a former name of it. Raises `NotFound`."""
    try:
        return await row_of(request, inventory.view)
    except NotFound:
        row = await _formerly_named(request)
        if row is None:
            raise
        return row


async def _formerly_named(request: web.Request) -> inventory.Row | None:
    """Return the certificate to which a former name leads: the log itself knows who owned it at any time."""
    parts, wanted, position = request.app[PARTS], request.match_info["id"], await as_of(request)
    if not is_own_name(wanted):
        return None
    records = await parts.log.read_stream(f"certificate_name-{wanted}")
    owner = owner_of(record for record in records if position is None or record.position <= position)
    if owner is None:
        return None
    return await parts.views.get(inventory.view, owner, as_of=position)


async def _list(request: web.Request, view: View[R], shown: Callable[[R], Mapping[str, object]]) -> web.StreamResponse:
    await wait_until_seen(request)
    return await page_of_rows(request, view, await query_of(request, view), shown)


async def history_of(request: web.Request, aggregate_id: str) -> web.StreamResponse:
    """Answer with a page of what happened to an aggregate."""
    query = await query_of(request, history.view)
    query = replace(query, filters={**query.filters, "aggregate_id": aggregate_id})
    return await page_of_rows(request, history.view, query, row_object)


async def page_of_rows(
    request: web.Request, view: View[R], query: Query, shown: Callable[[R], Mapping[str, object]]
) -> web.StreamResponse:
    """Answer with a page of rows and a position that they show at least: it is read before they are."""
    views = request.app[PARTS].views
    position = await views.checkpoint(view)
    found = await views.find(view, query)
    return json_reply({"items": [shown(row) for row in found.rows], "cursor": found.cursor, "position": position})


def certificate_object(row: inventory.Row) -> Mapping[str, object]:
    """Return a certificate as it is shown: its other versions like itself."""
    return {**row_object(row), "other_versions": [row_object(version) for version in row.other_versions]}


def authority_object(row: authorities.Row) -> Mapping[str, object]:
    """Return an authority as it is shown: its certificate in PEM."""
    shown = row_object(row)
    certificate = shown.pop("certificate")
    return {**shown, "certificate_pem": pem(certificate) if isinstance(certificate, bytes) else None}


def signing_request_object(row: signing_requests.Row) -> Mapping[str, object]:
    """Return a signing request as it is shown: what came back from outside in PEM, the certificate first."""
    shown = row_object(row)
    del shown["certificate"], shown["chain"]
    return {**shown, "certificate_pem": pem_chain([row.certificate, *row.chain]) if row.certificate else None}


def principal_object(row: principals.Row) -> Mapping[str, object]:
    """Return a principal as it is shown: without its token's digest."""
    shown = row_object(row)
    del shown["token_digest"]
    return shown
