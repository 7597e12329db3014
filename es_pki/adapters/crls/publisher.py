"""Publishes CRLs: follows the log, holds every list's newest CRL ready, and has the next one made where it is due.

Every process follows and serves. The one that holds the lease prepares and signs: at once after a revocation, what
comes within a moment together; before the newest one runs out (`look`); and what a stopped process left unsigned. What
is due stands in the log alone, so no restart loses it. What was read of it is kept in a file from time to time, so that
a start needn't read it all again (`kept.py`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from es_pki.adapters.crls import kept
from es_pki.adapters.crls.kept import Known
from es_pki.adapters.crls.ledger import LISTED, PUBLISHED, Draft, Ledger
from es_pki.adapters.crls.maker import Built, Made, Maker
from es_pki.adapters.entropy import uuid7
from es_pki.adapters.lease import Lease
from es_pki.adapters.recorded import happened
from es_pki.commands.revocation_list import list_id, parts_of
from es_pki.decider import Refused
from es_pki.events import codec
from es_pki.events.authority import AuthorityCreated, AuthorityImported, AuthorityKeyImported
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from es_pki.events.happened import Happened
from es_pki.events.revocation_list import CRLIssued, CRLPrepared
from eventlog import Closed, Log

LOG = logging.getLogger("es_pki.crls")

ACTOR = "es-pki"

GATHER_SECONDS = 0.1
"""How long a revocation waits for others, to be published together with them."""

KEEP_AFTER = 20_000
"""Revocations that a start reads again at most: after so many, what is known is kept anew."""

LOOK_SECONDS = 1.0
"""How often a process looks whether it holds the lease by now, and between a failure and the next try."""

TYPES = LISTED | PUBLISHED | codec.stored_types_of(AuthorityCreated, AuthorityImported, AuthorityKeyImported)


class Publisher:
    """The lists of an installation as this process has followed them. `position` is how far that is, -1 before.

    `maker` makes them; `file` is where what is known is kept, None: nowhere.
    """

    def __init__(
        self, log: Log, maker: Maker, lease: Lease, now: Callable[[], datetime], file: Path | None = None
    ) -> None:
        self._log = log
        self.maker = maker
        self._lease = lease
        self._now = now
        self._file = file
        self._moved = asyncio.Event()
        self._ready = asyncio.Event()
        self._made: dict[str, Made] = {}
        self._begin(None)

    def _begin(self, known: Known | None) -> None:
        """Go on from what was kept, or from the log's beginning."""
        made = {} if known is None else known.made
        self._made |= made
        self.position = -1 if known is None else known.position
        self._ledger = Ledger(None if known is None else known.ledger)
        self._authorities = [] if known is None else list(known.authorities)
        self._prepared = {name: one.prepared for name, one in made.items()}
        self._issued = {name: one.prepared.crl_number for name, one in made.items()}
        self._unkept = 0
        self._is_there = False
        self._own: set[str] = set()
        self._newest: dict[str, int] = {}
        self._drafts: dict[str, Draft] = {}
        self._built: dict[str, Built] = {}
        self._unpublished: dict[str, tuple[Draft, CRLIssued]] = {}

    def made(self, aggregate_id: str) -> Made | None:
        """Return a list's newest CRL, None if there is none yet."""
        return self._made.get(aggregate_id)

    def made_by(self, authority_id: str) -> list[Made]:
        """Return the newest CRLs of an authority, one of each list."""
        return [made for aggregate_id, made in self._made.items() if parts_of(aggregate_id)[0] == authority_id]

    def newest(self) -> dict[str, Made]:
        """Return every list's newest CRL, by the list's aggregate id."""
        return dict(self._made)

    @property
    def due(self) -> int:
        """Return how many lists have revocations that no CRL tells of, or a CRL without its signature."""
        return len(self._ledger.stale | self._outstanding())

    async def reached(self, timeout: float) -> bool:  # noqa: ASYNC109 - an answer, not an error
        """Wait until all CRLs of before this process can be served; tell whether they can within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        return self._ready.is_set()

    async def run(self) -> None:
        """Follow and publish until cancelled or the log is closed. An event that can't be read ends it."""
        ended, file = False, self._file
        while not ended:
            try:
                self._begin(await self._known(file))
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow())
                    tasks.create_task(self._work())
            except* Closed:
                ended = True
            except* (UnknownEvent, UndecodableEvent):
                LOG.exception("the CRLs stand still: a newer release wrote to the log")
                ended = True
            except* Exception as failed:
                told = {"failures": [type(error).__name__ for error in failed.exceptions]}
                LOG.exception("the CRLs could not be followed; trying again", extra={"fields": told})
            file = None  # what was kept may be what failed
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Have the next CRL prepared of every list that has none, or whose newest one runs out soon."""
        if not self._ready.is_set():
            return
        for aggregate_id in self._lists():
            prepared = self._prepared.get(aggregate_id)
            if prepared is None or await self._runs_out(aggregate_id, prepared):
                await self._attempt(self._prepare, aggregate_id)

    async def _runs_out(self, aggregate_id: str, prepared: CRLPrepared) -> bool:
        """Tell whether the newest CRL ends soon, and before its issuer does: then no later one can hold longer."""
        next_update = prepared.next_update
        is_soon = next_update - self.maker.plan.overlap <= self._now()
        return is_soon and next_update < await self.maker.issuer_end(aggregate_id)

    def _lists(self) -> list[str]:
        """Return the lists there have to be: those that are there, and those that new certificates will name."""
        shards = [0, *range(1, self.maker.plan.shards + 1)] if self.maker.plan.shards > 1 else [0]
        wanted = (list_id(authority, shard) for authority in self._authorities for shard in shards)
        return list(dict.fromkeys((*self._prepared, *wanted)))

    def _outstanding(self) -> set[str]:
        return {key for key, prepared in self._prepared.items() if not self._is_issued(key, prepared)}

    def _is_issued(self, aggregate_id: str, prepared: CRLPrepared) -> bool:
        return self._issued.get(aggregate_id) == prepared.crl_number

    async def _known(self, file: Path | None) -> Known | None:
        """Return what was kept of this log, None if there is nothing."""
        known = None if file is None else await asyncio.to_thread(kept.read, file)
        if known is None or known.position > (await self._log.head()).size:
            return None
        is_of_this_log = await self._leaf_hash(known.position) == known.leaf_hash
        return known if is_of_this_log else None

    async def _leaf_hash(self, position: int) -> bytes:
        return await self._log.leaf_hashes(position - 1, position)

    async def _keep(self) -> None:
        """Keep what is known, unless a list waits for something: as long as a start would be quick without."""
        is_settled = not self._unpublished and self._prepared == {n: one.prepared for n, one in self._made.items()}
        if self._file is None or self._unkept < KEEP_AFTER or not is_settled:
            return
        self._unkept = 0
        known = Known(self.position, b"", tuple(self._authorities), dict(self._made), self._ledger.kept())
        known = replace(known, leaf_hash=await self._leaf_hash(known.position))
        await asyncio.to_thread(kept.write, self._file, known)

    async def _follow(self) -> None:
        size, begin = (await self._log.head()).size, max(self.position, 0)
        async for page in self._log.read_all(after=begin, until=size, types=PUBLISHED):
            for event in map(happened, page.records):
                if isinstance(event.event, CRLIssued):
                    self._newest[event.id] = event.event.crl_number
        if self.position >= size:
            self._is_there = True
            self._moved.set()
        async for page in self._log.follow(after=begin, types=TYPES):
            for record in page.records:
                self._take(happened(record))
            self.position = page.position
            if self.position >= size:
                self._is_there = True
                self._moved.set()
            await asyncio.sleep(0)

    def _take(self, event: Happened) -> None:
        match event.event:
            case CRLPrepared() as prepared:
                is_wanted = prepared.crl_number >= self._newest.get(event.id, 0)
                draft = self._ledger.draft(event, prepared, is_wanted=is_wanted)
                if draft is not None:
                    self._prepared[event.id], self._drafts[event.id] = prepared, draft
            case CRLIssued() as issued:
                self._issued[event.id] = issued.crl_number
                draft = self._drafts.get(event.id)
                if draft is not None and draft.prepared.crl_number == issued.crl_number:
                    self._unpublished[event.id] = draft, issued
            case AuthorityCreated() | AuthorityKeyImported():
                self._authorities.append(event.id)
            case AuthorityImported(key_id=str()):
                self._authorities.append(event.id)
            case AuthorityImported():
                pass  # it signs nothing here, its CRLs neither
            case _:
                self._ledger.enter(event)
                self._unkept += 1

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._moved.wait()
            if not self._is_there:
                continue
            self._moved.clear()
            for aggregate_id in list(self._unpublished):
                await self._attempt(self._publish, aggregate_id)
            self._ready.set()
            if self._lease.held():
                await self._do_what_is_due()
            await self._keep()

    async def _do_what_is_due(self) -> None:
        for aggregate_id in self._outstanding():
            await self._attempt(self._sign, aggregate_id)
        if self._ledger.stale:
            await asyncio.sleep(GATHER_SECONDS)
            for aggregate_id in self._ledger.stale - self._outstanding():
                await self._attempt(self._prepare, aggregate_id)

    async def _attempt(self, work: Callable[[str], Awaitable[None]], aggregate_id: str) -> None:
        """Do something about a list; what fails keeps no other list waiting, and is tried again."""
        try:
            await work(aggregate_id)
        except Closed:
            raise
        except Exception:
            LOG.exception("a CRL could not be issued; trying again", extra={"fields": {"list": aggregate_id}})

    async def _prepare(self, aggregate_id: str) -> None:
        now = self._now()
        request_id = uuid7(now)
        self._own.add(request_id)
        try:
            await self.maker.prepare(aggregate_id, now, request_id=request_id, actor=ACTOR)
        except Refused as refused:  # its issuer has ended, or its key is compromised: nobody would accept another one
            self._ledger.stale.discard(aggregate_id)
            LOG.warning("no CRL is issued", extra={"fields": {"list": aggregate_id, "refused": refused.detail}})

    async def _sign(self, aggregate_id: str) -> None:
        draft = self._drafts[aggregate_id]
        if draft.prepared.request_id not in self._own:
            await asyncio.sleep(GATHER_SECONDS)  # whoever prepared it is about to sign it
            if self._is_issued(aggregate_id, draft.prepared):
                return
        self._own.discard(draft.prepared.request_id)
        self._built[aggregate_id] = await self.maker.sign(aggregate_id, draft, actor=ACTOR)

    async def _publish(self, aggregate_id: str) -> None:
        """Hold the newest issued CRL ready."""
        draft, issued = self._unpublished[aggregate_id]
        built = self._built.pop(aggregate_id, None)
        if built is None or built.prepared != draft.prepared:
            built = await self.maker.build(aggregate_id, draft)
        try:
            self._made[aggregate_id] = await self.maker.put_together(aggregate_id, built, issued)
        except ValueError:  # another release wrote other bytes: the next CRL will be ours
            LOG.exception("a CRL can't be made as it was signed", extra={"fields": {"list": aggregate_id}})
            self._ledger.stale.add(aggregate_id)
        if self._unpublished[aggregate_id][0] is draft:
            del self._unpublished[aggregate_id]
        if self._drafts.get(aggregate_id) is draft:
            del self._drafts[aggregate_id]
