"""The DNS providers at work: who answers for a name, and records that are written, found and removed.

Nothing is believed that isn't seen: a record is there when every name server of its zone has it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator, Mapping
from weakref import WeakValueDictionary

from msgspec import Struct

from es_pki.adapters import clock
from es_pki.adapters.dns.dynamic_update import DynamicUpdater
from es_pki.adapters.dns.hook import Hook, HookRules
from es_pki.adapters.dns.lexicon import Lexicon
from es_pki.adapters.dns.lookup import Lookup, NameServer, named, values_at
from es_pki.adapters.dns.problems import DNSFailed, NoProvider
from es_pki.adapters.dns.survey import survey
from es_pki.adapters.dns.writer import TXTRecord, Writer
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import DNS_PROVIDER
from es_pki.adapters.keyring import KeyRing
from es_pki.commands.dns_provider import usable, zone_stream
from es_pki.values.dns import DNSSettings, DynamicUpdates, HookProgram, LexiconProvider

CREDENTIALS = "dns_credentials"
"""The purpose under which credentials lie in the key store."""

PROPAGATION_SECONDS = 180.0
"""How long a record may take to every name server of its zone."""

CHECK_SECONDS = 30.0
"""The same while somebody waits for the answer."""

FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 5.0


class Provider(Struct, frozen=True):
    """A DNS provider with its credentials; never shown."""

    zones: tuple[str, ...]
    settings: DNSSettings
    name_servers: tuple[str, ...]
    secret: bytes

    def __repr__(self) -> str:
        """Show no credentials."""
        return f"Provider({self.zones!r})"


class DNSProviders:
    """See the module. Everything raises `DNSFailed`."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, lookup: Lookup, hooks: HookRules) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._lookup = lookup
        self._hooks = hooks
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def provider_for(self, name: str) -> Provider:
        """Return who answers for a name: the provider with the longest zone above it."""
        provider_id = await self._owner(name)
        if provider_id is None:
            raise NoProvider(name)
        return await self.provider(provider_id)

    async def answering(self, host: str) -> str | None:
        """Return the id of whoever proves a host's name, None: nobody. An alias is followed if it can be asked for."""
        name = f"_acme-challenge.{host}"
        with contextlib.suppress(DNSFailed):
            name = await self.place(name)
        return await self._owner(name)

    async def _owner(self, name: str) -> str | None:
        for zone in _above(name):
            provider_id = await self._aggregates.owner(zone_stream(zone))
            if provider_id is not None:
                return provider_id
        return None

    async def provider(self, provider_id: str) -> Provider:
        """Return a provider with its credentials. Raises `DNSProviderMissing`."""
        state = (await self._aggregates.load(DNS_PROVIDER, provider_id, afresh=True)).state
        added, secret = usable(state), b""
        if state.credentials_id:
            secret = await self._keys.secret(state.credentials_id, purpose=CREDENTIALS, owner=provider_id)
        return Provider(added.zones, added.settings, added.name_servers, secret)

    async def place(self, name: str) -> str:
        """Return where the record of a name has to be: where its aliases lead."""
        return await self._lookup.target(name)

    async def add(self, provider: Provider, record: TXTRecord, seconds: float = PROPAGATION_SECONDS) -> None:
        """Put a value beside those that the name has, and wait until every name server has it."""
        async with self._turn(record):
            await self._writer(provider).add(record)
        if lacking := await self._watched(provider, record, seconds, is_there=True):
            raise DNSFailed(f"the record is not at {', '.join(lacking)} after {seconds:.0f} seconds")

    async def remove(self, provider: Provider, record: TXTRecord) -> None:
        """Take a value away, if it is there; others under the name stay."""
        if not await self._is_anywhere(provider, record):
            return
        async with self._turn(record):
            await self._writer(provider).remove(record)

    async def is_everywhere(self, provider: Provider, record: TXTRecord) -> bool:
        """Tell whether every name server of the zone has the value."""
        return not await self._differing(provider, record, is_there=True)

    async def survey(self, provider: Provider | None, name: str) -> Mapping[str, frozenset[str] | DNSFailed]:
        """Return the TXT values of a name by name server, or why that doesn't say."""
        if provider is not None and provider.name_servers:
            return await survey(self._lookup, name, tuple(await asyncio.gather(*map(named, provider.name_servers))))
        return await survey(self._lookup, name)

    async def check(self, provider: Provider) -> None:
        """Write, find and remove a record of a drawn name in each zone."""
        for zone in provider.zones:
            name = f"_acme-challenge.es-pki-{secrets.token_hex(8)}.{zone}"
            record = TXTRecord(name, secrets.token_urlsafe(32))
            try:
                await self.add(provider, record, CHECK_SECONDS)
            except BaseException:
                with contextlib.suppress(DNSFailed):  # it may never have been there: what went wrong first is told
                    await self._writer(provider).remove(record)
                raise
            await self._writer(provider).remove(record)
            if keeping := await self._watched(provider, record, CHECK_SECONDS, is_there=False):
                raise DNSFailed(f"the record is still at {', '.join(keeping)} after {CHECK_SECONDS:.0f} seconds")

    def _writer(self, provider: Provider) -> Writer:
        match provider.settings:
            case DynamicUpdates() as settings:
                return DynamicUpdater(settings, provider.secret, self._lookup)
            case HookProgram() as settings:
                return Hook(settings, provider.secret, self._hooks)
            case LexiconProvider() as settings:
                return Lexicon(settings, provider.secret, self._lookup)

    def _turn(self, record: TXTRecord) -> asyncio.Lock:
        """Return the turn of a name: what reads all values and writes them back would lose one of two at once."""
        return self._turns.setdefault(record.name, asyncio.Lock())

    async def _watched(
        self, provider: Provider, record: TXTRecord, seconds: float, *, is_there: bool
    ) -> tuple[str, ...]:
        """Wait until all name servers say the same; return those that don't in time, with what they say."""
        deadline, pause = clock.elapsed() + seconds, FIRST_LOOK_SECONDS
        while True:
            differing = await self._differing(provider, record, is_there=is_there)
            if not differing or clock.elapsed() + pause > deadline:
                return differing
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)

    async def _differing(self, provider: Provider, record: TXTRecord, *, is_there: bool) -> tuple[str, ...]:
        async def differs(server: NameServer) -> str:
            try:
                return "" if (record.value in await values_at(server, record.name)) == is_there else server.name
            except DNSFailed as failed:
                return f"{server.name} ({failed.detail})"

        found = await asyncio.gather(*map(differs, await self._name_servers(provider, record)))
        return tuple(name for name in found if name)

    async def _is_anywhere(self, provider: Provider, record: TXTRecord) -> bool:
        """Tell whether any name server has the value; one that doesn't answer might."""
        return bool(await self._differing(provider, record, is_there=False))

    async def _name_servers(self, provider: Provider, record: TXTRecord) -> tuple[NameServer, ...]:
        if provider.name_servers:
            return tuple(await asyncio.gather(*map(named, provider.name_servers)))
        return await self._lookup.name_servers(await self._lookup.zone_of(record.name))


def _above(name: str) -> Iterator[str]:
    """Yield a name and those above it."""
    labels = name.split(".")
    for index in range(len(labels)):
        yield ".".join(labels[index:])
