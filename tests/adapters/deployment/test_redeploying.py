"""A version that has become current is brought to every service of its certificate, each in its turn."""

import contextlib

import pytest

from es_pki.adapters.deployment.starting import DeploymentsRunning, redeploy
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.intake.requests import BindCertificate, ImportCertificate, RetireService, StopService
from es_pki.commands.deployment import KeyNotHere
from es_pki.commands.reactions import Due, RedeployCertificate, react
from es_pki.commands.refusals import Malformed
from es_pki.commands.service import ServiceMissing
from es_pki.events.certificate import CertificateKeyImported
from es_pki.events.service import CertificateDeployed, DeploymentFailed, DeploymentRolledBack
from tests import openssl
from tests.adapters.deployment.test_faults import files_in


async def newest(operator, name):
    """The newest deployment of a service, None if there was none."""
    service_id = await operator.world.aggregates.owner(f"service_name-{name}")
    return (await operator.world.aggregates.load(SERVICE, service_id, afresh=True)).state.deployments.newest


async def finish(operator, name):
    """Carry the running deployment of a service out."""
    service_id = await operator.world.aggregates.owner(f"service_name-{name}")
    await operator.world.deployer.deploy(service_id, (await newest(operator, name)).started.deployment_id)


async def test_services_are_redeployed_once_and_busy_ones_after_their_deployment(operator, place):
    for name in ("idle", "busy", "behind", "bare", "retired"):
        (place / name).mkdir()
        await operator.register(name, files=files_in(place / name) if name != "bare" else [])
    await operator.issue("other")
    await operator.world.ask(BindCertificate("behind", "other", "www"))
    await operator.world.ask(RetireService("retired"))
    for name in ("idle", "busy"):
        await operator.deploy(name)
    await operator.start("busy")
    fingerprint = await operator.renew()
    certificate_id = await operator.world.aggregates.owner("certificate_name-www")
    aggregates = operator.world.aggregates

    for _ in range(2):
        with pytest.raises(DeploymentsRunning, match="1 services"):
            await redeploy(aggregates, certificate_id, 7)
        assert (await newest(operator, "idle")).started.fingerprint == fingerprint
        assert (await newest(operator, "busy")).started.fingerprint != fingerprint
        await finish(operator, "idle")
    await finish(operator, "busy")
    await redeploy(aggregates, certificate_id, 7)
    await finish(operator, "busy")
    busy = await newest(operator, "busy")
    assert (busy.started.fingerprint, type(busy.outcome)) == (fingerprint, CertificateDeployed)
    assert [await newest(operator, name) for name in ("behind", "bare", "retired")] == [None] * 3
    size = (await operator.world.log.head()).size
    await redeploy(aggregates, certificate_id, 7)
    assert (await operator.world.log.head()).size == size


async def test_who_waits_for_a_private_key_is_served_when_it_comes(operator, place):
    certificate, key = openssl.self_signed("/CN=elsewhere.example.test")
    await operator.world.ask(ImportCertificate("elsewhere", certificate))
    await operator.register("nginx", "elsewhere", files=files_in(place))
    with pytest.raises(KeyNotHere):
        await operator.deploy("nginx")
    answer = await operator.world.ask(ImportCertificate("elsewhere", certificate, key))
    (brought,) = [happened async for happened in operator.world.aggregates.every(CertificateKeyImported)]
    (due,) = react(brought)
    assert due == Due(RedeployCertificate(answer.result["certificate_id"], answer.position), at_once=True)
    await redeploy(operator.world.aggregates, due.effect.certificate_id, due.effect.position)
    await finish(operator, "nginx")
    assert isinstance((await newest(operator, "nginx")).outcome, CertificateDeployed)
    deployed = [file.read_text() for file in place.iterdir() if file.is_file()]
    assert any("PRIVATE KEY" in text for text in deployed)


