"""The table of the management API: every route, and whose roles open it. What isn't here doesn't exist."""

from aiohttp import web

from es_pki.adapters.http import (
    acme_debug,
    bundles,
    calendar_feed,
    certificates,
    commands,
    crls,
    csrs,
    dns,
    events,
    health,
    linting,
    lists,
    live,
    metrics,
    preview,
    profile,
    proofs,
    trust,
    validation,
)
from es_pki.adapters.http.access import AUDITORS, EVERYBODY, FEED_READERS, OPERATORS, WATCHERS, admitted
from es_pki.adapters.http.asking import check_parameters
from es_pki.adapters.http.counts import Counts
from es_pki.adapters.http.openapi import document
from es_pki.adapters.http.parts import PARTS, Parts
from es_pki.adapters.http.problems import problems
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.http.route import Handler, Route, Shown, page_of
from es_pki.adapters.http.tokens import TOKENS, Tokens
from es_pki.adapters.intake.validation import Validate
from es_pki.adapters.web import pages
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
    profiles,
    revocation_lists,
    revocations,
    service_usage,
    services,
    signing_requests,
    trust_stores,
)

MAXIMUM_BODY = 1024 * 1024

CERTIFICATES = (
    "name",
    "status",
    "reason",
    "authority_id",
    "profile",
    "serial_number",
    "fingerprint",
    "owner",
    "labels",
    "imported",
)
KEYS = ("key_type", "key_algorithm", "security_bits", "public_key_hash")
NOW_OR_THEN = ("as_of", "at_least")
PAGES = ("limit", "cursor", *NOW_OR_THEN)
HISTORY = (*PAGES, "type", "actor")
EXPIRIES = ("from", "to", "kind", "what", "owner", "labels")
VERSIONED = (*NOW_OR_THEN, "version")


