"""Whose turn it is at a directory: so many renewals an hour, evenly, so many at a time, and the urgent ones first.

Nothing here knows the time or the network: `now` is given.
"""

from datetime import datetime, timedelta

from msgspec import Struct

HOUR = timedelta(hours=1)

BURSTS_AN_HOUR = 60
"""Turns that nobody took are kept for a sixtieth of an hour: whoever looks less often than that loses some."""


class Pace(Struct, frozen=True):
    """How many renewals may begin at one directory in an hour, and how many go on there at the same time."""

    per_hour: int = 100
    at_once: int = 4

    @property
    def burst(self) -> float:
        """Return how many may begin together after a while in which none did."""
        return max(float(self.at_once), self.per_hour / BURSTS_AN_HOUR)


class Turns:
    """The turns of one directory. However it is asked, no hour sees more than `per_hour` and one `burst` begin."""

    def __init__(self, pace: Pace, now: datetime) -> None:
        self._pace = pace
        self._left = pace.burst
        self._counted_at = now

    def take(self, now: datetime) -> bool:
        """Take a turn, and tell whether there was one."""
        # A clock that was set back gives none, and takes none.
        passed = max(now - self._counted_at, timedelta())
        self._left = min(self._left + passed / HOUR * self._pace.per_hour, self._pace.burst)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
