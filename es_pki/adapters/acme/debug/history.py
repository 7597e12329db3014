"""What the log remembers of a week: orders for a certificate, and every limit that its account met."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from es_pki.adapters.acme.debug.report import Finding, fine, warning
from es_pki.adapters.acme.problems import RFC_8555
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.events.acme_order import ACMEOrderFailed, ACMEOrderHindered, ACMEOrderPlaced
from es_pki.values.acme import ACMEProblem

LATELY = timedelta(days=7)
MANY_FAILURES = 3
RATE_LIMITED = f"{RFC_8555}rateLimited"


async def history(aggregates: Aggregates, began: ACMEOrderPlaced, now: datetime) -> Finding:
    """Return how many orders there were, how many failed, and which limits were met."""
    placed: dict[str, ACMEOrderPlaced] = {}
    orders, failures = 0, 0
    limits: list[tuple[datetime, ACMEProblem]] = []
    async for happened in aggregates.every(ACMEOrderPlaced, ACMEOrderHindered, ACMEOrderFailed):
        event = happened.event
        if isinstance(event, ACMEOrderPlaced):
            placed[happened.id] = event
        order = placed.get(happened.id)
        if order is None or now - happened.time > LATELY:
            continue
        is_for_this = order.certificate_id == began.certificate_id
        orders += is_for_this and isinstance(event, ACMEOrderPlaced)
        failures += is_for_this and isinstance(event, ACMEOrderFailed)
        if isinstance(event, ACMEOrderHindered | ACMEOrderFailed) and order.account_id == began.account_id:
            limits += [(happened.time, event.problem)] if event.problem.type == RATE_LIMITED else []
    return _told(orders, failures, limits)


def _told(orders: int, failures: int, limits: Sequence[tuple[datetime, ACMEProblem]]) -> Finding:
    told = f"{orders} orders for this certificate in a week, {failures} of them failed"
    if limits:
        time, problem = limits[-1]
        told += f"; the account met a rate limit {len(limits)} times, last {time:%F %T}Z ({problem.detail})"
        return warning("history", told, "wait before you order again, and order fewer certificates with more names")
    if failures >= MANY_FAILURES:
        return warning("history", told, "directories limit failures: try their test directory first")
    return fine("history", told)
