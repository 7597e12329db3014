"""Falling back: when a service is served another certificate than its own, and when its own comes back."""

from datetime import datetime, timedelta

from msgspec import Struct

LAST_PART = 30
LONGEST_MARGIN = timedelta(days=1)
"""A certificate that nobody renews is at its end when a thirtieth of its life is left, a day at most: time to find that
the fallback can't be deployed either."""


class Standing(Struct, frozen=True):
    """How a certificate stands by its current version.

    `holds`: it was issued, and is neither revoked nor held. `is_renewed`: it is attempted to be, until its renewal ends
    without success: `is_given_up`.
    """

    not_before: datetime
    not_after: datetime
    holds: bool = True
    is_renewed: bool = False
    is_given_up: bool = False

    def is_good(self, now: datetime) -> bool:
        """Tell whether clients accept it."""
        return self.holds and now < self.not_after

    def is_ending(self, now: datetime) -> bool:
        """Tell whether it ends, and nothing else is to be expected of it."""
        if self.is_renewed:
            return self.is_given_up
        margin = min((self.not_after - self.not_before) / LAST_PART, LONGEST_MARGIN)
        return now >= self.not_after - margin


def falls_back(own: Standing, fallback: Standing, now: datetime) -> bool:
    """Tell whether a service is to be served its fallback: that is good, and its own certificate isn't, or soon not."""
    if not fallback.is_good(now):
        return False
    if not own.is_good(now):
        return True
    return own.is_ending(now) and fallback.not_after > own.not_after
