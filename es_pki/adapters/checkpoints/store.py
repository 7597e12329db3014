"""The contract of the store that remembers the last signed checkpoint. This comment is the specification.

Order        Sizes never decrease, and a size never gets a second root: whoever would do so is refused. Among all
             processes that share the store.
Durability   When `put` returns True, the checkpoint survives a killed process and a lost power supply.
"""

from typing import NamedTuple, Protocol


class Signed(NamedTuple):
    """A checkpoint that was signed: the log's size, its tree's root, and the note."""

    size: int
    root: bytes
    note: str


class CheckpointStore(Protocol):
    """See the module's comment for what holds of every method."""

    async def last(self) -> Signed | None:
        """Return the checkpoint that was signed last, None if none ever was."""
        ...

    async def put(self, signed: Signed) -> bool:
        """Remember a checkpoint; tell whether that was allowed: the one before is smaller, or of the same root."""
        ...

    async def close(self) -> None:
        """Release the store. Closing twice is allowed."""
        ...
