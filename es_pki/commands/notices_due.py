"""What is to be told, from what the views say and the time: one small rule for each kind of notice.

Nothing here knows what was told before: the same occasion is the same notice, and that is begun once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from es_pki.values.notices import NoticeKind, Occasion

DAYS_BEFORE = (1, 3, 7, 14, 30)
"""When it is told that something expires; what is told then covers the times before that nobody was told at."""

MISSED_RENEWALS = 2
"""The first failure happens to everybody; from the second on it is told."""

LATE = timedelta(hours=12)
"""A renewal that was planned for so long ago, and of which nothing is heard, isn't on its way any more."""

LONGEST = 300
"""Characters of what others said that a notice repeats."""


class Renewing(Struct, frozen=True):
    """When a version is replaced by itself, and how often that failed; `problem` is why, the last time.

    `is_missed`: it ended before it was replaced.
    """

    version: int
    at: datetime
    failures: int = 0
    problem: str = ""
    is_missed: bool = False


class Expiring(Struct, frozen=True):
    """What ends: the current version of a certificate, or an authority. `renewing` None: nobody replaces it."""

    id: str
    name: str
    what: str
    version: int
    not_before: datetime
    not_after: datetime
    renewing: Renewing | None = None


class Watched(Struct, frozen=True):
    """A service that is bound to a certificate, whose current version is `version`.

    `failed_version` is the version whose deployment failed last, 0 for none, and `failure` how; `failed_fallback` tells
    that it is one of the fallback. `drift` is how what it serves differs, and `seen` says more. `fallback` is the name
    of the fallback while the service has that, "" otherwise.
    """

    id: str
    name: str
    certificate_id: str
    certificate: str
    version: int
    failed_version: int = 0
    failure: str = ""
    failed_fallback: bool = False
    drift: tuple[str, ...] = ()
    seen: str = ""
    fallback: str = ""


class Facts(Struct, frozen=True):
    """What is known at a time."""

    expiring: Iterable[Expiring] = ()
    services: Iterable[Watched] = ()


def due(facts: Facts, now: datetime) -> Iterator[Occasion]:
    """Yield all that is to be told by now, what ends first before the rest."""
    for expiring in sorted(facts.expiring, key=lambda each: each.not_after):
        yield from _expiry(expiring, now)
        yield from _missed_renewal(expiring)
    for watched in facts.services:
        yield from _failed_deployment(watched)
        yield from _drift(watched)
        yield from _fallback(watched)


def _expiry(expiring: Expiring, now: datetime) -> Iterator[Occasion]:
    """Tell that something expires, unless its replacement is on its way.

    A version that is made for less than so many days isn't near its end when it is new.
    """
    left, life = expiring.not_after - now, expiring.not_after - expiring.not_before
    days = next((days for days in DAYS_BEFORE if left <= timedelta(days=days)), None)
    if left <= timedelta() or days is None or life <= timedelta(days=days) or is_on_its_way(expiring, now):
        return
    renewing = expiring.renewing
    further = "Nothing replaces it by itself."
    if renewing is not None:
        failed = f"it failed {renewing.failures} times: {renewing.problem}" if renewing.failures else "it is overdue"
        further = f"Its renewal was planned for {renewing.at:%F %R}Z; {failed}"
    yield Occasion(
        kind=NoticeKind.EXPIRY,
        subject_id=expiring.id,
        subject=expiring.name,
        version=expiring.version,
        title=f"The {expiring.what} {expiring.name} expires {_in(left)}",
        text=f"Version {expiring.version} ends at {expiring.not_after:%F %R}Z. {further[:LONGEST]}",
        detail=str(days),
    )


def is_on_its_way(expiring: Expiring, now: datetime) -> bool:
    """Tell whether something is replaced by itself in time: that is planned, and goes as planned."""
    renewing = expiring.renewing
    if renewing is None or renewing.version != expiring.version:
        return False
    return (
        not renewing.failures
        and not renewing.is_missed
        and now < renewing.at + LATE
        and renewing.at < expiring.not_after
    )


def _missed_renewal(expiring: Expiring) -> Iterator[Occasion]:
    """Tell that a renewal failed more than once, or came to no success at all."""
    renewing = expiring.renewing
    if renewing is None or renewing.version != expiring.version:
        return
    if renewing.failures < MISSED_RENEWALS and not renewing.is_missed:
        return
    yield Occasion(
        kind=NoticeKind.RENEWAL,
        subject_id=expiring.id,
        subject=expiring.name,
        version=expiring.version,
        title=f"The {expiring.what} {expiring.name} can't be renewed",
        text=f"The renewal of version {expiring.version}, which ends at {expiring.not_after:%F %R}Z, failed "
        f"{renewing.failures} times: {renewing.problem[:LONGEST]}",
    )


def _failed_deployment(watched: Watched) -> Iterator[Occasion]:
    """Tell that a version didn't come to a service."""
    if watched.failed_version:
        whose, detail = (" of its fallback", "fallback") if watched.failed_fallback else ("", "")
        yield Occasion(
            kind=NoticeKind.DEPLOYMENT,
            subject_id=watched.certificate_id,
            subject=watched.certificate,
            version=watched.failed_version,
            title=f"{watched.certificate} could not be deployed to {watched.name}",
            text=f"The deployment of version {watched.failed_version}{whose} failed at {watched.failure[:LONGEST]}",
            detail=detail,
            service_id=watched.id,
            service=watched.name,
        )


def _drift(watched: Watched) -> Iterator[Occasion]:
    """Tell that a service serves something else than it should."""
    for drift in watched.drift:
        yield Occasion(
            kind=NoticeKind.DRIFT,
            subject_id=watched.certificate_id,
            subject=watched.certificate,
            version=watched.version,
            title=f"{watched.name} doesn't serve {watched.certificate}: {drift}",
            text=f"Version {watched.version} should be served. Seen: {watched.seen[:LONGEST] or 'nothing'}",
            detail=drift,
            service_id=watched.id,
            service=watched.name,
        )


def _fallback(watched: Watched) -> Iterator[Occasion]:
    """Tell that a service has its fallback."""
    if watched.fallback:
        yield Occasion(
            kind=NoticeKind.FALLBACK,
            subject_id=watched.certificate_id,
            subject=watched.certificate,
            version=watched.version,
            title=f"{watched.name} has fallen back from {watched.certificate} to {watched.fallback}",
            text=f"Version {watched.version} ends, and no other came. The next one will be deployed again.",
            service_id=watched.id,
            service=watched.name,
        )


def _in(left: timedelta) -> str:
    """Say how soon something is."""
    hours = int(left / timedelta(hours=1))
    if hours < 48:
        return f"in {hours} hour{'s' * (hours != 1)}"
    return f"in {left.days} days"
