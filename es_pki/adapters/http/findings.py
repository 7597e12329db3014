"""`?finding=` of the inventory: by what is wrong with a certificate, what was decided about it, and what time it is.

Each name below stands for a condition on rows, so that pages, filters and the past work as in any other list.
"""

from aiohttp import web
from msgspec.structs import replace

from es_pki.adapters.http.asking import as_of, time_asked_about
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.views import ROWS_AT_ONCE, Query, every_row
from es_pki.commands.refusals import Malformed
from es_pki.projections import key_compromises
from es_pki.projections.inventory import CertificateStatus
from es_pki.projections.inventory.findings import Finding

STATUSES = {
    "revoked": CertificateStatus.REVOKED,
    "held": CertificateStatus.HELD,
    "signing-failed": CertificateStatus.FAILED,
}
"""Findings that are statuses."""

EXPIRED, NOT_YET_VALID, KEY_COMPROMISED = "expired", "not-yet-valid", "key-compromised"
"""Findings that depend on the time that is asked about, and on what was reported of keys."""

FINDINGS = (*Finding, *STATUSES, EXPIRED, NOT_YET_VALID, KEY_COMPROMISED)


async def with_finding(request: web.Request, query: Query) -> Query:
    """Return the query of certificates, of those only that have `?finding=` if it is given. Raises `Malformed`."""
    finding = request.query.get("finding")
    if finding is None:
        return query
    if finding in STATUSES:
        return replace(query, among={"status": (STATUSES[finding].value,)})
    if finding in set(Finding):
        return replace(query, filters={**query.filters, "findings": finding})
    if finding == EXPIRED:
        return replace(query, before={"not_after": await time_asked_about(request)})
    if finding == NOT_YET_VALID:
        return replace(query, after={"not_before": await time_asked_about(request)})
    if finding == KEY_COMPROMISED:
        return replace(query, among={"public_key_hash": await _compromised(request)})
    raise Malformed.at("finding", "findings are known", f"one of {', '.join(FINDINGS)}")


async def _compromised(request: web.Request) -> tuple[str, ...]:
    """Return the hashes of the keys that were reported as compromised by the time that is asked about."""
    reported = Query(limit=ROWS_AT_ONCE, as_of=await as_of(request))
    rows = every_row(request.app[PARTS].views, key_compromises.view, reported)
    return tuple([row.public_key_hash async for row in rows])
