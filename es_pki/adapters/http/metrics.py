"""How this process and the installation do, for Prometheus.

What is told comes in parts. One that can't be told in time is left out, `es_pki_metrics_missing` says which: the others
are told all the same. The values of CRLs and OCSP are this process's memory: each server has to be asked for its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from aiohttp import web

from es_pki.adapters.http.counts import WITHIN_DAYS, Counted, Counts
from es_pki.adapters.http.exposition import CONTENT_TYPE, Metric, MetricType, Sample, exposition
from es_pki.adapters.http.health import ANSWER_SECONDS
from es_pki.adapters.http.lags import Lag
from es_pki.adapters.http.parts import PARTS, Parts
from es_pki.adapters.ocsp.response import Failure
from es_pki.adapters.views import Query
from es_pki.commands.revocation_list import parts_of
from es_pki.events.service import Drift
from es_pki.projections import acme_renewals, authorities
from es_pki.projections.expiry_calendar import Kind
from es_pki.projections.inventory import CertificateStatus
from es_pki.projections.notices import NoticeStatus
from es_pki.projections.services import ServiceStatus

LOG = logging.getLogger("es_pki.metrics")

COUNTS = web.AppKey("counts", Counts)

MOST_AUTHORITIES = 1_000
"""Authorities whose names are told."""

OCSP_STATUSES = ("good", "revoked", "unknown", *(failure.name.lower() for failure in Failure))
"""What an OCSP answer may say."""

Told = Sequence[Metric]


async def metrics(request: web.Request) -> web.StreamResponse:
    """Answer with metrics for Prometheus.

    Any role opens it, and nothing but a token: which authorities there are, and how many certificates, is nobody else's
    business. A scraper's token needs no more than the role viewer, who may see in the lists what is counted here.
    While the log can't be read no token can be judged: then the answer is 503, and Prometheus's `up` is 0.
    """
    parts, counts = request.app[PARTS], request.app[COUNTS]
    tellers: dict[str, Callable[[], Awaitable[Told]]] = {
        "crls": partial(_crls, parts),
        "ocsp": partial(_ocsp, parts),
        "log": partial(_log, parts),
        "reactions": partial(_reactions, parts),
        "authorities": partial(_authorities, parts),
        "counts": partial(_counts, counts),
    }
    told = await asyncio.gather(*(_attempt(part, tell) for part, tell in tellers.items()))
    missing = [Sample(int(metrics is None), {"part": part}) for part, metrics in zip(tellers, told, strict=True)]
    every = [metric for metrics in told if metrics is not None for metric in metrics]
    every.append(Metric("es_pki_metrics_missing", "Whether a part of the metrics could not be told.", missing))
    return web.Response(body=exposition(every).encode(), headers={"Content-Type": CONTENT_TYPE})


async def _attempt(part: str, tell: Callable[[], Awaitable[Told]]) -> Told | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await tell()
    except Exception:  # whatever it is, who watches has to hear of the rest
        LOG.exception("metrics are missing", extra={"fields": {"part": part}})
        return None


async def _crls(parts: Parts) -> Told:
    newest = parts.crls.newest()
    labels = {key: dict(zip(("authority_id", "crl_shard"), map(str, parts_of(key)), strict=True)) for key in newest}

    def each(name: str, says: str, value: Callable[[str], float]) -> Metric:
        return Metric(f"es_pki_{name}", says, [Sample(value(key), labels[key]) for key in newest])

    return (
        each("crl_number", "Number of the newest CRL.", lambda key: newest[key].prepared.crl_number),
        each(
            "crl_this_update_timestamp_seconds",
            "When the newest CRL was made, in seconds since 1970: its age is time() less this.",
            lambda key: newest[key].prepared.this_update.timestamp(),
        ),
        each(
            "crl_next_update_timestamp_seconds",
            "When the newest CRL ends, in seconds since 1970.",
            lambda key: newest[key].prepared.next_update.timestamp(),
        ),
        each("crl_entries", "Revoked certificates in the newest CRL.", lambda key: newest[key].entries),
        each("crl_size_bytes", "Size of the newest CRL in DER.", lambda key: len(newest[key].complete)),
        _gauge(
            "crls_due", "Lists with revocations that no CRL tells of, or a CRL without its signature.", parts.crls.due
        ),
    )


async def _ocsp(parts: Parts) -> Told:
    answered = parts.ocsp.answered
    return (
        Metric(
            "es_pki_ocsp_answers_total",
            "What this process's OCSP answers said, a status for each certificate or why there is none.",
            [Sample(answered[status], {"status": status}) for status in OCSP_STATUSES],
            MetricType.COUNTER,
        ),
        Metric(
            "es_pki_ocsp_kept_answers_total",
            "OCSP answers of this process that had been signed before.",
            [Sample(parts.ocsp.kept)],
            MetricType.COUNTER,
        ),
    )


async def _log(parts: Parts) -> Told:
    size = (await parts.log.head()).size
    return (
        _gauge("log_events", "Events in the log.", size),
        _gauge("views_lag_events", "Events that the views are behind the log.", await parts.follower.lag()),
        _gauge(
            "views_failed",
            "Whether the views can't be followed for a failure.",
            int(parts.follower.failure is not None),
        ),
    )


async def _reactions(parts: Parts) -> Told:
    pending = await parts.runner.pending()
    failing = sum(item["error"] is not None for item in pending)
    return (
        _gauge("reactions_pending", "Effects of events that are outstanding, failing ones too.", len(pending)),
        _gauge("reactions_failing", "Effects of events that failed and are tried again.", failing),
    )


async def _authorities(parts: Parts) -> Told:
    found = await parts.views.find(authorities.view, Query(limit=MOST_AUTHORITIES))
    samples = [Sample(1, {"authority_id": row.id, "authority": row.name, "status": row.status}) for row in found.rows]
    return (Metric("es_pki_authority_info", "The name and status of an authority.", samples),)


async def _counts(counts: Counts) -> Told:
    """Return what is counted now and then; what is too much to be counted is left out."""
    return list(_counted_metrics(await counts.counted()))


def _counted_metrics(counted: Counted) -> Iterator[Metric]:
    if counted.certificates is not None:
        certificates = [Sample(counted.certificates[status], {"status": status}) for status in CertificateStatus]
        yield Metric("es_pki_certificates", "Certificates by the status of their current version.", certificates)
    if counted.expiries is not None:
        expiries = [
            Sample(counted.expiries[kind, days], {"kind": kind, "within_days": str(days)})
            for kind in Kind
            for days in WITHIN_DAYS
        ]
        yield Metric("es_pki_expiries", "What expires within so many days from now.", expiries)
    if counted.services is not None:
        services = [Sample(counted.services[status], {"status": status}) for status in ServiceStatus]
        yield Metric("es_pki_services", "Services by status.", services)
    if counted.renewals is not None:
        renewals = [Sample(counted.renewals[status], {"status": status}) for status in acme_renewals.Status]
        says = "Certificates of ACME directories by how their renewal stands: failing ones are attempted again."
        yield Metric("es_pki_acme_renewals", says, renewals)
    if counted.drifts is not None:
        drifts = [Sample(counted.drifts[drift], {"drift": drift}) for drift in Drift]
        yield Metric("es_pki_service_drifts", "Services by how what they serve differs.", drifts)
    if counted.notices is not None:
        told = [Sample(counted.notices[status], {"status": status}) for status in NoticeStatus]
        yield Metric("es_pki_notices", "Notices to all channels by status.", told)
    took = [Sample(lag.took, _service(lag)) for lag in counted.lags if lag.took is not None]
    yield Metric("es_pki_service_lag_seconds", "From issued to served, of the version that a service has.", took)
    behind = [Sample(lag.behind, _service(lag)) for lag in counted.lags]
    says = "How long a service is without its certificate's current version, 0 when it has it."
    yield Metric("es_pki_service_behind_seconds", says, behind)


def _service(lag: Lag) -> dict[str, str]:
    return {"service_id": lag.service_id, "service": lag.service}


def _gauge(name: str, says: str, value: float) -> Metric:
    return Metric(f"es_pki_{name}", says, [Sample(value)])
