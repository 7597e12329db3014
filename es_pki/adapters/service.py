"""A running es-pki: its parts around the stores, set up if it is new, listening until it is told to stop."""

import asyncio
import contextlib
import functools
import ipaddress
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from es_pki.adapters import clock, whole_file
from es_pki.adapters.acme.debug.debugger import Debugger, Looks
from es_pki.adapters.acme.debug.names import DNS
from es_pki.adapters.acme.dns_01 import DNS01
from es_pki.adapters.acme.dns_persist_01 import DNSPersist01
from es_pki.adapters.acme.renewals import Renewals
from es_pki.adapters.acme.tls_alpn_listener import TLSALPNListener
from es_pki.adapters.acme.turns import Pace
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.backup.scheduled import ScheduledBackups, plan_of
from es_pki.adapters.checkpoints import CheckpointStore, Notary
from es_pki.adapters.crls import CRLPlan, Maker, Publisher
from es_pki.adapters.deployment import Allowed, CHAPRotator, Deployer, Fallbacks, Observer, OwnListener, Rounds
from es_pki.adapters.dns.hook import HookRules
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.providers import DNSProviders
from es_pki.adapters.fetching import Fetcher, networks
from es_pki.adapters.http import public, server, tls
from es_pki.adapters.http.parts import Parts
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.chain import chain
from es_pki.adapters.intake.desk import Desk
from es_pki.adapters.intake.first_run import ROOT, FirstRun
from es_pki.adapters.intake.office import Office
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore import KeyStore
from es_pki.adapters.keystore.sealed import SealedKeys
from es_pki.adapters.lease import Lease
from es_pki.adapters.lint import SecondOpinion
from es_pki.adapters.notices.courier import Courier
from es_pki.adapters.notices.sender import Sender
from es_pki.adapters.notices.teller import Teller
from es_pki.adapters.ocsp.responder import Responder
from es_pki.adapters.ocsp.upkeep import Upkeep
from es_pki.adapters.own_certificate import OwnCertificate
from es_pki.adapters.reactions import EffectStore, Performer, Runner
from es_pki.adapters.scheduler import Scheduler, Work
from es_pki.adapters.signing import Signer
from es_pki.adapters.superseding import Superseding
from es_pki.adapters.sweeping import Sweeper
from es_pki.adapters.views import Follower, ViewStore
from es_pki.adapters.worker import Workers
from es_pki.adapters.x509.formats import pem_chain
from es_pki.commands.names import dns_name_fault, ip_address_fault
from es_pki.config import Settings, host_and_port
from es_pki.projections import VIEWS
from es_pki.values import Locations
from eventlog import Log
from eventlog.tree import Tree

LOG = logging.getLogger("es_pki.service")

ANNOUNCE_SECONDS = 1.0
"""How soon another server of the data folder is found after the one that was announced has stopped."""

FIRST_VIEWS_SECONDS = 600.0
"""How long a start waits for views that are rebuilt."""


class Equipment(Struct, frozen=True):
    """What a running es-pki is put together from; `app` opens it."""

    log: Log
    keys: KeyStore
    sealed_keys: Callable[[], Awaitable[SealedKeys]]
    checkpoints: CheckpointStore
    views: ViewStore
    effects: EffectStore
    lease: Lease
    set_up_lease: Lease
    aggregates: Aggregates
    workers: Workers
    second_opinion: SecondOpinion


class Addresses(Struct, frozen=True):
    """Where a running es-pki is reached, and its process; written to `server.json` in the data folder.

    `tls_alpn` is the `host:port` of the listener for tls-alpn-01, "" without one.
    """

    url: str
    public_url: str
    pid: int
    tls_alpn: str = ""


