"""An es-pki in the test's process with channels to a real mail server and to whoever takes webhooks."""

import asyncio
import ssl
from datetime import timedelta

import pytest
from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.requests import AddNoticeChannel, CreateTrustStore, IssueCertificate, TestNoticeChannel
from es_pki.adapters.notices.sender import Sender
from es_pki.adapters.notices.teller import Teller
from es_pki.adapters.views import Query
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.adapters.x509.formats import pem_chain
from es_pki.projections import VIEWS, notices
from es_pki.values.notices import Email, Webhook
from eventlog.memory import MemoryLog
from tests import mail_server
from tests.mail_server import PASSWORD, USERNAME
from tests.world import World, open_keys

KEY = "Recognisable-key-of-the-webhook"


class Town:
    """An es-pki with channels, whose days pass as the test says."""

    def __init__(self, world, views):
        self.world, self.views = world, views
        self.worlds = [world]
        self.days = 0.0
        self.teller = self.teller_of(world)

    def now(self):
        return clock.now() + timedelta(days=self.days)

    def another(self):
        """A teller of another process on the same stores."""
        self.worlds.append(World(self.world.log, self.world.keys._store))
        return self.teller_of(self.worlds[-1])

    def teller_of(self, world):
        """A world's teller."""
        return Teller(world.aggregates, self.views, Sender(world.aggregates, world.sender._courier, self.now), self.now)

    async def follow(self):
        """Bring the views to the log's end."""
        for view in VIEWS:
            await rebuild(self.world.log, self.views, view)

    async def look(self, later=0.0):
        """Let days pass, and have told what is due."""
        self.days += later
        await self.follow()
        await self.teller.look()
        await self.teller.settle()

    async def notices(self, **filters):
        """What was told, first to last."""
        await self.follow()
        return (await self.views.find(notices.view, Query(filters=filters))).rows

    async def by_mail(self, server, *, secret=PASSWORD, name="mail", about=(), **settings):
        """Add a channel to a mail server that the root vouches for."""
        told = {"server": server, "sender": "es-pki@example.test", "recipients": ("a@example.test",), **settings}
        told.setdefault("username", USERNAME if secret else "")
        await self.world.ask(AddNoticeChannel(name, Email(**told), secret, about, "own"))

    async def by_webhook(self, url, name="hook", about=()):
        """Add a channel to an address."""
        await self.world.ask(AddNoticeChannel(name, Webhook(url), KEY, about))

    async def tested(self, name="mail"):
        """Try a channel; return why it failed, None: it didn't."""
        return (await self.world.ask(TestNoticeChannel(name))).result["problem"]

    async def issue(self, name, days):
        """Issue a certificate for some days."""
        names = {"dns_names": ("www.example.test",)}
        await self.world.ask(IssueCertificate(name=name, authority="intermediate", validity_days=days, **names))


@pytest.fixture
async def town(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world, views = World(log, keys), await SQLiteViews.open(tmp_path / "views.db")
    await world.set_up()
    await world.ask(CreateTrustStore("own", authorities=("root",)))
    town = Town(world, views)
    yield town
    assert (await world.examine()).findings == []
    await views.close()
    for each in town.worlds:
        await each.fetcher.close()
    await world.keys.close()
    await log.close()


@pytest.fixture
async def tls(town, tmp_path):
    """The context of a server that the trust store `own` vouches for, as localhost."""
    world, file = town.world, tmp_path / "localhost.pem"
    issue = IssueCertificate(name="localhost", authority="intermediate", dns_names=("localhost",))
    answer = await world.ask(issue)
    lineage = (await world.aggregates.load(CERTIFICATE, answer.result["certificate_id"])).state
    key_id, owner = lineage.served.prepared.key_id, answer.result["certificate_id"]
    key = await world.keys.secret(key_id, purpose="certificate", owner=owner)
    file.write_text(pem_chain([]) + answer.result["certificate_pem"] + ssl_key(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def ssl_key(der):
    """A PKCS#8 key in PEM."""
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "PRIVATE KEY")


@pytest.fixture
async def mail(tls):
    """A mail server that wants STARTTLS and a login."""
    async with mail_server.running(tls) as server:
        yield server


class Hook:
    """Somebody who takes webhooks, and says `status`, after a while if it `holds`."""

    def __init__(self):
        self.status, self.holds, self.posted, self.url = 204, False, [], ""

    async def answer(self, request):
        self.posted.append((dict(request.headers), await request.read()))
        while self.holds:
            await asyncio.sleep(0.01)
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if self.status == 307 else {})


@pytest.fixture
async def hook():
    taken = Hook()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", taken.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taken.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    yield taken
    await runner.cleanup()
