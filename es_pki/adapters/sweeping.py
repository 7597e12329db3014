"""Removes secrets from the key store that are to be removed, and that a process that died left there.

What is to be removed stands in an event; the removal follows it, and in between anything may happen. So it is looked
for once at each start. Credentials that no event ever named were kept for a record that never came; they are given a
day, since another server may be about to record them. Keys that no event names stay: a log that was restored from an
old backup doesn't know all that is in use at a directory.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from es_pki.adapters.dns.providers import CREDENTIALS
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.keyring import KeyRing
from es_pki.events.acme_account import (
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
)
from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderAdded, DNSProviderRemoved

LOG = logging.getLogger("es_pki.keys")

GRACE = timedelta(days=1)
"""How long a secret may wait for the record that names it."""


class Named(Struct):
    """Which secrets the log names: in all, and as those that are to be removed."""

    ever: set[str]
    dropped: set[str]


class Sweeper:
    """Sweeps once."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._now = now

    async def run(self) -> None:
        """Sweep; what goes wrong is told, and left for the next start."""
        try:
            removed = await self.sweep()
        except Exception:
            LOG.exception("secrets that nobody needs any more could not be looked for")
        else:
            if removed:
                LOG.warning("secrets were left behind, and removed", extra={"fields": {"keys": removed}})

    async def sweep(self) -> tuple[str, ...]:
        """Remove what is left behind; return the ids under which it lay."""
        entries = await self._keys.entries()  # before the log: what comes later is nobody's leftover
        named = await self._named()
        before = self._now() - GRACE
        removed = []
        for entry in entries:
            is_forgotten = entry.purpose == CREDENTIALS and entry.key_id not in named.ever and entry.created < before
            if entry.key_id in named.dropped or is_forgotten:
                await self._keys.discard(entry.key_id)
                removed.append(entry.key_id)
        return tuple(removed)

    async def _named(self) -> Named:
        named, bindings = Named(set(), set()), dict[str, str]()
        async for happened in self._aggregates.every(
            DNSProviderAdded,
            DNSCredentialsReplaced,
            DNSProviderRemoved,
            ACMEAccountPrepared,
            ACMEAccountRegistered,
            ACMERegistrationFailed,
            ACMEKeyRollOverFailed,
        ):
            match happened.event:
                case DNSProviderAdded(credentials_id=key_id):
                    named.ever.add(key_id)
                case DNSCredentialsReplaced(credentials_id=key_id, key_ids=key_ids):
                    named.ever.add(key_id)
                    named.dropped.update(key_ids)
                case DNSProviderRemoved(key_ids=key_ids):
                    named.dropped.update(key_ids)
                case ACMERegistrationFailed(key_ids=key_ids) | ACMEKeyRollOverFailed(key_ids=key_ids):
                    named.dropped.update(key_ids)
                case ACMEAccountPrepared(eab_mac_id=key_id):
                    bindings[happened.id] = key_id
                case ACMEAccountRegistered():  # the CA's own key was for the opening only
                    named.dropped.add(bindings.get(happened.id, ""))
                case _:
                    pass
        return named
