"""A real nginx is served its fallback when its certificate ends without a successor, and its own when one comes."""

import asyncio
from datetime import timedelta

import pytest

from es_pki.adapters import clock
from es_pki.adapters.deployment import Fallbacks
from es_pki.adapters.deployment.starting import redeploy
from es_pki.adapters.intake.deciders import ACME_RENEWAL, SERVICE
from es_pki.adapters.intake.requests import (
    BindCertificate,
    HoldCertificate,
    ReleaseCertificate,
    RenewCertificate,
    VerifyService,
)
from es_pki.adapters.notices.facts import facts
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.acme_renewal import PlanACMERenewal, RecordACMERenewalMissed
from es_pki.commands.notices_due import due
from es_pki.events.service import CertificateDeployed, DeploymentRolledBack
from es_pki.projections import services
from es_pki.projections.services import ServiceStatus
from es_pki.values.notices import NoticeKind
from tests import daemons
from tests.adapters.deployment.test_drift import drift_of, world_follows
from tests.adapters.deployment.test_faults import files_in
from tests.adapters.deployment.test_kinds import served, serving
from tests.serving import PATIENCE


class Watch:
    """Looks after the operator's fallbacks at a time that the test says, and carries out what is started."""

    def __init__(self, operator, views):
        self.operator, self.views, self.days = operator, views, 0.0
        self.fallbacks = Fallbacks(operator.world.aggregates, views, self.now)

    def now(self):
        return clock.now() + timedelta(days=self.days)

    async def look(self):
        """Look; return the outcome of what was started, None for nothing."""
        await world_follows(self.operator.world, self.views)
        await self.fallbacks.look()
        return await self.carry_out()

    async def carry_out(self):
        world = self.operator.world
        service_id = await world.aggregates.owner("service_name-service")
        running = (await world.aggregates.load(SERVICE, service_id, afresh=True)).state.deployments.running
        if running is None:
            return None
        await world.deployer.deploy(service_id, running.started.deployment_id)
        return await self.operator.outcome(service_id)

    async def row(self):
        """The service as the view shows it."""
        await world_follows(self.operator.world, self.views)
        return await self.views.get(services.view, await self.operator.world.aggregates.owner("service_name-service"))

    async def told(self):
        """The kinds and texts of what is to be told."""
        await world_follows(self.operator.world, self.views)
        occasions = due(await facts(self.views, self.now()), self.now())
        return {occasion.kind: occasion for occasion in occasions if occasion.service}


@pytest.fixture
async def watch(operator, tmp_path):
    views = await SQLiteViews.open(tmp_path / "views.db")
    yield Watch(operator, views)
    await views.close()


async def comes_to(recipe, leaf):
    """Wait until a server serves a certificate: an old worker may take one more connection after those looked at."""
    async with asyncio.timeout(PATIENCE):
        while (await served(recipe))[0] != leaf:
            await asyncio.sleep(0.05)


async def test_a_real_server_falls_back_and_comes_back(operator, place, watch):
    recipe, world = daemons.nginx(place), operator.world
    await operator.issue("spare")
    await world.ask(RenewCertificate("www", validity_days=3))
    async with serving(operator, recipe):
        await world.ask(BindCertificate("service", "www", "spare"))
        (own, *_) = await served(recipe)
        assert await watch.look() is None
        watch.days = 2.95
        assert isinstance(await watch.look(), CertificateDeployed)
        async with asyncio.timeout(PATIENCE):
            while (await served(recipe))[0] == own:
                await asyncio.sleep(0.05)
        assert await drift_of(operator) == []
        assert (await watch.row()).status is ServiceStatus.FALLEN_BACK
        told = (await watch.told())[NoticeKind.FALLBACK]
        assert (told.subject, told.title) == ("www", "service has fallen back from www to spare")
        assert await watch.look() is None

        renewed = await operator.renew("spare")
        assert isinstance(await watch.look(), CertificateDeployed)
        await comes_to(recipe, renewed)

        watch.days = 0
        after = await operator.renew()
        certificate_id = await world.aggregates.owner("certificate_name-www")
        await redeploy(world.aggregates, certificate_id, 7)
        assert isinstance(await watch.carry_out(), CertificateDeployed)
        await comes_to(recipe, after)
        assert (await watch.row()).status is ServiceStatus.SERVING
        assert await watch.told() == {}
        assert await watch.look() is None
        assert (await world.ask(VerifyService("service"))).result["drift"] == ()


async def test_what_is_held_falls_back_until_it_is_released(operator, place, watch):
    await operator.issue("spare")
    await operator.register("service", files=files_in(place))
    await operator.world.ask(BindCertificate("service", "www", "spare"))
    await operator.deploy("service")
    await operator.world.ask(HoldCertificate("www"))
    assert isinstance(await watch.look(), CertificateDeployed)
    assert (await watch.row()).deployed.as_fallback
    await operator.world.ask(ReleaseCertificate("www"))
    assert isinstance(await watch.look(), CertificateDeployed)
    assert not (await watch.row()).deployed.as_fallback


async def test_a_fallback_that_can_not_be_deployed_is_told_and_tried_again_later(operator, place, scripts, watch):
    await operator.issue("spare")
    await operator.register("service", files=files_in(place), test_command=[scripts("test", "exit 1")])
    await operator.world.ask(BindCertificate("service", "www", "spare"))
    await operator.world.ask(HoldCertificate("www"))
    assert isinstance(await watch.look(), DeploymentRolledBack)
    told = (await watch.told())[NoticeKind.DEPLOYMENT]
    assert (told.subject, told.detail) == ("www", "fallback")
    assert await watch.look() is None
    watch.days = 0.1
    assert isinstance(await watch.look(), DeploymentRolledBack)


async def test_without_a_fallback_nothing_else_is_served(operator, place, watch):
    await operator.register("service", files=files_in(place))
    await operator.deploy("service")
    watch.days = 1_000
    assert await watch.look() is None


async def test_what_a_directory_renews_falls_back_when_that_was_missed_and_not_before(operator, place, watch):
    """Just before its end, when nothing else is to be expected."""
    await operator.issue("spare")
    await operator.register("service", files=files_in(place))
    await operator.world.ask(BindCertificate("service", "www", "spare"))
    aggregates, ends = operator.world.aggregates, clock.now() + timedelta(days=2)
    certificate_id = await aggregates.owner("certificate_name-www")

    async def record(command):
        async def ask():
            return command

        await aggregates.handle(ACME_RENEWAL, certificate_id, ask, actor="es-pki")

    await operator.world.ask(RenewCertificate("www", validity_days=2))
    await record(PlanACMERenewal("www", 2, clock.now(), ends, None, "", 0.0, clock.now()))
    watch.days = 1.99
    assert await watch.look() is None
    await record(RecordACMERenewalMissed(2, ends))
    assert isinstance(await watch.look(), CertificateDeployed)
    assert (await watch.row()).deployed.as_fallback
    told = await watch.told()
    assert NoticeKind.FALLBACK in told
