"""Checking a log against its own evidence. Finds any record that was changed, removed, inserted or reordered.

What was cut off at the end together with the head, or rewritten with every hash up to it, shows only against a
checkpoint kept elsewhere: hand it to `verify`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from eventlog import entry, merkle
from eventlog.log import Damaged, Head, Log, Record, TooLarge
from eventlog.note import Checkpoint

MAXIMUM_FINDINGS = 100
"""Findings in a report, at most, besides those about checkpoints: the first is what matters."""


class Finding(NamedTuple):
    """A contradiction: the first position it concerns (0: the log as a whole) and a sentence about it."""

    position: int
    problem: str


class Report(NamedTuple):
    """What was read: the number of records, their tree's root hash, and what is wrong (empty: the log is sound)."""

    size: int
    root: bytes
    findings: tuple[Finding, ...]


Heard = Callable[[int, int], None]
"""Hears how far a long work has come: positions done, and in all as far as the head says."""


async def verify(log: Log, heard: Heard = lambda _done, _total: None, *, kept: Sequence[Checkpoint] = ()) -> Report:
    """Read the whole log and recompute its evidence. Works on damaged stores; raises only `Unavailable`.

    `kept` are checkpoints that the log must continue; whose they are and who signed them isn't looked at.
    The log may grow meanwhile: what was there at the beginning is compared with the head of that moment.
    """
    audit = _Audit(kept)
    before = await _head_before(log)
    try:
        async for records in log.scan():
            for record in records:
                if before is not None and record.position == before.size + 1:
                    audit.compare_tree(before)
                audit.look_at(record)
            audit.fold()
            heard(audit.position, max(audit.position, before.size if before else 0))
            if len(audit.findings) >= MAXIMUM_FINDINGS:
                return audit.report()
        audit.compare_kept()
        after = await log.head()
        if before is None or after.size <= audit.position or audit.position < before.size:
            audit.compare(after)
        elif audit.position == before.size:
            audit.compare(before)
    except Damaged as error:
        audit.find(audit.position + 1, f"the store can't be read further: {error}")
    return audit.report()


async def _head_before(log: Log) -> Head | None:
    """Return the head, None when it can't be read: reading it at the end says so, after what the records say."""
    try:
        return await log.head()
    except Damaged:
        return None


class _Audit:
    """The state of one reading."""

    def __init__(self, kept: Sequence[Checkpoint]) -> None:
        self.findings: list[Finding] = []
        self._contradicted: list[Finding] = []
        self._kept = sorted(kept, key=lambda checkpoint: checkpoint.size, reverse=True)
        self.position = 0
        self.size = 0
        self.frontier: tuple[bytes, ...] = ()
        self._time = 0
        self._versions: dict[str, int] = {}
        self._leaves: list[bytes] = []
        self._steps_back: list[int] = []

    def find(self, position: int, problem: str) -> None:
        """Note a contradiction."""
        self.findings.append(Finding(position, problem))

    def look_at(self, record: Record) -> None:
        """Check a record against those before it; what is wrong is believed afterwards, to be said once."""
        self.compare_kept(up_to=self.size + len(self._leaves))
        expected = self.position + 1
        if record.position > expected:
            self.find(expected, f"missing: the next record is at position {record.position}")
        elif record.position < expected:
            self.find(record.position, "a record where none can be")
        version = self._versions.get(record.stream, 0) + 1
        if record.version != version:
            problem = f"version {record.version} of stream {record.stream!r} stands where {version} is due"
            self.find(record.position, problem)
        self._leaves.append(self._leaf_hash(record))
        if record.time < self._time and not self._is_found(record.position - 1, record.position):
            self._steps_back.append(record.position - 1)
        self.position = max(self.position, record.position)
        self._versions[record.stream] = record.version
        self._time = record.time

    def fold(self) -> None:
        """Add the leaves seen since the last time to the tree."""
        self.frontier = merkle.extend(self.size, self.frontier, self._leaves)
        self.size += len(self._leaves)
        self._leaves.clear()

    def compare(self, head: Head) -> None:
        """Check the head against the records."""
        if head.size > self.position:
            self.find(self.position + 1, f"missing: the head says that the log ends at position {head.size}")
        elif head.size < self.position:
            self.find(head.size + 1, f"a record beyond the head, which is at position {head.size}")
        else:
            self.compare_tree(head)
        if not self.findings and head.time != self._time:
            self.find(0, "the head's time isn't the last record's")

    def compare_kept(self, up_to: int | None = None) -> None:
        """Compare the records read so far with the checkpoints up to a size; None: with all that are left.

        What differs is always said, behind what names a position: that is why they were kept.
        """
        while self._kept and (up_to is None or self._kept[-1].size <= up_to):
            kept = self._kept.pop()
            self.fold()
            if self.size < kept.size:
                problem = f"the checkpoint is over {kept.size} records, the log has {self.size}: its end was cut off"
                self._contradicted.append(Finding(0, problem))
            elif merkle.root(self.frontier) != kept.root:
                problem = f"the first {kept.size} records aren't those of the checkpoint: history was rewritten"
                self._contradicted.append(Finding(0, problem))

    def report(self) -> Report:
        """Return what was found, the lowest position first."""
        self._tell_steps_back(0)
        findings = sorted(self.findings, key=lambda finding: finding.position)
        found = (*findings[:MAXIMUM_FINDINGS], *self._contradicted)
        return Report(self.size, merkle.root(self.frontier), found)

    def compare_tree(self, head: Head) -> None:
        """Compare the subtrees. One that differs because of what was found in it isn't said again."""
        self.fold()
        if self.size != head.size:
            return
        if len(head.frontier) != len(self.frontier):
            self.find(0, "the head's tree hasn't as many hashes as its size asks for")
            return
        ranges = merkle.subtrees(self.size)
        differing = [
            place
            for place, stored, folded in zip(ranges, head.frontier, self.frontier, strict=True)
            if stored != folded
        ]
        self._tell_steps_back(differing[0][0] - 1 if differing else self.size)
        for first, last in differing:
            if not self._is_found(first, last):
                self.find(first, f"the records of positions {first} to {last} aren't those that were appended")

    def _tell_steps_back(self, intact: int) -> None:
        """Note where the time steps back: either record may be wrong, but none of the first `intact` is."""
        for position in self._steps_back:
            self.find(position + 1 if position <= intact else position, "the time steps back here")
        self._steps_back.clear()

    def _is_found(self, first: int, last: int) -> bool:
        return any(first <= finding.position <= last for finding in self.findings)

    def _leaf_hash(self, record: Record) -> bytes:
        try:
            leaf = entry.leaf_hash(entry.encode(record))
        except (ValueError, TooLarge) as error:
            self.find(record.position, f"the record cannot have been appended: {error}")
            return record.leaf_hash
        if leaf != record.leaf_hash:
            self.find(record.position, "the record's content isn't what its leaf hash was made of")
        return leaf
