"""What a real server serves is looked at: each way to differ is found, and recorded when it changes."""

import asyncio
from datetime import timedelta

import pytest

from es_pki.adapters import clock
from es_pki.adapters.deployment import Observer, Rounds
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.intake.requests import VerifyService
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.deployment import DeploymentRunning
from es_pki.commands.service import NothingToLookAt
from es_pki.events import codec
from es_pki.events.service import CertificateDeployed, Drift, ServiceObserved
from es_pki.projections import VIEWS
from tests import daemons, openssl
from tests.adapters.deployment.conftest import files_of
from tests.adapters.deployment.test_kinds import serving


async def drift_of(operator):
    """Look; return what differs."""
    return list((await operator.world.ask(VerifyService("service"))).result["drift"])


def foreign(path):
    """Plant a certificate of somebody else, with its key."""
    request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x")
    files = ("-keyout", str(path["key"]), "-out", str(path["full-chain"]))
    openssl.run(*request, "-addext", "subjectAltName=DNS:www.example.test", *files)


async def reload(place):
    """Have nginx read its files, and wait until it has."""
    await asyncio.to_thread(daemons.reload_nginx, int((place / "pid").read_text()))


async def test_each_way_to_differ_is_found_on_the_wire(operator, place):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        assert await drift_of(operator) == []
        await operator.reconfigure("service", probe=recipe.further["probe"] | {"server_name": "other.example.test"})
        assert await drift_of(operator) == [Drift.WRONG_HOST]
        await operator.reconfigure("service", probe=recipe.further["probe"])
        late = Observer(operator.world.aggregates, lambda: clock.now() + timedelta(days=1000))
        service_id = await operator.world.aggregates.owner("service_name-service")
        assert (await late.observe(service_id, actor="x")).state.observed.drift == (Drift.EXPIRED,)

        chain = files_of(recipe)["full-chain"]
        whole = chain.read_text()
        chain.write_text(whole[: whole.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n")
        await reload(place)
        assert await drift_of(operator) == [Drift.INCOMPLETE_CHAIN]
        chain.write_text(whole)
        await reload(place)

        await operator.renew()
        assert await drift_of(operator) == [Drift.OLDER_VERSION]
        foreign(files_of(recipe))
        await reload(place)
        assert await drift_of(operator) == [Drift.FOREIGN]
        assert isinstance(await operator.deploy("service"), CertificateDeployed)
        assert await drift_of(operator) == []
    assert await drift_of(operator) == [Drift.UNREACHABLE]


async def test_what_cannot_be_looked_at_says_why(operator, place):
    await operator.register("service")
    with pytest.raises(NothingToLookAt):
        await drift_of(operator)
    await operator.reconfigure("service", probe={"address": "127.0.0.1:9"})
    await operator.start("service")
    with pytest.raises(DeploymentRunning):
        await drift_of(operator)


@pytest.fixture
async def rounds(operator, tmp_path):
    """Makes rounds over the operator's services, at a time that the test says."""
    views = await SQLiteViews.open(tmp_path / "views.db")
    days = [0]
    world = operator.world
    await world_follows(world, views)
    rounds = Rounds(
        world.aggregates, world.observer, views, timedelta(hours=1), lambda: clock.now() + timedelta(days=days[0])
    )

    async def look(later=0):
        days[0] += later
        await world_follows(world, views)
        await rounds.look()

    yield look
    await views.close()


async def world_follows(world, views):
    """Bring the views to the log's end."""
    for view in VIEWS:
        await rebuild(world.log, views, view)


async def observations(operator):
    """The drifts that were recorded, first to last."""
    stream = SERVICE.stream(await operator.world.aggregates.owner("service_name-service"))
    records = await operator.world.log.read_stream(stream)
    events = [codec.decode(record.type, record.data) for record in records]
    return [event.drift for event in events if isinstance(event, ServiceObserved)]


async def test_the_rounds_record_what_changes_and_deploy_again_what_is_behind(operator, place, rounds):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        await rounds()
        await rounds(later=1)
        assert await observations(operator) == [()]
        after = await operator.renew()
        await rounds()
        assert await observations(operator) == [()]
        await rounds(later=1)
        assert await observations(operator) == [(), (Drift.OLDER_VERSION,)]
        service_id = await operator.world.aggregates.owner("service_name-service")
        running = (await operator.world.aggregates.load(SERVICE, service_id, afresh=True)).state.deployments.running
        assert running.started.fingerprint == after
        await operator.world.deployer.deploy(service_id, running.started.deployment_id)
        await rounds(later=1)
        assert await observations(operator) == [(), (Drift.OLDER_VERSION,)]
    await rounds(later=1)
    await rounds(later=1)
    assert await observations(operator) == [(), (Drift.OLDER_VERSION,), (Drift.UNREACHABLE,)]


async def test_a_service_that_is_new_is_looked_at_after_the_usual_time(operator, place, rounds):
    await rounds()
    await operator.register("service", probe={"address": "127.0.0.1:9"})
    await rounds()
    assert await observations(operator) == []
    await rounds(later=1)
    assert await observations(operator) == [(Drift.UNREACHABLE,)]
