"""The one place of the log that reads the clock. Backends take another `now` for tests."""

import time


def now() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000
