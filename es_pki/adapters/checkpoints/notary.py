"""Signs checkpoints of the log, and nothing that contradicts what it signed before (C2SP tlog-checkpoint).

Before a signature the root is made anew from the stored records, must be the one that the log's head names, and must
continue the last signed checkpoint. Before anyone sees the signature it is remembered durably: whatever crashes, is
restored or runs beside, sizes never decrease and no size has two roots.
"""

import asyncio
import logging

from es_pki.adapters.checkpoints.keys import SIGNING, LogKey, log_keys
from es_pki.adapters.checkpoints.store import CheckpointStore, Signed
from es_pki.adapters.keyring import KeyRing
from es_pki.commands.log_key import CATEGORY, THE_LOG, LogKeyMissing
from eventlog import Closed, Damaged, Log, note
from eventlog.note import Checkpoint, Signature
from eventlog.tree import Tree, derive

LOG = logging.getLogger("es_pki.checkpoints")

LOOK_SECONDS = 60.0
"""How often a checkpoint is made though nobody asks: what contradicts the last one is noticed soon."""


class Inconsistent(Exception):
    """The log contradicts itself or a checkpoint that was signed before. It is not signed; the message says why."""


class Notary:
    """Makes the log's checkpoints. `Tree` is the log's."""

    def __init__(self, log: Log, tree: Tree, keys: KeyRing, store: CheckpointStore) -> None:
        self._log = log
        self._tree = tree
        self._keys = keys
        self._store = store
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Make a checkpoint now and then, until cancelled or the log is closed; a failure is logged."""
        while True:
            try:
                await self.checkpoint()
            except Closed:
                return
            except Inconsistent as error:
                LOG.error("the log is not signed", extra={"fields": {"problem": str(error)}})  # noqa: TRY400 - it says all
            except Exception:
                LOG.exception("no checkpoint could be signed; trying again")
            await asyncio.sleep(LOOK_SECONDS)

    async def checkpoint(self) -> Signed:
        """Return the newest checkpoint, signed anew if the log has grown since the last.

        Raises `Inconsistent`, `LogKeyMissing`, `LogError`, and what key and checkpoint stores raise.
        """
        async with self._turn:
            while True:
                last = await self._store.last()
                try:
                    signed = await self._next(last)
                except Damaged as error:
                    raise Inconsistent(f"the log contradicts itself: {error}") from error
                if signed == last or await self._store.put(signed):
                    return signed
                # Another server has signed meanwhile: its checkpoint is now the one to continue.

    async def _next(self, last: Signed | None) -> Signed:
        """Return the checkpoint that follows; the last one itself if the log hasn't grown."""
        head = await self._log.head()
        if last is not None:
            await self._check_continues(last, head.size)
            if head.size == last.size:
                return last
        root = await derive(self._log, self._tree, head, trusted=last.size if last else 0)
        keys = [key for key in await log_keys(self._log) if key.position <= head.size][-SIGNING:]
        if not keys:
            raise LogKeyMissing("the log has no signing key yet")
        text = note.body(Checkpoint(keys[-1].adopted.origin, head.size, root))
        signatures = [await self._signature(key, text.encode()) for key in reversed(keys)]
        return Signed(head.size, root, note.signed(text, signatures))

    async def _check_continues(self, last: Signed, size: int) -> None:
        if size < last.size:
            raise Inconsistent(f"a checkpoint over {last.size} records was signed, and the log has only {size}")
        if await self._tree.root(last.size) != last.root:
            raise Inconsistent(f"the log's first {last.size} records aren't those whose checkpoint was signed")

    async def _signature(self, key: LogKey, text: bytes) -> Signature:
        signature = await self._keys.sign(text, key.adopted.key_id, purpose=CATEGORY, owner=THE_LOG)
        return Signature(key.verifier.name, key.verifier.key_id, signature)
