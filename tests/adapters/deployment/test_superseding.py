"""What was superseded is revoked when it is due, but never while a real server still serves it."""

from datetime import timedelta

import pytest

from es_pki.adapters import clock
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.requests import RenewCertificate, RevokeCertificate, RollBackCertificate
from es_pki.adapters.superseding import Superseding
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.events.certificate import SupersessionHeldUp
from es_pki.events.codec import decode
from es_pki.events.service import CertificateDeployed
from tests import daemons
from tests.adapters.deployment.test_drift import world_follows
from tests.adapters.deployment.test_kinds import serving

SECOND = timedelta(seconds=1)


class Looking:
    """The superseding of an operator's certificates, at a time that the test says."""

    def __init__(self, operator, views, users=()):
        self.world, self.views, self.users, self.ahead = operator.world, views, users, timedelta()
        world = self.world
        self.superseding = Superseding(
            world.aggregates, views, world.observer, world.desk.take, users_of=self.users_of, now=self.now
        )

    def now(self):
        return clock.now() + self.ahead

    async def users_of(self, _certificate_id):
        return self.users

    async def look(self, later=timedelta()):
        """Look, and return the first version."""
        self.ahead += later
        await world_follows(self.world, self.views)
        await self.superseding.look()
        return await self.first()

    async def lineage(self):
        certificate_id = await self.world.aggregates.owner("certificate_name-www")
        return (await self.world.aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state

    async def first(self):
        return (await self.lineage()).versions[1]

    async def waits(self):
        """Return the services that were recorded each time."""
        certificate_id = await self.world.aggregates.owner("certificate_name-www")
        records = await self.world.log.read_stream(CERTIFICATE.stream(certificate_id))
        events = [decode(record.type, record.data) for record in records]
        return [event.services for event in events if isinstance(event, SupersessionHeldUp)]


@pytest.fixture
async def looking(operator, tmp_path):
    """Looks after the operator's certificates."""
    views = await SQLiteViews.open(tmp_path / "views.db")
    yield Looking(operator, views)
    await views.close()


async def renew(operator, days):
    await operator.world.ask(RenewCertificate("www", revoke_previous_after_days=days))


async def test_a_version_is_revoked_once_its_time_of_grace_is_over(operator, looking):
    await renew(operator, 2)
    assert (await looking.look()).revoked is None
    assert (await looking.look(timedelta(days=1, hours=23))).revoked is None
    version = await looking.look(timedelta(hours=2))
    assert (version.revoked.reason, version.superseding) == ("superseded", None)
    assert (await looking.lineage()).served.revoked is None


async def test_it_waits_while_a_service_serves_the_version_and_says_so(operator, place, looking):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        await renew(operator, 0)
        version = await looking.look(SECOND)
        assert (version.revoked, version.held_up_by) == (None, ("service",))
        assert (await looking.look(timedelta(minutes=6))).held_up_by == ("service",)
        assert await looking.waits() == [("service",)]
        await looking.look(timedelta(days=1))
        assert await looking.waits() == [("service",), ("service",)]
        assert isinstance(await operator.deploy("service"), CertificateDeployed)
        assert (await looking.look(timedelta(minutes=6))).revoked is not None


async def test_it_waits_for_what_nobody_can_see_but_what_was_given(operator, place, looking):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        pass
    await renew(operator, 0)
    assert (await looking.look(SECOND)).held_up_by == ("service",)  # it is down, and has the version
    await operator.start("service")
    assert (await looking.look(timedelta(minutes=6))).revoked is None  # and may have it again


async def test_rolling_back_ends_the_plan_and_a_late_command_is_refused(operator, looking):
    await renew(operator, 0)
    await world_follows(looking.world, looking.views)
    await operator.world.ask(RollBackCertificate("www", 1))
    looking.ahead += SECOND
    await looking.superseding.look()  # the views still tell of the plan
    assert (await looking.first()).revoked is None


async def test_what_somebody_revoked_meanwhile_is_left_alone(operator, looking):
    await renew(operator, 0)
    await operator.world.ask(RevokeCertificate("www", 1))
    assert (await looking.look(SECOND)).revoked.reason == "unspecified"


async def test_es_pki_itself_has_a_day_to_take_up_its_own_new_version(operator, looking):
    looking.users = ("es-pki itself",)
    await renew(operator, 0)
    assert (await looking.look(SECOND)).held_up_by == ("es-pki itself",)
    assert (await looking.look(timedelta(days=1, minutes=6))).revoked is not None
