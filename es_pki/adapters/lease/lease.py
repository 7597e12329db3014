"""The contract of the leases. This comment is the specification.

One holder   At most one process believes that it holds the lease. What it believes ends before others may take over: it
             counts from before it asked, by a clock that goes on while it stands still.
Taken over   At once when the holder ends: its lock goes with its process, or its connection. After a term when it
             hangs: stopped, swapped out, asleep, or cut off from the network.
Fence        A holder may be stopped between asking `held` and doing something. No lease helps there, so whatever is
             done under this one goes from the state that the holder saw, or not at all: views, rebuilds and effects
             move from a position, commands from the versions of streams (`Overtaken`, `Conflict`).
Tasks        Any number of tasks of one event loop may ask `held`; one acquires.
"""

from typing import Protocol

from es_pki.adapters import clock

TERM_SECONDS = 6.0
"""How long a lease lasts that isn't renewed."""


class Overtaken(Exception):
    """Another process has moved on what this one was working on: begin again from what is stored."""


class Lease(Protocol):
    """See the module's comment for what holds of every method."""

    async def acquire(self) -> None:
        """Wait until the lease is ours; at once if it is."""
        ...

    def held(self) -> bool:
        """Tell whether it still is; ask before each step. It costs nothing: nobody else is asked."""
        ...

    async def release(self) -> None:
        """Let it go. Releasing twice is allowed."""
        ...


class Term:
    """How long a holder may believe that it holds, and how often all sides do something about it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renewal_seconds = seconds / 3
        self.look_seconds = seconds / 12
        self._end = 0.0

    def renew(self, asked: float) -> None:
        """Go on for a term; `asked` is what `clock.elapsed` said before the renewal was asked for."""
        self._end = asked + self.seconds * 5 / 6

    def end(self) -> None:
        """End it now."""
        self._end = 0.0

    @property
    def runs(self) -> bool:
        """Tell whether it hasn't ended."""
        return clock.elapsed() < self._end