async def _redeployed(operator, position):
    """Start what is due and carry it out, again and again, until nothing is."""
    certificate_id = await operator.world.aggregates.owner("certificate_name-www")
    for _ in range(10):
        with contextlib.suppress(DeploymentsRunning):
            await redeploy(operator.world.aggregates, certificate_id, position)
            return
        for name in ("front", "middle", "back", "beside"):
            if (known := await newest(operator, name)) is not None and known.outcome is None:
                await finish(operator, name)
    raise AssertionError("it never ends")


async def _chained(operator, place):
    """Have `front` come after `middle`, that after `back`, and `beside` after nobody."""
    for name in ("back", "middle", "front", "beside"):
        (place / name).mkdir()
        await operator.register(name, files=files_in(place / name))
        await operator.deploy(name)
    await operator.reconfigure("front", after=["middle"])
    await operator.reconfigure("middle", after=["back"])


async def test_a_service_gets_a_version_after_those_that_it_comes_after(operator, place):
    await _chained(operator, place)
    fingerprint = await operator.renew()
    await _redeployed(operator, 7)
    for name in ("front", "middle", "back", "beside"):
        await finish(operator, name)
        assert (await newest(operator, name)).outcome.was_seen is False
        assert (await newest(operator, name)).started.fingerprint == fingerprint
    order = [happened.id async for happened in operator.world.aggregates.every(CertificateDeployed)]
    ids = {name: await operator.world.aggregates.owner(f"service_name-{name}") for name in ("back", "middle", "front")}
    assert [key for key in order[4:] if key in ids.values()] == [ids["back"], ids["middle"], ids["front"]]


async def test_who_fails_holds_back_only_those_behind_it_and_is_named(operator, place, scripts):
    await _chained(operator, place)
    await operator.reconfigure("middle", test_command=[scripts("test", "exit 1")])
    await operator.renew()
    await _redeployed(operator, 7)
    for name in ("front", "back", "beside"):
        await finish(operator, name)
    assert isinstance((await newest(operator, "middle")).outcome, DeploymentRolledBack)
    assert [type((await newest(operator, name)).outcome) for name in ("back", "beside")] == [CertificateDeployed] * 2
    outcome = (await newest(operator, "front")).outcome
    assert isinstance(outcome, DeploymentFailed)
    assert outcome.reason == (
        "the service middle, which comes before, failed at the step test: "
        "the test of the configuration failed: it ended with status 1"
    )
    await operator.reconfigure("middle", test_command=[])
    assert isinstance(await operator.deploy("middle"), CertificateDeployed)
    assert isinstance(await operator.deploy("front"), CertificateDeployed)


async def test_who_is_passed_over_holds_back_those_behind_it_too(operator, place):
    await _chained(operator, place)
    await operator.reconfigure("middle", files=[])
    await operator.renew()
    await _redeployed(operator, 7)
    await finish(operator, "front")
    assert (await newest(operator, "front")).outcome.reason == (
        "the service middle, which comes before, doesn't have this version yet: deploy it first"
    )


async def test_who_is_stopped_or_serves_something_else_holds_nobody_back(operator, place):
    await _chained(operator, place)
    await operator.issue("other")
    await operator.world.ask(StopService("back"))
    await operator.world.ask(BindCertificate("middle", "other"))
    fingerprint = await operator.renew()
    await _redeployed(operator, 7)
    await finish(operator, "front")
    front = await newest(operator, "front")
    assert (front.started.fingerprint, type(front.outcome)) == (fingerprint, CertificateDeployed)
    assert (await newest(operator, "back")).started.fingerprint != fingerprint


async def test_services_can_not_wait_for_each_other(operator, place):
    await _chained(operator, place)
    for name, after in (("back", ["front"]), ("back", ["back"])):
        with pytest.raises(Malformed, match="come after itself"):
            await operator.reconfigure(name, after=after)
    with pytest.raises(ServiceMissing):
        await operator.reconfigure("back", after=["nobody"])
