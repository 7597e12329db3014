"""An es-pki in the test's process that may bring certificates to services below the test's folder."""

import asyncio
import contextlib
import ssl
import tempfile
from pathlib import Path

import msgspec
import pytest

from es_pki.adapters.deployment import Allowed
from es_pki.adapters.deployment.wire import CONTEXT, served
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    IssueCertificate,
    ReconfigureService,
    RegisterService,
    RenewCertificate,
)
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import Probe
from eventlog.memory import MemoryLog
from tests.daemons import SBIN
from tests.world import World, open_keys

NAMES = ("nginx", "haproxy", "redis-cli", "apache2", "postfix", "ldapmodify", "iscsi-inq")
TOOLS = [f"{folder}/{name}" for folder in SBIN for name in NAMES]


class Operator:
    """Somebody who has certificates and services."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = folder

    async def issue(self, name="www"):
        """Issue a certificate."""
        await self.world.ask(
            IssueCertificate(
                name=name, authority="intermediate", dns_names=("www.example.test",), ip_addresses=("127.0.0.1",)
            )
        )

    async def renew(self, name="www"):
        """Make its next version; return that one's fingerprint."""
        answer = await self.world.ask(RenewCertificate(name))
        lineage = (await self.world.aggregates.load(CERTIFICATE, answer.result["certificate_id"])).state
        return fingerprint(lineage.served.certificate)

    async def register(self, name, certificate="www", **fields):
        """Register a service and bind a certificate to it."""
        await self.world.ask(msgspec.convert({"name": name, **fields}, RegisterService))
        await self.world.ask(BindCertificate(name, certificate))

    async def reconfigure(self, name, **fields):
        """Give fields of a service otherwise."""
        await self.world.ask(msgspec.convert({"service": name, **fields}, ReconfigureService))

    async def start(self, name):
        """Start a deployment; return the ids of service and deployment."""
        result = (await self.world.ask(DeployCertificate(name))).result
        return result["service_id"], result["deployment_id"]

    async def deploy(self, name):
        """Deploy, and return the outcome."""
        service_id, deployment_id = await self.start(name)
        await self.world.deployer.deploy(service_id, deployment_id)
        return await self.outcome(service_id)

    async def state(self, name):
        """Return what is known of a service."""
        service_id = await self.world.aggregates.owner(f"service_name-{name}")
        return (await self.world.aggregates.load(SERVICE, service_id, afresh=True)).state

    async def outcome(self, service_id):
        """Return the outcome of the newest deployment."""
        state = (await self.world.aggregates.load(SERVICE, service_id, afresh=True)).state
        return state.deployments.newest.outcome


@pytest.fixture
def scripts(tmp_path):
    """A folder for programs that a test makes."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name, text):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def place():
    """The folder that services may have; other users may enter it."""
    with tempfile.TemporaryDirectory(prefix="services-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def operator(tmp_path, place):
    """An operator with the certificate `www`."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    programs = [(tool,) for tool in TOOLS]
    programs += [(str(tmp_path / "bin" / name),) for name in ("reload", "test", "start")]
    world = World(log, keys, Allowed((str(place),), tuple(programs)))
    await world.set_up()
    operator = Operator(world, place)
    await operator.issue()
    yield operator
    assert (await world.examine()).findings == []
    await world.keys.close()
    await log.close()


class Clients:
    """Clients that go on connecting: each takes a new connection, says something and awaits the answer."""

    def __init__(self, recipe):
        self._recipe = recipe
        self.failures = []
        self.seen = []

    async def _one(self):
        if self._recipe.exchange is None:
            probe = msgspec.convert(self._recipe.further["probe"], Probe)
            self.seen.append(fingerprint((await served(probe))[0]))
            return
        said, expected = self._recipe.exchange
        reader, writer = await asyncio.open_connection("127.0.0.1", self._recipe.port, ssl=CONTEXT, server_hostname="x")
        try:
            self.seen.append(fingerprint(writer.get_extra_info("ssl_object").getpeercert(binary_form=True)))
            writer.write(said)
            answer = await reader.readexactly(len(expected))
            assert answer == expected
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _go_on(self):
        while True:
            try:
                await self._one()
            except Exception as error:  # noqa: BLE001 - whatever it is, a client had to do with it
                self.failures.append(repr(error))
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def connecting(self, count=4):
        """Connect while the context lasts, and for some connections before and after."""
        tasks = [asyncio.ensure_future(self._go_on()) for _ in range(count)]
        await self._some_more()
        yield self
        await self._some_more()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _some_more(self):
        wanted = len(self.seen) + len(self.failures) + 10
        while len(self.seen) + len(self.failures) < wanted:
            await asyncio.sleep(0.01)


@pytest.fixture
def clients():
    """Makes clients of a server."""
    return Clients


def files_of(recipe):
    """Return a server's files, by form."""
    return {file["form"]: Path(file["path"]) for file in recipe.fields["files"]}
