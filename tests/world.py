"""An es-pki inside the test's process, without listeners, whose stores can be made to fail at any call."""

from pathlib import Path
from typing import Any

from es_pki.adapters import clock
from es_pki.adapters.acme.dns_01 import DNS01
from es_pki.adapters.acme.dns_persist_01 import DNSPersist01
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.crls import CRLPlan, Maker
from es_pki.adapters.deployment import Allowed, CHAPRotator, Deployer, Observer
from es_pki.adapters.dns.hook import HookRules
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.providers import DNSProviders
from es_pki.adapters.examination import Examination, examine
from es_pki.adapters.fetching import Fetcher, networks
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.desk import Desk
from es_pki.adapters.intake.first_run import FirstRun
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import Request
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore.master import from_file
from es_pki.adapters.keystore.sqlite import SQLiteKeyStore
from es_pki.adapters.lease import FileLease
from es_pki.adapters.lint import SecondOpinion
from es_pki.adapters.notices.courier import Courier
from es_pki.adapters.notices.sender import Sender
from es_pki.adapters.reactions import Performer, Runner
from es_pki.adapters.reactions.store import SQLiteEffects
from es_pki.adapters.signing import Signer
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.adapters.worker import Workers
from es_pki.app import Aggregates
from es_pki.values import Locations, Role
from eventlog import Log

ALICE = Caller("alice", frozenset(Role))


NOTHING_ALLOWED = Allowed()
NO_HOOKS = HookRules()


class Fault(OSError):
    """What a store raises when its disk fails."""


class Failing:
    """A store that fails at its k-th call, before or after doing what it was asked."""

    def __init__(self, store: Any, methods: set[str], at: int, *, after: bool) -> None:
        self._store, self._methods, self._after = store, methods, after
        self._left = at

    @property
    def failed(self) -> bool:
        """Whether the k-th call came."""
        return self._left <= 0

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._store, name)
        if name not in self._methods:
            return original

        async def counted(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Fault(name)
            answer = await original(*arguments, **options)
            if self._left == 0:
                raise Fault(name)
            return answer

        return counted


class World:
    """One process's es-pki on the given stores."""

    def __init__(
        self,
        log: Log,
        keys: Any,
        allowed: Allowed = NOTHING_ALLOWED,
        lookup: Lookup | None = None,
        webroots: tuple[str, ...] = (),
        *,
        hooks: HookRules = NO_HOOKS,
    ) -> None:
        self.log, self.keys = log, KeyRing(keys)
        self.aggregates = Aggregates(log)
        self.workers = Workers()
        self.signer = Signer(self.aggregates, self.keys, clock.now)
        lookup = lookup or Lookup()
        self.dns = DNSProviders(self.aggregates, self.keys, lookup, hooks)
        further: dict[str, Any] = {"listens_by_tls": True, "webroots": webroots}
        by_dns = DNS01(self.dns), DNSPersist01(lookup, clock.now)
        self.acme = ACME.of(self.aggregates, self.keys, clock.now, clock.elapsed, *by_dns, **further)
        self.deployer = Deployer(self.aggregates, self.keys, allowed, clock.now)
        self.rotator = CHAPRotator(self.aggregates, self.keys, allowed)
        self.performer = Performer(
            self.aggregates, self.keys, self.signer, self.acme, deployer=self.deployer, rotator=self.rotator
        )
        self.observer = Observer(self.aggregates, clock.now)
        self.fetcher = Fetcher(networks(["127.0.0.0/8"]))
        self.sender = Sender(self.aggregates, Courier(self.aggregates, self.keys, log, self.fetcher), clock.now)
        crls = Maker(self.aggregates, self.keys, _locations, CRLPlan())
        office = Office(
            aggregates=self.aggregates,
            keys=self.keys,
            signer=self.signer,
            locations=_locations,
            workers=self.workers,
            second_opinion=SecondOpinion(self.workers),
            crls=crls,
            acme=self.acme,
            dns=self.dns,
            allowed=allowed,
            observer=self.observer,
            sender=self.sender,
        )
        self.desk = Desk(office)

    async def set_up(self) -> None:
        """Make the log's key, root and intermediate."""
        await self.name_log("pki.example.test/log")
        await FirstRun(self.desk, self.aggregates, self.signer, clock.now).authorities("Example")

    async def name_log(self, origin: str) -> None:
        """Make the log's key, unless it is there; "" wants any origin."""
        await FirstRun(self.desk, self.aggregates, self.signer, clock.now).log_key(origin)

    async def ask(self, request: Request, key: str = "") -> Answer:
        """Hand a request in as alice."""
        return await self.desk.take(request, Asked(ALICE, clock.now(), key))

    async def examine(self) -> Examination:
        """Read what the log says."""
        return await examine(self.log)


async def open_keys(folder: Path) -> SQLiteKeyStore:
    """Open the key store of a folder."""
    return await SQLiteKeyStore.open(folder / "keys.db", from_file(folder / "master.key"))


class Reacting:
    """The runner of a world's reactions, without grace, on its own store."""

    def __init__(self, world: World, views: SQLiteViews, folder: Path) -> None:
        self.effects = SQLiteEffects(views.database)
        self.lease = FileLease(folder / "follower.lock")
        self.runner = Runner(world.log, self.effects, self.lease, world.performer.perform, clock.now, grace=0.0)


def _locations(authority_id: str) -> Locations:
    base = f"http://pki.example.test/pki/{authority_id}"
    return Locations(f"{base}/ca.crt", f"{base}/crl")
