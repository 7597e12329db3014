"""Our process is killed at any step of a deployment: whoever comes next carries it to its outcome."""

import pytest

from es_pki.adapters.deployment.deployer import _Attempt
from es_pki.adapters.deployment.files import Files
from es_pki.adapters.deployment.material import leaf_of
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import CertificateDeployed, DeploymentRolledBack
from tests import daemons
from tests.adapters.deployment.test_faults import contents, files_in
from tests.adapters.deployment.test_kinds import served, serving
from tests.world import World


class Killed(BaseException):
    """What ends a process at once."""


METHODS = ["stage", "keep", "switch", "clean"]


@pytest.mark.parametrize("layout", ["files", "link"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_deployment_goes_on_after_our_process_was_killed(
    operator, place, monkeypatch, *, method, after, layout
):
    fields = {"files": files_in(place)}
    if layout == "link":
        fields = {"files": files_in(place / "current"), "link": f"{place}/current"}
    await operator.register("app", **fields)
    await operator.deploy("app")
    renewed = await operator.renew()
    original = getattr(Files, method)

    def killed(self, *arguments):
        if after:
            original(self, *arguments)
        raise Killed

    service_id, deployment_id = await operator.start("app")
    with monkeypatch.context() as torn:
        torn.setattr(Files, method, killed)
        with pytest.raises(Killed):
            await operator.world.deployer.deploy(service_id, deployment_id)
    again = World(operator.world.log, operator.world.keys._store, operator.world.deployer._allowed)
    await again.deployer.deploy(service_id, deployment_id)
    assert isinstance(await operator.outcome(service_id), CertificateDeployed)
    folder = place if layout == "files" else place / "current"
    assert fingerprint(leaf_of((folder / "www.pem").read_bytes())) == renewed
    if method != "clean":
        await operator.deploy("app")
    leftovers = {path.name for path in place.iterdir() if path.name.startswith(".")}
    assert method == "clean" or leftovers == set()


async def test_after_being_killed_between_two_files_the_old_pair_comes_back(operator, place, scripts, monkeypatch):
    """One file was switched, the other not; then the reload fails: both must be the old ones."""
    await operator.register("app", files=files_in(place))
    await operator.deploy("app")
    before = contents(place)
    await operator.renew()
    switched = []
    original = Files._take_place

    def killed(folder, new, name):
        if switched:
            raise Killed
        switched.append(name)
        original(folder, new, name)

    await operator.reconfigure("app", test_command=[scripts("test", "exit 1")])
    service_id, deployment_id = await operator.start("app")
    with monkeypatch.context() as torn:
        torn.setattr(Files, "_take_place", staticmethod(killed))
        with pytest.raises(Killed):
            await operator.world.deployer.deploy(service_id, deployment_id)
    assert contents(place)["www.pem"] != before["www.pem"]
    assert contents(place)["www.key"] == before["www.key"]
    await operator.world.deployer.deploy(service_id, deployment_id)
    assert isinstance(await operator.outcome(service_id), DeploymentRolledBack)
    assert contents(place) == before


@pytest.mark.parametrize("method", ["_test", "_reload", "_see"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_real_server_gets_its_certificate_although_our_process_was_killed(
    operator, place, monkeypatch, method, after
):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        renewed = await operator.renew()
        original = getattr(_Attempt, method)

        async def killed(self, *arguments):
            if after:
                await original(self, *arguments)
            raise Killed

        service_id, deployment_id = await operator.start("service")
        with monkeypatch.context() as torn:
            torn.setattr(_Attempt, method, killed)
            with pytest.raises(Killed):
                await operator.world.deployer.deploy(service_id, deployment_id)
        await operator.world.deployer.deploy(service_id, deployment_id)
        assert isinstance(await operator.outcome(service_id), CertificateDeployed)
        assert (await served(recipe))[0] == renewed


@pytest.mark.parametrize("method", ["_return_to", "_reload_again"])
async def test_a_real_server_serves_the_old_certificate_although_our_process_was_killed_on_the_way_back(
    operator, place, scripts, monkeypatch, method
):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        before = await served(recipe)
        still = {"reload_command": [scripts("reload", "true")], "reload_signal": "", "pid_file": ""}
        await operator.reconfigure("service", **still, probe_seconds=1)
        await operator.renew()

        def killed(_self, *_arguments, **_options):
            raise Killed

        service_id, deployment_id = await operator.start("service")
        with monkeypatch.context() as torn:
            torn.setattr(_Attempt, method, killed)
            with pytest.raises(Killed):
                await operator.world.deployer.deploy(service_id, deployment_id)
        await operator.world.deployer.deploy(service_id, deployment_id)
        assert isinstance(await operator.outcome(service_id), DeploymentRolledBack)
        assert await served(recipe) == before
