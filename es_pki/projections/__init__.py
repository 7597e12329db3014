"""The reports of the PKI. Each file is one view: Row, key, evolve, `view`; pure, rebuilt at any time from the log.

A view shows and decides nothing. Rows may be queried as of any position: the store keeps every version of a row.
"""

from typing import Any

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
    trust,
    trust_stores,
)
from es_pki.projections.view import View

VIEWS: tuple[View[Any], ...] = (
    authorities.view,
    inventory.view,
    expiry_calendar.view,
    history.view,
    principals.view,
    key_uses.view,
    key_compromises.view,
    signing_requests.view,
    profiles.view,
    trust_stores.view,
    trust.view,
    revocations.view,
    revocation_lists.view,
    services.view,
    service_usage.view,
    acme_accounts.view,
    dns_providers.view,
    acme_orders.view,
    acme_renewals.view,
    notice_channels.view,
    notices.view,
)
"""Every view there is."""
