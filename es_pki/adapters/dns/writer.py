"""How records get into a zone and out again: what every kind of DNS provider has in common."""

from typing import NamedTuple, Protocol

TTL_SECONDS = 60
"""Validators ask the zone's own servers, so nobody needs to remember a record of a challenge."""


class TXTRecord(NamedTuple):
    """A value under a name, both without a dot at their end. Others may stand beside it."""

    name: str
    value: str


class Writer(Protocol):
    """One way to change a zone. What is done again is found done. Everything raises `DNSFailed`."""

    async def add(self, record: TXTRecord) -> None:
        """Put a value beside those that the name has."""
        ...

    async def remove(self, record: TXTRecord) -> None:
        """Take a value away, if it is there; others under the name stay."""
        ...
