"""When to ask again: what a directory says in `Retry-After`, and delays that grow where it says nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from es_pki.adapters.entropy import fraction

FIRST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.6

LONGEST_RETRY_AFTER = timedelta(days=1)
"""A directory that is said to be away for longer is asked again anyway."""


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """Return when a directory wants to be asked again: seconds or an HTTP-date (RFC 9110 section 10.2.3).

    None when it doesn't say, or says nothing that can be understood; never more than a day from now.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:9]), LONGEST_RETRY_AFTER.total_seconds()))
        return now + wait
    moment = http_date(text)
    return None if moment is None else min(max(moment, now), now + LONGEST_RETRY_AFTER)


def http_date(text: str) -> datetime | None:
    """Return the time of an HTTP-date (RFC 9110 section 5.6.7), None for what is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # "-0000" is a time in UTC of which nobody knows where it was written.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def polls() -> Iterator[float]:
    """Yield seconds to wait between looks at what a directory is working on: hardly any at first, then longer."""
    seconds = FIRST_POLL_SECONDS
    while True:
        yield jittered(seconds)
        seconds = min(seconds * POLL_GROWTH, LONGEST_POLL_SECONDS)


def jittered(seconds: float) -> float:
    """Return a wait of three quarters to five quarters: many who wait don't come back all at once."""
    return seconds * (0.75 + fraction() / 2)