async def openapi(_request: web.Request) -> web.StreamResponse:
    """Answer with this description of the API (OpenAPI 3.1)."""
    return json_reply(document(ROUTES))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/commands", EVERYBODY, commands.list_commands),
    Route("POST", "/api/v1/commands/{name}", frozenset(), commands.send_command),
    Route("POST", "/api/v1/preview", frozenset(), preview.preview, takes=preview.BODY),
    Route(
        "GET",
        "/api/v1/authorities",
        EVERYBODY,
        lists.list_authorities,
        (*PAGES, "name", "status", "issuer_id", *KEYS, "imported"),
        page_of(authorities.Row),
    ),
    Route("GET", "/api/v1/authorities/{id}", EVERYBODY, lists.one_authority, NOW_OR_THEN, Shown(authorities.Row)),
    Route("GET", "/api/v1/authorities/{id}/bundle", EVERYBODY, bundles.authority_bundle, (*NOW_OR_THEN, "crls")),
    Route("GET", "/api/v1/authorities/{id}/lint", EVERYBODY, linting.authority_lint, NOW_OR_THEN),
    Route("GET", "/api/v1/authorities/{id}/crl", EVERYBODY, crls.authority_crl, ("number", "shard", "delta")),
    Route("GET", "/api/v1/authorities/{id}/history", EVERYBODY, lists.authority_history, HISTORY, page_of(history.Row)),
    Route(
        "GET",
        "/api/v1/certificates",
        EVERYBODY,
        lists.list_certificates,
        (*PAGES, *CERTIFICATES, *KEYS, "finding"),
        page_of(inventory.Row),
    ),
    Route("GET", "/api/v1/certificates/{id}", EVERYBODY, lists.one_certificate, NOW_OR_THEN, Shown(inventory.Row)),
    Route("GET", "/api/v1/certificates/{id}/pem", EVERYBODY, certificates.certificate_pem, VERSIONED),
    Route("GET", "/api/v1/certificates/{id}/chain", EVERYBODY, certificates.certificate_chain, VERSIONED),
    Route("GET", "/api/v1/certificates/{id}/lint", EVERYBODY, linting.certificate_lint, VERSIONED),
    Route("GET", "/api/v1/certificates/{id}/versions", EVERYBODY, certificates.certificate_versions, NOW_OR_THEN),
    Route(
        "GET",
        "/api/v1/certificates/{id}/history",
        EVERYBODY,
        lists.certificate_history,
        HISTORY,
        page_of(history.Row),
    ),
    Route(
        "GET",
        "/api/v1/certificates/{id}/validation",
        EVERYBODY,
        validation.certificate_validation,
        (*VERSIONED, "purpose", "host", "time", "revocation", "trust_store", "fetch"),
    ),
    Route("POST", "/api/v1/validate", EVERYBODY, validation.validate, takes=Validate),
    Route(
        "GET",
        "/api/v1/certificates/{id}/usages",
        EVERYBODY,
        lists.certificate_usages,
        PAGES,
        page_of(service_usage.Row),
    ),
    Route(
        "GET",
        "/api/v1/services",
        EVERYBODY,
        lists.list_services,
        (*PAGES, "name", "kind", "status", "certificate_id"),
        page_of(services.Row),
    ),
    Route("GET", "/api/v1/services/{id}", EVERYBODY, lists.one_service, NOW_OR_THEN, Shown(services.Row)),
    Route("GET", "/api/v1/services/{id}/history", EVERYBODY, lists.service_history, HISTORY, page_of(history.Row)),
    Route(
        "GET",
        "/api/v1/signing-requests",
        EVERYBODY,
        lists.list_signing_requests,
        (*PAGES, "name", "status", "key_type", "public_key_hash", "certificate_id"),
        page_of(signing_requests.Row),
    ),
    Route(
        "GET",
        "/api/v1/signing-requests/{id}",
        EVERYBODY,
        lists.one_signing_request,
        NOW_OR_THEN,
        Shown(signing_requests.Row),
    ),
    Route("GET", "/api/v1/signing-requests/{id}/pem", EVERYBODY, csrs.csr_pem, NOW_OR_THEN),
    Route(
        "GET",
        "/api/v1/signing-requests/{id}/history",
        EVERYBODY,
        lists.signing_request_history,
        HISTORY,
        page_of(history.Row),
    ),
    Route(
        "GET",
        "/api/v1/acme/accounts",
        EVERYBODY,
        lists.list_acme_accounts,
        (*PAGES, "name", "status", "directory", "public_key_hash"),
        page_of(acme_accounts.Row),
    ),
    Route(
        "GET", "/api/v1/acme/accounts/{id}", EVERYBODY, lists.one_acme_account, NOW_OR_THEN, Shown(acme_accounts.Row)
    ),
    Route(
        "GET",
        "/api/v1/acme/accounts/{id}/history",
        EVERYBODY,
        lists.acme_account_history,
        HISTORY,
        page_of(history.Row),
    ),
    Route(
        "GET",
        "/api/v1/dns-providers",
        EVERYBODY,
        lists.list_dns_providers,
        (*PAGES, "name", "kind"),
        page_of(dns_providers.Row),
    ),
    Route(
        "GET", "/api/v1/dns-providers/{id}", EVERYBODY, lists.one_dns_provider, NOW_OR_THEN, Shown(dns_providers.Row)
    ),
    Route(
        "GET",
        "/api/v1/dns-providers/{id}/history",
        EVERYBODY,
        lists.dns_provider_history,
        HISTORY,
        page_of(history.Row),
    ),
    Route("POST", "/api/v1/dns-providers/{id}/check", OPERATORS, dns.check_dns_provider),
    Route(
        "GET",
        "/api/v1/notice-channels",
        EVERYBODY,
        lists.list_notice_channels,
        (*PAGES, "name", "kind"),
        page_of(notice_channels.Row),
    ),
    Route(
        "GET",
        "/api/v1/notice-channels/{id}",
        EVERYBODY,
        lists.one_notice_channel,
        NOW_OR_THEN,
        Shown(notice_channels.Row),
    ),
    Route(
        "GET",
        "/api/v1/notice-channels/{id}/history",
        EVERYBODY,
        lists.notice_channel_history,
        HISTORY,
        page_of(history.Row),
    ),
    Route(
        "GET",
        "/api/v1/notices",
        EVERYBODY,
        lists.list_notices,
        (*PAGES, "channel", "channel_id", "kind", "status", "concerns", "concerns_id", "service"),
        page_of(notices.Row),
    ),
    Route(
        "GET",
        "/api/v1/acme/orders",
        EVERYBODY,
        lists.list_acme_orders,
        (*PAGES, "name", "status", "certificate_id", "account_id", "public_key_hash"),
        page_of(acme_orders.Row),
    ),
    Route("GET", "/api/v1/acme/orders/{id}", EVERYBODY, lists.one_acme_order, NOW_OR_THEN, Shown(acme_orders.Row)),
    Route(
        "GET", "/api/v1/acme/orders/{id}/history", EVERYBODY, lists.acme_order_history, HISTORY, page_of(history.Row)
    ),
    Route("GET", "/api/v1/acme/orders/{id}/debug", OPERATORS, acme_debug.debug_order),
    Route(
        "GET",
        "/api/v1/acme/renewals",
        EVERYBODY,
        lists.list_acme_renewals,
        (*PAGES, "name", "status"),
        page_of(acme_renewals.Row),
    ),
    Route("POST", "/api/v1/lint", EVERYBODY, linting.lint, takes=linting.Lint),
    Route("GET", "/api/v1/calendar", EVERYBODY, lists.calendar, (*PAGES, *EXPIRIES), page_of(expiry_calendar.Row)),
    Route(
        "GET",
        "/api/v1/calendar.ics",
        FEED_READERS,
        calendar_feed.calendar_feed,
        (*NOW_OR_THEN, *EXPIRIES, "token"),
        is_feed=True,
    ),
    Route(
        "GET",
        "/api/v1/key-uses",
        EVERYBODY,
        lists.list_key_uses,
        (*PAGES, "public_key_hash", "kind", "name", "signed", "revoked"),
        page_of(key_uses.Row),
    ),
    Route(
        "GET",
        "/api/v1/key-compromises",
        EVERYBODY,
        lists.list_key_compromises,
        (*PAGES, "public_key_hash", "reported_by"),
        page_of(key_compromises.Row),
    ),
    Route("GET", "/api/v1/profiles", EVERYBODY, profile.list_profiles, NOW_OR_THEN, page_of(profiles.Row)),
    Route("GET", "/api/v1/profiles/{id}", EVERYBODY, profile.one_profile, NOW_OR_THEN, Shown(profiles.Row)),
    Route("GET", "/api/v1/profiles/{id}/history", EVERYBODY, profile.profile_history, HISTORY, page_of(history.Row)),
    Route(
        "GET",
        "/api/v1/trust-stores",
        EVERYBODY,
        lists.list_trust_stores,
        (*PAGES, "name"),
        page_of(trust_stores.Row),
    ),
    Route("GET", "/api/v1/trust-stores/{id}", EVERYBODY, trust.one_trust_store, NOW_OR_THEN, Shown(trust_stores.Row)),
    Route(
        "GET",
        "/api/v1/trust-stores/{id}/certificates",
        EVERYBODY,
        trust.list_trusted,
        (*PAGES, "status", "fingerprint", "public_key_hash"),
    ),
    Route("GET", "/api/v1/trust-stores/{id}/bundle", EVERYBODY, trust.trust_store_bundle, NOW_OR_THEN),
    Route(
        "GET",
        "/api/v1/revocations",
        EVERYBODY,
        lists.list_revocations,
        (*PAGES, "authority_id", "serial_number", "kind", "id", "name", "status", "reason", "revoked_by"),
        page_of(revocations.Row),
    ),
    Route(
        "GET",
        "/api/v1/crls",
        EVERYBODY,
        lists.list_crls,
        (*PAGES, "authority_id", "crl_shard", "signed"),
        page_of(revocation_lists.Row),
    ),
    Route("GET", "/api/v1/tokens", AUDITORS, lists.list_tokens, (*PAGES, "name"), page_of(principals.Row)),
    Route("GET", "/api/v1/events", AUDITORS, events.list_events, ("after", "stream", "type", "limit")),
    Route("GET", "/api/v1/events/stream", AUDITORS, live.stream_events, ("after", "type")),
    Route("GET", "/api/v1/log/checkpoint", AUDITORS, proofs.checkpoint),
    Route("GET", "/api/v1/log/tile/{tile}", AUDITORS, proofs.tile),
    Route("GET", "/api/v1/log/keys", AUDITORS, proofs.keys),
    Route("GET", "/api/v1/log/proof/inclusion", AUDITORS, proofs.inclusion, ("position", "size")),
    Route("GET", "/api/v1/log/proof/consistency", AUDITORS, proofs.consistency, ("from", "to")),
    Route("GET", "/api/v1/reactions", WATCHERS, health.reactions),
    Route("GET", "/metrics", EVERYBODY, metrics.metrics),
    Route("GET", "/healthz", None, health.healthz),
    Route("GET", "/readyz", None, health.readyz),
    Route("GET", "/openapi.json", None, openapi),
    Route("GET", "/docs", None, pages.docs),
    Route("GET", "/", None, pages.index),
    Route("GET", "/assets/{name}", None, pages.asset),
)


def management_application(parts: Parts) -> web.Application:
    """Return the management API's application."""
    application = web.Application(middlewares=[problems], client_max_size=MAXIMUM_BODY)
    application[PARTS] = parts
    application[TOKENS] = Tokens(parts.log, parts.views)
    application[live.LIVE] = set()
    application[metrics.COUNTS] = Counts(parts.views, parts.now)
    application.on_shutdown.append(live.end_streams)
    for route in ROUTES:
        for method in route.methods:
            application.router.add_route(method, route.pattern, _guarded(route))
    return application


def _guarded(route: Route) -> Handler:
    """Return the route's handler behind its door: roles, then known parameters only. An open route has none."""
    roles = route.roles
    if roles is None:
        return route.handler

    async def guarded(request: web.Request) -> web.StreamResponse:
        if roles:
            await admitted(request, roles, is_feed=route.is_feed)
        check_parameters(request, route.parameters)
        return await route.handler(request)

    return guarded
