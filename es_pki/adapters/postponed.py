"""What an effect raises that can't be done now, and knows when it may be."""

from datetime import datetime


class Postponed(Exception):
    """Not before `until`: that was recorded, with its reason, by whoever raises this."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(f"{reason} (until {until:%F %T}Z)")
        self.until = until
        self.reason = reason
