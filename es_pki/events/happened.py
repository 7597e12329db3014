"""An event with what the log knows of it: the form in which projections and reactions see it."""

from datetime import datetime
from typing import NamedTuple

from es_pki.events.codec import Event


class Happened(NamedTuple):
    """One recorded event. `stream` is `category-id`; `actor` is the principal's name that caused it.

    `type` is the newest stored type of the event, also where it lies under an old one.
    """

    position: int
    stream: str
    version: int
    time: datetime
    type: str
    actor: str
    event: Event

    @property
    def category(self) -> str:
        """The stream's kind of aggregate: `certificate`, `authority`, …"""
        return self.stream.partition("-")[0]

    @property
    def id(self) -> str:
        """The aggregate's id."""
        return self.stream.partition("-")[2]
