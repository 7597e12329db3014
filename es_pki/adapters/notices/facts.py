"""What the views say about ends, renewals and services, in the words of the rules."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from es_pki.adapters.intake.office import OWN_CERTIFICATE
from es_pki.adapters.views import ROWS_AT_ONCE, Query, ViewStore, every_row
from es_pki.commands.notices_due import DAYS_BEFORE, MISSED_RENEWALS, Expiring, Facts, Renewing, Watched
from es_pki.projections import acme_renewals, expiry_calendar, inventory, services
from es_pki.projections.acme_renewals import Status
from es_pki.projections.expiry_calendar import Kind, What
from es_pki.projections.services import DeploymentStatus, ServiceStatus

_FAILED = frozenset({DeploymentStatus.FAILED, DeploymentStatus.ROLLED_BACK})


async def facts(views: ViewStore, now: datetime) -> Facts:
    """Return what could have to be told."""
    expiring = {each.id: each async for each in _expiring(views, now)}
    async for each in _not_renewed(views):
        expiring.setdefault(each.id, each)
    watched = [each async for each in _watched(views)]
    return Facts(tuple(expiring.values()), tuple(watched))


async def _expiring(views: ViewStore, now: datetime) -> AsyncIterator[Expiring]:
    until = now + timedelta(days=DAYS_BEFORE[-1])
    soon = Query(filters={"signed": "yes", "what": What.EXPIRY}, since=now, until=until, limit=ROWS_AT_ONCE)
    async for row in every_row(views, expiry_calendar.view, soon):
        renewing = None
        if row.kind is Kind.CERTIFICATE:
            renewal = await views.get(acme_renewals.view, row.id)
            renewing = _own(row) if renewal is None else _renewing(renewal)
        yield _expires(row, renewing)


def _expires(row: expiry_calendar.Row, renewing: Renewing | None) -> Expiring:
    return Expiring(row.id, row.name, row.kind.value, row.version, row.not_before, row.not_after, renewing)


def _own(row: expiry_calendar.Row) -> Renewing | None:
    """Return when the server replaces its own certificate: when a third of its life is left."""
    if row.name != OWN_CERTIFICATE:
        return None
    return Renewing(row.version, row.not_after - (row.not_after - row.not_before) / 3)


def _renewing(row: acme_renewals.Row) -> Renewing:
    problem = f"{row.problem.type}: {row.problem.detail}" if row.problem is not None else ""
    return Renewing(row.version, row.planned_at, row.attempts, problem, row.status is Status.MISSED)


async def _not_renewed(views: ViewStore) -> AsyncIterator[Expiring]:
    """Yield what failed to be renewed, whenever it ends."""
    async for row in every_row(views, acme_renewals.view):
        if row.attempts < MISSED_RENEWALS and row.status is not Status.MISSED:
            continue
        current = await views.get(expiry_calendar.view, row.id)
        if current is not None and current.signed == "yes":
            yield _expires(current, _renewing(row))


async def _watched(views: ViewStore) -> AsyncIterator[Watched]:
    for status in (ServiceStatus.FAILED, ServiceStatus.DRIFTING, ServiceStatus.FALLEN_BACK):
        query = Query(filters={"status": status.value}, limit=ROWS_AT_ONCE)
        async for row in every_row(views, services.view, query):
            if row.certificate_id is None:
                continue
            certificate = await views.get(inventory.view, row.certificate_id)
            if certificate is not None:
                yield _as_watched(row, certificate, await _fallback(views, row))


async def _fallback(views: ViewStore, row: services.Row) -> str:
    """Return the name of the fallback while the service has that."""
    if not row.has_fallen_back or row.fallback_certificate_id is None:
        return ""
    fallback = await views.get(inventory.view, row.fallback_certificate_id)
    return fallback.name if fallback is not None else "its fallback"


def _as_watched(row: services.Row, certificate: inventory.Row, fallback: str) -> Watched:
    deployment, failed, failure, bound = row.deployment, 0, "", {row.certificate_id, row.fallback_certificate_id}
    if deployment is not None and deployment.status in _FAILED and deployment.certificate_id in bound:
        failed, failure = deployment.version, f"the step {deployment.step}: {deployment.reason}"
    return Watched(
        id=row.id,
        name=row.name,
        certificate_id=certificate.id,
        certificate=certificate.name,
        version=certificate.version,
        failed_version=failed,
        failure=failure,
        failed_fallback=deployment is not None and deployment.as_fallback,
        drift=tuple(row.served.drift) if row.served is not None else (),
        seen=row.served.detail if row.served is not None else "",
        fallback=fallback,
    )
