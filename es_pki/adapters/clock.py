"""The one place where es-pki reads the clock."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Return seconds since the machine started: never set back, and counted on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