class Service:
    """An es-pki in this process. `addresses` are known as soon as it exists: it is bound, though not yet serving."""

    def __init__(self, equipment: Equipment, settings: Settings) -> None:
        self._settings, self._equipment = settings, equipment
        self._sockets = _bound(settings)
        self.addresses = _addresses(self._sockets, settings)
        self._keys = keys = KeyRing(equipment.keys)
        signer = Signer(equipment.aggregates, keys, clock.now)
        dns = _dns_providers(equipment, settings, keys)
        acme = _acme(equipment, settings, keys, dns)
        fetcher = Fetcher(networks(settings.fetch_networks))
        sender = Sender(equipment.aggregates, Courier(equipment.aggregates, keys, equipment.log, fetcher), clock.now)
        office = self._office(signer, acme, dns, sender)
        self._context = tls.server_context()
        listener = OwnListener(functools.partial(tls.use, self._context))
        runner = _runner(equipment, office, listener)
        desk = Desk(office)
        crls = Publisher(equipment.log, office.crls, equipment.lease, clock.now, settings.folder / "crls.kept")
        tree = Tree(equipment.log)
        notary = Notary(equipment.log, tree, keys, equipment.checkpoints)
        backups = _scheduled_backups(equipment, settings, notary)
        upkeep = Upkeep(equipment.views, equipment.aggregates, desk, clock.now)
        self._renewals = _renewals(equipment, settings, acme, desk)
        self._teller = Teller(equipment.aggregates, equipment.views, sender, clock.now)
        works: list[Work] = [crls.look, upkeep.look, self._renewals.look, self._teller.look]
        works += _works_for_services(equipment, settings, office, desk) + ([backups.look] if backups else [])
        self._scheduler = Scheduler(equipment.lease, works, clock.now)
        self.parts = Parts(
            fetcher=fetcher,
            log=equipment.log,
            tree=tree,
            notary=notary,
            views=equipment.views,
            follower=Follower(equipment.log, equipment.views, VIEWS, equipment.lease),
            runner=runner,
            aggregates=equipment.aggregates,
            desk=desk,
            second_opinion=equipment.second_opinion,
            crls=crls,
            ocsp=Responder(equipment.log, equipment.aggregates, keys, upkeep.certify, clock.now),
            workers=equipment.workers,
            acme=acme,
            debugger=_debugger(office, settings),
            dns=office.dns,
            backups=backups,
            now=clock.now,
        )
        self._first_run = FirstRun(desk, equipment.aggregates, signer, clock.now)
        self._own_certificate = self._certificate_of(listener)

    def _office(self, signer: Signer, acme: ACME, dns: DNSProviders, sender: Sender) -> Office:
        equipment = self._equipment
        return Office(
            aggregates=equipment.aggregates,
            keys=self._keys,
            signer=signer,
            locations=self._locations,
            workers=equipment.workers,
            second_opinion=equipment.second_opinion,
            crls=Maker(equipment.aggregates, self._keys, self._locations, _crl_plan(self._settings)),
            acme=acme,
            dns=dns,
            allowed=Allowed.by(self._settings),
            observer=Observer(equipment.aggregates, clock.now),
            sender=sender,
        )

    async def set_up(self) -> bool:
        """Make what a new installation needs; tell whether it was new."""
        lease = self._equipment.set_up_lease
        await lease.acquire()
        try:
            await self._first_run.authorities(self._settings.organization)
            await self._write_root()
            await self._first_run.log_key(self._settings.log_origin)
            return await self._first_run.administrator(self._settings.token_file)
        finally:
            await lease.release()
            await self._equipment.workers.close()

    async def let_administrator_in(self, name: str) -> str:
        """Create an administrator; return its token. Raises `Refused`."""
        return await self._first_run.further_administrator(name)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Follow, react and answer while the context lasts; then finish what was begun."""
        parts = self.parts
        followers = parts.follower.run, parts.runner.run, parts.crls.run, parts.ocsp.run
        sweeper = Sweeper(parts.aggregates, self._keys, clock.now)
        works = *followers, parts.notary.run, self._keys.make_ahead, parts.second_opinion.run, sweeper.run
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._equipment.workers.close)
            stack.push_async_callback(parts.fetcher.close)
            await stack.enter_async_context(_in_background(*works))
            await self.parts.follower.reached(0, FIRST_VIEWS_SECONDS)
            await self.parts.crls.reached(FIRST_VIEWS_SECONDS)
            # What is scheduled looks into the views.
            await stack.enter_async_context(_in_background(self._scheduler.run))
            await self._own_certificate.serve()
            for listener in self._tls_alpn_listeners():
                await listener.start()
                stack.push_async_callback(listener.close)
            runners = [
                await server.serve_publicly(self.parts, self._sockets[1]),
                await server.serve_management(self.parts, self._sockets[0], self._context),
            ]
            self._announce()
            try:
                async with _in_background(self._own_certificate.keep, self._keep_announced):
                    yield
            finally:
                self._withdraw()
                for runner in runners:
                    await runner.cleanup()
                await self._renewals.close()
                await self._teller.close()
                await parts.acme.close()

    def _tls_alpn_listeners(self) -> list[TLSALPNListener]:
        """Return the listener for tls-alpn-01, if there is to be one."""
        return [TLSALPNListener(self.parts.acme.tls_alpn_01, bound) for bound in self._sockets[2:]]

    def close(self) -> None:
        """Release the addresses of a service that never served."""
        for bound in self._sockets:
            bound.close()

    def _locations(self, authority_id: str) -> Locations:
        return public.locations(self.addresses.public_url, authority_id, self._settings.crl_shards)

    def _announce(self) -> None:
        whole_file.write(self._file("server.json"), msgspec.json.encode(self.addresses))

    def _withdraw(self) -> None:
        """Remove `server.json` if it is ours; another server of the folder then announces itself."""
        file = self._file("server.json")
        if file.exists() and file.read_bytes() == msgspec.json.encode(self.addresses):
            file.unlink(missing_ok=True)

    async def _keep_announced(self) -> None:
        while True:
            await asyncio.sleep(ANNOUNCE_SECONDS)
            if not self._is_announced():
                self._announce()

    def _is_announced(self) -> bool:
        """Tell whether `server.json` names a server whose process lives: this one, or another of the data folder."""
        try:
            announced = msgspec.json.decode(self._file("server.json").read_bytes(), type=Addresses)
            os.kill(announced.pid, 0)
        except PermissionError:
            return True
        except (OSError, msgspec.MsgspecError):
            return False
        return True

    def _certificate_of(self, listener: OwnListener) -> OwnCertificate:
        stores = self._equipment
        return OwnCertificate(stores.aggregates, self._keys, stores.views, listener, self._see_to_own_certificate)

    async def _see_to_own_certificate(self) -> str:
        lease = self._equipment.set_up_lease
        await lease.acquire()
        try:
            return await self._first_run.server_certificate(*self._own_names())
        finally:
            await lease.release()

    def _own_names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the DNS names and IP addresses under which this server may be called."""
        host, _ = host_and_port(self._settings.listen, "listen")
        names = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower(), host, *self._settings.host_names}
        addresses = {name for name in names if not ip_address_fault(name)}
        unspecified = {address for address in addresses if ipaddress.ip_address(address).is_unspecified}
        dns_names = {name.lower() for name in names - addresses if not dns_name_fault(name.lower())}
        return frozenset(dns_names), frozenset(addresses - unspecified)

    async def _write_root(self) -> None:
        """Write the root's certificate into the data folder, for those who have to trust it."""
        owner = await self._equipment.aggregates.owner(f"authority_name-{ROOT}")
        root = (await chain(self._equipment.aggregates, owner))[-1:]
        whole_file.write(self._file("ca.pem"), pem_chain(root).encode())

    def _file(self, name: str) -> Path:
        return self._settings.folder / name


