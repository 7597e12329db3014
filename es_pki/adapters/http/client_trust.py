"""By whose word clients' certificates are taken at the management API: a trust store's, as it is at that moment."""

import asyncio
import logging

from es_pki.adapters.http.tls import ListenerTLS
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import TRUST_STORE
from es_pki.adapters.trusted import Trusted, trusted
from es_pki.events import codec
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated
from eventlog import Closed, Log

LOG = logging.getLogger("es_pki.http")

PAUSE_SECONDS = 1.0
"""Between a failure to follow the log and the next try."""

CHANGES = codec.stored_types_of(TrustStoreCreated, CertificateTrusted, CertificateDistrusted)
"""The stored types of the events that may change what a store trusts."""


class ClientTrust:
    """The store of this name, for requests (`now`) and for the listener's handshakes (`run`)."""

    def __init__(self, name: str, log: Log, aggregates: Aggregates, listener: ListenerTLS) -> None:
        self._name = name
        self._log = log
        self._aggregates = aggregates
        self._listener = listener
        self._known = (0, Trusted(name, ()))

    async def now(self) -> Trusted:
        """Return what the store trusts, as the log has it now; nothing while there is no such store."""
        trust_store_id = await self._aggregates.owner(f"trust_store_name-{self._name}", for_ever=True)
        if trust_store_id is None:
            return Trusted(self._name, ())
        version = (await self._aggregates.load(TRUST_STORE, trust_store_id, afresh=True)).version
        if version != self._known[0]:
            self._known = version, await trusted(self._log, trust_store_id)
        return self._known[1]

    async def run(self) -> None:
        """Have handshakes go by the store, and by what becomes of it, until cancelled or the log is closed."""
        while True:
            try:
                position = (await self._log.head()).size
                await self._apply()
                async for _ in self._log.follow(after=position, types=CHANGES):
                    await self._apply()
            except Closed:
                return
            except Exception:
                LOG.exception("the log can't be followed: handshakes go by the trust store as it was; trying again")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _apply(self) -> None:
        now = await self.now()
        if not now.certificates:
            told = {"trust_store": self._name}
            LOG.warning("no client's certificate is accepted: the trust store has none", extra={"fields": told})
        self._listener.trust(now.certificates)
