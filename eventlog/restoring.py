"""What restoring decides, whatever the store: whether records can be a log in this order, and the head they make. Pure.

That a store refuses duplicates isn't enough: a version that was left out would only be found by `eventlog.verify`.
"""

from collections.abc import Sequence

from eventlog import entry, merkle
from eventlog.batch import EMPTY_HEAD
from eventlog.log import Head, Occupied, Record, TooLarge

LARGEST_NUMBER = (1 << 63) - 1
"""What every store can hold as a time."""


class Restoration:
    """Records on their way into an empty log. `head` is what those so far make."""

    def __init__(self) -> None:
        self.head: Head = EMPTY_HEAD
        self._versions: dict[str, int] = {}

    def accept(self, records: Sequence[Record]) -> list[Record]:
        """Return the next records with their leaf hashes made anew. Raises `ValueError`."""
        size, time, frontier = self.head
        accepted: list[Record] = []
        for record in records:
            accepted.append(self._checked(size + len(accepted) + 1, time, record))
            time = record.time
        frontier = merkle.extend(size, frontier, [record.leaf_hash for record in accepted])
        self.head = Head(size + len(accepted), time, frontier)
        return accepted

    def _checked(self, position: int, time: int, record: Record) -> Record:
        version = self._versions.get(record.stream, 0) + 1
        if (record.position, record.version) != (position, version):
            raise ValueError(
                f"position {record.position} has version {record.version} of stream {record.stream!r}, where "
                f"position {position} and version {version} are due"
            )
        if not time <= record.time <= LARGEST_NUMBER:
            raise ValueError(f"the time steps back at position {position}, or no log can hold it")
        self._versions[record.stream] = version
        try:
            return record._replace(leaf_hash=entry.leaf_hash(entry.encode(record)))
        except TooLarge as error:
            raise ValueError(f"position {position}: {error}") from error


def check_is_empty(size: int) -> None:
    """Raise `Occupied` unless the log has no records."""
    if size:
        raise Occupied(f"the log has {size} records: nothing is written over what is there")
