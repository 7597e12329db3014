"""Bringing a backup back, into stores that have nothing.

The order is checkpoint, log, keys; each is stored whole and durably or not at all. A start in between is refused: with
a checkpoint and no log (`app.open_stores`), with a log and no keys (`keystore.master.for_what_is_there`). So whatever
stops a restore, nothing half starts, and the same restore again goes on where it was.

Where a kept checkpoint covers records that the backup lacks, the loss is the log's next record, stored together with
the others; from then on the log has another origin (docs/adr/0011-a-log-that-lost-records-has-another-origin.md).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from es_pki.adapters.backup.reading import Ask, reading
from es_pki.adapters.backup.refusals import BackupDamaged, BackupRefused
from es_pki.adapters.backup.verifying import Heard, Verified, in_thread
from es_pki.adapters.checkpoints import CheckpointStore
from es_pki.adapters.checkpoints.kept import Kept
from es_pki.adapters.keystore.sealed import SealedKey, SealedKeys
from es_pki.adapters.recorded import encode_metadata, happened, microseconds_of
from es_pki.adapters.views import ViewStore
from es_pki.commands import log_key
from es_pki.commands.log_key import THE_LOG, LogKeyDecider, RecordLogRestored
from es_pki.events import codec
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent, LogRestored
from es_pki.projections import VIEWS
from eventlog import Log, Record, entry, merkle
from eventlog.tree import Tree

ACTOR = "es-pki"
LOG_KEY: LogKeyDecider = log_key.decider
ELSEWHERE = "nothing is written over what is there: restore into an empty data folder or database"


class Target(Struct, frozen=True):
    """The stores that are filled."""

    log: Log
    keys: SealedKeys
    checkpoints: CheckpointStore
    views: ViewStore


class Loss(Struct, frozen=True):
    """A loss that is accepted: exactly so many records, why, and the log's name afterwards."""

    records: int
    reason: str
    next_origin: str


class Restored(Struct, frozen=True):
    """What was restored: so many records and keys, the log's origin from now on, and what is left to do."""

    size: int
    keys: int
    origin: str
    advice: str = ""


def record_of_loss(verified: Verified, kept: Kept, loss: Loss | None, now: datetime) -> Record | None:
    """Return the record that the log has to go on with, None when nothing is lost. Raises `BackupRefused`.

    What is lost must be said exactly, and nothing else may be: an administrator who is wrong about it learns it here.
    """
    accepted, lacking = loss.records if loss else 0, verified.lacking
    if lacking != accepted:
        raise BackupRefused(
            f"restoring this backup loses {lacking} records that the checkpoint covers, not {accepted}: find a newer"
            f" backup, or accept exactly this with --accept-loss {lacking}"
        )
    if loss is None or (checkpoint := kept.checkpoint) is None:
        return None
    state = LOG_KEY.initial
    for recorded in verified.history:
        match recorded.event:
            case LogKeyAdopted() | LogRestored() as event:
                state = LOG_KEY.evolve(state, event)
            case _:
                pass
    size, root = verified.signed.size, verified.signed.root
    command = RecordLogRestored(size, root, kept.note, checkpoint.size, loss.next_origin, loss.reason)
    for event in LOG_KEY.decide(command, state):
        return _record(event, verified, now)
    return None


def _record(event: LogKeyEvent, verified: Verified, now: datetime) -> Record:
    type_, data = codec.encode(event)
    return Record(
        position=verified.signed.size + 1,
        stream=LOG_KEY.stream(THE_LOG),
        version=len(verified.history) + 1,
        type=type_,
        time=max(verified.time, microseconds_of(now)),
        metadata=encode_metadata(ACTOR, RecordLogRestored.__name__),
        data=data,
        leaf_hash=b"",
    )


async def restore(
    path: Path, ask: Ask, verified: Verified, target: Target, *, ending: Record | None, heard: Heard
) -> Restored:
    """Fill the stores with a backup that was verified, and with the record of its loss if there is one.

    Raises `BackupRefused` before anything is written if the backup isn't sound, or anything is there that isn't this
    restore's own; `BackupDamaged` when the file isn't the one that was verified.
    """
    mark, signed = verified.mark, verified.signed
    if verified.report.findings or mark is None:
        raise BackupRefused("the backup isn't sound: es-pki backup verify says what is wrong")
    stored = await _what_is_there(target, verified, ending)
    with ExitStack() as stack:
        opened = await asyncio.to_thread(stack.enter_context, reading(path, ask))
        if not await target.checkpoints.put(signed):
            raise BackupRefused(f"another checkpoint was signed meanwhile; {ELSEWHERE}")
        if stored:
            ending = stored[-1] if len(stored) > len(verified.history) else None
            async for _ in in_thread(opened.records()):
                pass
        else:
            await target.log.restore(_again(in_thread(opened.records()), verified, ending, heard))
        if opened.mark() != mark:
            raise _changed()
        await target.keys.fill(mark, _counted(opened.keys(), verified.keys))
    return Restored(signed.size, verified.keys, _origin(verified, ending))


async def _what_is_there(target: Target, verified: Verified, ending: Record | None) -> Sequence[Record]:
    """Return the stream of the log's key if the log was restored before the keys, none for empty stores.

    Raises `BackupRefused` when anything else is there.
    """
    if not await target.keys.is_empty():
        raise BackupRefused(f"the key store isn't empty; {ELSEWHERE}")
    for view in VIEWS:
        if (await target.views.checkpoint(view), await target.views.building(view)) != (None, None):
            raise BackupRefused(f"there is a view {view.name} of another log; {ELSEWHERE}")
    last, signed, head = await target.checkpoints.last(), verified.signed, await target.log.head()
    if last not in {None, signed}:
        raise BackupRefused(f"a checkpoint was signed that isn't this backup's; {ELSEWHERE}")
    if head.size == 0:
        return ()
    stored = await target.log.read_stream(LOG_KEY.stream(THE_LOG))
    is_whole = head.size == signed.size and len(stored) == len(verified.history) and ending is None
    is_with_loss = (
        head.size == signed.size + 1
        and len(stored) == len(verified.history) + 1
        and isinstance(happened(stored[-1]).event, LogRestored)
    )
    if last is None or not (is_whole or is_with_loss) or await Tree(target.log).root(signed.size) != signed.root:
        raise BackupRefused(f"the log has {head.size} records; {ELSEWHERE}")
    return stored


def _origin(verified: Verified, ending: Record | None) -> str:
    if ending is not None:
        match happened(ending).event:
            case LogRestored(next_origin=origin):
                return origin
            case _:
                pass
    return verified.manifest.origin


async def _again(
    pages: AsyncIterator[Sequence[Record]], verified: Verified, ending: Record | None, heard: Heard
) -> AsyncIterator[Sequence[Record]]:
    """Yield the records that were verified, then the ending; raise before the end if they aren't those."""
    frontier: tuple[bytes, ...] = ()
    size = 0
    async for page in pages:
        frontier = merkle.extend(size, frontier, [entry.leaf_hash(entry.encode(record)) for record in page])
        size += len(page)
        yield page
        heard(size, verified.signed.size)
    if merkle.root(frontier) != verified.signed.root:
        raise _changed()
    if ending is not None:
        yield [ending]


def _counted(pages: Iterator[Sequence[SealedKey]], due: int) -> Iterator[Sequence[SealedKey]]:
    found = 0
    for page in pages:
        found += len(page)
        yield page
    if found != due:
        raise _changed()


def _changed() -> BackupDamaged:
    return BackupDamaged("the file was changed after it was verified")
