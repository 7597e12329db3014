"""The directories in use: one transport each, whoever asks, so that connections and nonces are shared."""

import functools
from collections.abc import Callable
from datetime import datetime

from es_pki.adapters.acme.directory import Client
from es_pki.adapters.acme.jws import AccountKey
from es_pki.adapters.acme.transport import Transport
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.trusted import trusted
from es_pki.commands.acme_account import AccountKeyOf, State, opened
from eventlog import Log


class Directories:
    """Transports by address and what is trusted; made when first asked for, within the event loop that uses them."""

    def __init__(self, keys: KeyRing, log: Log, now: Callable[[], datetime], elapsed: Callable[[], float]) -> None:
        self._keys = keys
        self._log = log
        self._now = now
        self._elapsed = elapsed
        self._transports: dict[tuple[str, str, str], Transport] = {}

    async def close(self) -> None:
        """Close all connections."""
        while self._transports:
            _, transport = self._transports.popitem()
            await transport.close()

    def transport(self, state: State) -> Transport:
        """Return the way to an account's directory. Raises `ACMEAccountMissing`."""
        prepared = opened(state).prepared
        store = prepared.trust_store_id
        at = (prepared.directory, prepared.ca_bundle, store)
        if at not in self._transports:
            by_store = functools.partial(trusted, self._log, store) if store else None
            self._transports[at] = Transport(
                prepared.directory, prepared.ca_bundle, self._now, self._elapsed, trusted=by_store
            )
        return self._transports[at]

    def key(self, account_id: str, of: AccountKeyOf | None) -> AccountKey:
        """Return a key of an account."""
        if of is None:
            raise LookupError("an account that was prepared has a key")
        return AccountKey(self._keys, account_id, of.key_id, of.public_key)

    def client(self, account_id: str, state: State) -> Client:
        """Return the account at its directory."""
        return Client(self.transport(state), self.key(account_id, state.key), opened(state).url)
