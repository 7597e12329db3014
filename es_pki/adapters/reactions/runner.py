"""The durable runner: follows the log, remembers what is due, and does it until it is done.

The request that prepared something usually settles it at once: an effect is left alone for a grace time first.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from es_pki.adapters.lease import Lease, Overtaken
from es_pki.adapters.postponed import Postponed
from es_pki.adapters.reactions.store import EffectStore, Outstanding
from es_pki.adapters.recorded import happened
from es_pki.commands.reactions import REACTED_TO, SETTLED_BY_DOING, Due, Effect, Settled, react
from es_pki.events.happened import Happened
from eventlog import Closed, Log

LOG = logging.getLogger("es_pki.reactions")

GRACE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
LOOK_SECONDS = 1.0

AT_ONCE = 4
"""Effects that are tried at the same time."""

GATHER_SECONDS = 0.5
"""Between pages: what is due and settled within one page costs nothing."""

CHECKPOINT_POSITIONS = 5_000
"""How many positions are read again after a restart, at most, when nothing was due in them."""

AT_ONCE = 64
"""Effects that are performed at the same time, at most."""

_DECODER = msgspec.json.Decoder(Effect)


class Runner:
    """Performs effects at least once while it holds the lease; `perform` must find done effects done."""

    def __init__(
        self,
        log: Log,
        store: EffectStore,
        lease: Lease,
        perform: Callable[[Effect], Awaitable[None]],
        now: Callable[[], datetime],
        *,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._log = log
        self._store = store
        self._lease = lease
        self._perform = perform
        self._now = now
        self._grace = grace
        self._performing: set[str] = set()
        self._is_due = asyncio.Event()

    async def run(self) -> None:
        """Follow and perform until cancelled or the log is closed."""
        closed = False
        while not closed:
            try:
                while not self._lease.held():
                    await asyncio.sleep(LOOK_SECONDS)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow())
                    tasks.create_task(self._work(tasks))
            except* Closed:
                closed = True
            except* Overtaken as overtaken:
                LOG.warning("the reactions are another's", extra={"fields": {"because": str(overtaken.exceptions[0])}})
            except* Exception as failed:
                told = {"failures": [type(error).__name__ for error in failed.exceptions]}
                LOG.exception("the reactions could not go on; trying again", extra={"fields": told})
            await asyncio.sleep(LOOK_SECONDS)

    async def pending(self) -> Sequence[dict[str, object]]:
        """Return what is outstanding or failing, the next to be tried first."""
        return [
            {
                "effect": msgspec.Raw(item.effect),
                "attempts": item.attempts,
                "next": datetime.fromtimestamp(item.next, self._now().tzinfo),
                "error": item.error,
            }
            for item in await self._store.outstanding()
        ]

    async def _follow(self) -> None:
        recorded = await self._checkpoint()
        async for page in self._log.follow(after=recorded, types=REACTED_TO):
            self._check_lease()
            due, settled = self._sorted(happened(record) for record in page.records)
            if due or settled or page.position - recorded >= CHECKPOINT_POSITIONS:
                await self._store.record(due, settled, page.position, after=recorded)
                recorded = page.position
            if due:
                self._is_due.set()
            await asyncio.sleep(GATHER_SECONDS)

    async def _checkpoint(self) -> int:
        """Return where to go on: at the beginning when an older log was put back, whose end is before that."""
        recorded = await self._store.checkpoint()
        if recorded <= (size := (await self._log.head()).size):
            return recorded
        told = {"reacted_to": recorded, "size": size}
        LOG.warning("the log ends before what was reacted to; beginning anew", extra={"fields": told})
        await self._store.forget(after=recorded)
        return 0

    def _sorted(self, events: Iterable[Happened]) -> tuple[list[Outstanding], list[str]]:
        """Return what events make due and what they settle; what does both within a page costs nothing."""
        due: dict[str, Outstanding] = {}
        settled: list[str] = []
        for event in events:
            for outcome in react(event):
                encoded = msgspec.json.encode(outcome.effect)
                match outcome:
                    case Due():
                        at = event.time.timestamp() + (0.0 if outcome.at_once else self._grace)
                        due[encoded.decode()] = Outstanding(encoded.decode(), encoded, at, 0, at, None)
                    case Settled():
                        if due.pop(encoded.decode(), None) is None:
                            settled.append(encoded.decode())
        return list(due.values()), settled

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        """Perform what is due, each for itself: one that hangs or fails holds up nobody."""
        while True:
            self._is_due.clear()
            for item in await self._store.outstanding():
                self._check_lease()
                is_free = item.id not in self._performing and len(self._performing) < AT_ONCE
                if is_free and self._is_time(item):
                    self._performing.add(item.id)
                    tasks.create_task(self._try(item))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._is_due.wait()
            self._check_lease()

    def _is_time(self, item: Outstanding) -> bool:
        """Tell whether an effect is to be tried; also when it would be later than ever: the clock has stepped back."""
        wait = item.next - self._now().timestamp()
        return wait <= 0 or wait > 2 * LONGEST_PAUSE_SECONDS + self._grace

    def _check_lease(self) -> None:
        if not self._lease.held():
            raise Overtaken("the lease is lost")

    async def _try(self, item: Outstanding) -> None:
        try:
            effect = _DECODER.decode(item.effect)
            await self._perform(effect)
            if isinstance(effect, SETTLED_BY_DOING):
                await self._store.settle(item.id)
        except Closed:
            raise
        except Postponed as postponed:
            latest = self._now().timestamp() + LONGEST_PAUSE_SECONDS
            again = min(postponed.until.timestamp(), latest)
            await self._store.failed(item.id, postponed.reason, again, attempts=item.attempts)
        except Exception as error:
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**item.attempts)
            jitter = pause * secrets.randbelow(250) / 1000
            LOG.exception("an effect failed", extra={"fields": {"effect": item.id, "attempts": item.attempts + 1}})
            again = self._now().timestamp() + pause + jitter
            told_as = f"{type(error).__name__}: {error}"[:500]
            await self._store.failed(item.id, told_as, again, attempts=item.attempts)
        else:
            LOG.info("an effect was performed", extra={"fields": {"effect": item.id}})
        finally:
            self._performing.discard(item.id)