def _bound(settings: Settings) -> list[socket.socket]:
    """Return the sockets of the management and the public listener, and of that for tls-alpn-01 if there is one."""
    names = ["listen", "public_listen", *(["tls_alpn_listen"] if settings.tls_alpn_listen else [])]
    return [server.bind(*host_and_port(getattr(settings, name), name)) for name in names]


def _addresses(sockets: Sequence[socket.socket], settings: Settings) -> Addresses:
    """Return where the listeners' sockets are reached."""
    management, public_one, *further = sockets
    published = server.address(public_one, instead_of_all=socket.gethostname())
    public_url = settings.public_url or f"http://{published}"
    return Addresses(f"https://{server.address(management)}", public_url, os.getpid(), *map(server.address, further))


def _runner(equipment: Equipment, office: Office, listener: OwnListener) -> Runner:
    deployer = Deployer(office.aggregates, office.keys, office.allowed, clock.now, listener)
    rotator = CHAPRotator(office.aggregates, office.keys, office.allowed)
    performer = Performer(
        office.aggregates, office.keys, office.signer, office.acme, deployer=deployer, rotator=rotator
    )
    return Runner(equipment.log, equipment.effects, equipment.lease, performer.perform, clock.now)


def _renewals(equipment: Equipment, settings: Settings, acme: ACME, desk: Desk) -> Renewals:
    pace = Pace(settings.acme_renewals_per_hour, settings.acme_renewals_at_once)
    return Renewals(equipment.aggregates, equipment.views, acme.directories, desk.take, clock.now, pace=pace)


def _works_for_services(equipment: Equipment, settings: Settings, office: Office, desk: Desk) -> list[Work]:
    """Return what is looked at for services: whether they are to fall back, what they serve, and what no more."""
    aggregates, views, observer = equipment.aggregates, equipment.views, office.observer
    superseding = Superseding(aggregates, views, observer, desk.take, users_of=office.users_of, now=clock.now)
    works: list[Work] = [Fallbacks(aggregates, views, clock.now).look, superseding.look]
    if every := timedelta(minutes=settings.probe_every_minutes):
        works.append(Rounds(aggregates, observer, views, every, clock.now).look)
    return works


def _scheduled_backups(equipment: Equipment, settings: Settings, notary: Notary) -> ScheduledBackups | None:
    plan = plan_of(settings)
    return ScheduledBackups(plan, equipment.log, notary, equipment.sealed_keys, clock.now) if plan else None


def _dns_providers(equipment: Equipment, settings: Settings, keys: KeyRing) -> DNSProviders:
    hooks = HookRules(settings.dns_hooks, settings.dns_hook_user)
    return DNSProviders(equipment.aggregates, keys, Lookup(settings.dns_resolvers), hooks)


def _acme(equipment: Equipment, settings: Settings, keys: KeyRing, dns: DNSProviders) -> ACME:
    return ACME.of(
        equipment.aggregates,
        keys,
        clock.now,
        clock.elapsed,
        DNS01(dns),
        DNSPersist01(Lookup(settings.dns_resolvers), clock.now),
        listens_by_tls=bool(settings.tls_alpn_listen),
        webroots=settings.acme_webroots,
    )


def _debugger(office: Office, settings: Settings) -> Debugger:
    looks = Looks(DNS(settings.dns_resolvers), Lookup(settings.dns_resolvers), office.dns)
    return Debugger(office.aggregates, office.acme, looks, clock.now)


def _crl_plan(settings: Settings) -> CRLPlan:
    return CRLPlan(
        validity=timedelta(hours=settings.crl_validity_hours),
        overlap=timedelta(hours=settings.crl_overlap_hours),
        shards=settings.crl_shards,
    )


@contextlib.asynccontextmanager
async def _in_background(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run works while the context lasts."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
