"""A version that has become current is brought to every service of its certificate, each in its turn."""

import pytest

from es_pki.adapters.deployment.starting import DeploymentsRunning, redeploy
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.intake.requests import BindCertificate, RetireService
from es_pki.events.service import CertificateDeployed
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
