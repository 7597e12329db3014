"""Whether a backup holds what it says: every leaf and the root, versions, decodability, signature, and every key.

What only the master key can tell, that a key is the one it is said to be, shows when the key is used: it is
authenticated with its id, purpose and owner.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from es_pki.adapters.backup.contents import Manifest
from es_pki.adapters.backup.reading import Ask, Reading, reading
from es_pki.adapters.checkpoints import Signed
from es_pki.adapters.checkpoints.kept import Kept, problems_with
from es_pki.adapters.checkpoints.keys import keys_of
from es_pki.adapters.keystore.master import StoreMark
from es_pki.adapters.recorded import happened
from es_pki.commands.log_key import CATEGORY, THE_LOG
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from es_pki.events.happened import Happened
from eventlog import Damaged, Finding, Record, Report, verify_records

T = TypeVar("T")

NOTHING_KEPT = Kept("", ())

MAXIMUM_FINDINGS = 100
"""Findings of a kind, at most: the first is what matters."""

Heard = Callable[[int, int], None]
"""Hears how far a long work has come: positions done, and in all."""


class Verified(Struct, frozen=True):
    """What was found out. `lacking`: records that the kept checkpoint covers and the backup doesn't have; that they are
    missing is no fault of the backup, and not among the report's findings.

    `history` is what happened to the log's own key; `time` the last record's, in microseconds.
    """

    manifest: Manifest
    signed: Signed
    report: Report
    history: Sequence[Happened]
    time: int
    keys: int
    mark: StoreMark | None
    lacking: int


async def verify(
    path: Path, ask: Ask, kept: Kept = NOTHING_KEPT, heard: Heard = lambda _done, _total: None
) -> Verified:
    """Read a whole backup. Raises `BackupRefused`, and `BackupDamaged` when not even its beginning can be read."""
    with ExitStack() as stack:
        opened = await asyncio.to_thread(stack.enter_context, reading(path, ask))
        return await _verified(opened, kept, heard)


async def in_thread(pages: Iterator[Sequence[T]]) -> AsyncIterator[Sequence[T]]:
    """Yield pages that take long to read without keeping anybody waiting."""
    while (page := await asyncio.to_thread(next, pages, None)) is not None:
        yield page


async def _verified(opened: Reading, kept: Kept, heard: Heard) -> Verified:
    manifest, reader = opened.manifest, _Reader()
    against = kept.checkpoint
    lacking = max(against.size - manifest.size, 0) if against else 0
    reached = [opened.checkpoint, *([against] if against and not lacking else [])]
    pages = reader.listen(in_thread(opened.records()))
    report = await verify_records(pages, lambda done: heard(done, manifest.size), kept=reached)
    mark, held = None, 0
    if reader.is_at_end:
        try:
            mark, held = await _keys(opened, reader)
        except Damaged as error:
            reader.find(0, str(error))
    known = [key.verifier for key in keys_of(reader.history)]
    findings = [*report.findings, *reader.findings(), *problems_with(opened.note, kept.keys, known)]
    if against:
        findings += [problem for problem in problems_with(kept.note, kept.keys, known) if problem not in findings]
    return Verified(
        manifest=manifest,
        signed=Signed(manifest.size, manifest.root_hash, opened.note),
        report=report._replace(findings=tuple(findings)),
        history=reader.history,
        time=reader.time,
        keys=held,
        mark=mark,
        lacking=lacking,
    )


async def _keys(opened: Reading, reader: "_Reader") -> tuple[StoreMark, int]:
    """Read the keys; return the mark and how many there are."""
    mark, held = await asyncio.to_thread(opened.mark), 0
    async for page in in_thread(opened.keys()):
        held += len(page)
        for key in page:
            reader.due.pop(key.key_id, None)
    for key_id, position in list(reader.due.items())[:MAXIMUM_FINDINGS]:
        reader.find(position, f"the key {key_id} that the record names isn't in the backup")
    return mark, held


class _Reader:
    """Listens to the records that go by: whether they can be read, which keys they name, and the log's own key.

    By the names of events' fields: `key_id` is a key that the key store has from then on, `key_ids` are some that it
    needn't have any more. `due` are those it has to have, with the position that names them first.
    """

    def __init__(self) -> None:
        self.due: dict[str, int] = {}
        self.history: list[Happened] = []
        self.time = 0
        self.is_at_end = False
        self._found: list[Finding] = []

    def find(self, position: int, problem: str) -> None:
        """Note what is wrong."""
        if len(self._found) < MAXIMUM_FINDINGS:
            self._found.append(Finding(position, problem))

    def findings(self) -> list[Finding]:
        """Return what is wrong, the lowest position first."""
        return sorted(self._found)

    async def listen(self, pages: AsyncIterator[Sequence[Record]]) -> AsyncIterator[Sequence[Record]]:
        """Yield the pages; what is wrong with the file ends them."""
        async for page in pages:
            for record in page:
                self._hear(record)
            yield page
        self.is_at_end = True

    def _hear(self, record: Record) -> None:
        self.time = record.time
        try:
            recorded = happened(record)
        except (UnknownEvent, UndecodableEvent) as error:
            self.find(record.position, f"the event can't be read: {error}")
            return
        key_id: str | None = getattr(recorded.event, "key_id", None)
        if key_id is not None:
            self.due.setdefault(key_id, record.position)
        for gone in getattr(recorded.event, "key_ids", ()):
            self.due.pop(gone, None)
        if record.stream == f"{CATEGORY}-{THE_LOG}":
            self.history.append(recorded)
