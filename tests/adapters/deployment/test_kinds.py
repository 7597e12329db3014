"""Real servers change their certificates while clients connect, and serve the old ones again when they can't."""

import contextlib
import functools
import os
import shlex
import signal

import pytest

from es_pki.adapters.deployment import wire
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import (
    CertificateDeployed,
    DeploymentRolledBack,
    DeploymentStep,
    Probe,
    ProbeProtocol,
)
from tests import daemons, openssl
from tests.adapters.deployment.conftest import files_of

KINDS = {"nginx": daemons.nginx, "haproxy": daemons.haproxy, "redis": daemons.redis}
"""Those that go on serving what they have when they are told to read a wrong pair."""

STARTED_AGAIN = {
    "vsftpd": daemons.vsftpd,
    "vsftpd with implicit TLS": functools.partial(daemons.vsftpd, is_implicit=True),
    "rclone": daemons.rclone,
}
"""Those that read their files when they start, and don't start with a wrong pair."""

FRAGILE = {"apache": daemons.apache, "postfix": daemons.postfix, "slapd": daemons.slapd}
"""Those that then serve nothing, or are gone."""


@contextlib.asynccontextmanager
async def serving(operator, recipe, run=None):
    """Bring the first certificate to a server, run it, and tell es-pki how to treat it."""
    await operator.register("service", **recipe.fields)
    outcome = await operator.deploy("service")
    assert isinstance(outcome, CertificateDeployed), outcome
    assert not outcome.was_seen
    with run or daemons.running(recipe):
        await operator.reconfigure("service", **recipe.further)
        yield


async def served(recipe):
    protocol = recipe.further["probe"].get("protocol", ProbeProtocol.TLS)
    return [fingerprint(each) for each in await wire.served(Probe(recipe.address, ProbeProtocol(protocol)))]


@pytest.mark.parametrize("kind", KINDS | FRAGILE)
async def test_a_server_changes_its_certificate_and_no_client_notices(operator, place, clients, kind):
    recipe = (KINDS | FRAGILE)[kind](place)
    async with serving(operator, recipe):
        (before, *_) = await served(recipe)
        after = await operator.renew()
        async with clients(recipe).connecting() as connecting:
            outcome = await operator.deploy("service")
        assert isinstance(outcome, CertificateDeployed), outcome
        assert outcome.was_seen
        assert connecting.failures == []
        assert set(connecting.seen) == {before, after}
        leaf, *issuers = await served(recipe)
        assert (leaf, len(issuers)) == (after, 1)
        if recipe.also:
            await _deploys_at(operator, recipe.also)
    left = {path.name for path in files_of(recipe).popitem()[1].parent.iterdir()}
    assert left == {path.name for path in files_of(recipe).values()}


async def _deploys_at(operator, address):
    """Its other address tells the same: SMTPS and LDAPS, where the first is STARTTLS."""
    await operator.reconfigure("service", probe={"address": address, "protocol": "tls"})
    after = await operator.renew()
    outcome = await operator.deploy("service")
    assert isinstance(outcome, CertificateDeployed), outcome
    assert [fingerprint(each) for each in await wire.served(Probe(address))][:1] == [after]


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_wrong_pair_the_old_certificate_is_served_again(operator, place, clients, scripts, kind):
    """Somebody else changes the key between the test and the reload, once."""
    recipe = KINDS[kind](place)
    async with serving(operator, recipe):
        before = await served(recipe)
        await operator.reconfigure("service", **planting(recipe, place, key_file(recipe), scripts), probe_seconds=1)
        await operator.renew()
        async with clients(recipe).connecting() as connecting:
            outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert outcome.step in {DeploymentStep.PROBE, DeploymentStep.RELOAD}
        assert connecting.failures == []
        assert set(connecting.seen) == {before[0]}
        assert await served(recipe) == before


@pytest.mark.parametrize("kind", FRAGILE)
async def test_a_server_that_a_wrong_pair_breaks_serves_the_old_certificate_in_the_end(operator, place, scripts, kind):
    recipe = FRAGILE[kind](place)
    async with serving(operator, recipe):
        before = await served(recipe)
        await operator.reconfigure("service", **planting(recipe, place, key_file(recipe), scripts), probe_seconds=1)
        await operator.renew()
        outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert outcome.step in {DeploymentStep.PROBE, DeploymentStep.RELOAD}
        assert await served(recipe) == before


@pytest.mark.parametrize("kind", STARTED_AGAIN)
async def test_a_server_that_reads_its_files_only_at_its_start_is_started_again(
    operator, place, clients, scripts, kind
):
    """A restart drops connections, and with a wrong pair it stays down until the files are back."""
    recipe = STARTED_AGAIN[kind](place)
    start = f"setsid {shlex.join(map(str, recipe.command))} >/dev/null 2>&1 & echo $! > {place}/pid"
    restart = f"kill $(cat {place}/pid) 2>/dev/null; sleep 0.1; {start}"
    async with serving(
        operator, recipe._replace(further=recipe.further | {"start_command": [scripts("start", start)]})
    ):
        pass
    await operator.reconfigure("service", reload_command=[scripts("reload", restart)], probe_seconds=2)
    try:
        await operator.deploy("service")
        (first, *_) = await served(recipe)
        after = await operator.renew()
        async with clients(recipe).connecting() as connecting:
            outcome = await operator.deploy("service")
        assert isinstance(outcome, CertificateDeployed), outcome
        assert set(connecting.seen) == {first, after}
        before = await served(recipe)
        assert (before[0], len(before)) == (after, 2)
        further = recipe.further | {"reload_command": [scripts("restart", restart)]}
        planted = planting(recipe._replace(further=further), place, key_file(recipe), scripts)
        await operator.reconfigure("service", **planted, probe_seconds=1)
        await operator.renew()
        outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert await served(recipe) == before
    finally:
        os.kill(int((place / "pid").read_text()), signal.SIGTERM)


async def test_postgresql_changes_its_certificate_and_keeps_it_after_a_wrong_pair(
    operator, place, clients, scripts, postgres_template
):
    """Its files are its own user's: it takes no others."""
    postgresql = daemons.PostgreSQL(place)
    recipe = postgresql.recipe
    async with serving(operator, recipe, postgresql.running(postgres_template)):
        (first, *_) = await served(recipe)
        after = await operator.renew()
        async with clients(recipe).connecting() as connecting:
            outcome = await operator.deploy("service")
        assert isinstance(outcome, CertificateDeployed), outcome
        assert connecting.failures == []
        assert set(connecting.seen) == {first, after}
        before = await served(recipe)
        assert before[0] == after
        key = files_of(recipe)["key"]
        assert key.owner() == recipe.fields["owner"]
        await operator.reconfigure("service", **planting(recipe, place, key, scripts), probe_seconds=1)
        await operator.renew()
        async with clients(recipe).connecting() as connecting:
            outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert (connecting.failures, set(connecting.seen)) == ([], {after})
        assert await served(recipe) == before


@pytest.mark.parametrize("kind", ["nginx", "apache", "haproxy"])
async def test_a_wrong_key_that_somebody_planted_after_a_deployment_is_not_put_back(operator, place, scripts, kind):
    """The next deployment fails, and the files from before are wrong: the pair of before comes from the key store."""
    recipe = (KINDS | FRAGILE)[kind](place)
    async with serving(operator, recipe):
        before = await served(recipe)
        key = key_file(recipe)
        good = {path: path.read_bytes() for path in files_of(recipe).values()}
        foreign = openssl.run("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        certificates = key.read_text().partition("-----END PRIVATE KEY-----\n")[2]
        key.write_text(foreign + certificates)
        failing = scripts("test", "exit 1")
        await operator.reconfigure("service", test_command=[failing], probe_seconds=5)
        await operator.renew()
        outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert outcome.step is DeploymentStep.TEST
        assert "somebody else changed them; so what was deployed before was written anew" in outcome.reason
        assert {path: path.read_bytes() for path in good} == good
        assert await served(recipe) == before
        await operator.reconfigure("service", test_command=[])
        assert isinstance(await operator.deploy("service"), CertificateDeployed)


def key_file(recipe):
    """Return the file that has a server's key."""
    return next(path for form, path in files_of(recipe).items() if form in {"key", "combined"})


def planting(recipe, place, key, scripts):
    """Return a reload that plants a foreign key the first time, in a file of its own or before the certificates."""
    (place / "foreign.pem").write_text(
        openssl.run("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    )
    further = recipe.further
    reload = (
        shlex.join(further.get("reload_command", ()))
        or f"kill -{further['reload_signal']} $(head -n 1 {further['pid_file']})"
    )
    plant = f"sed -n '/BEGIN CERTIFICATE/,$p' {key} > {place}/rest; cat {place}/foreign.pem {place}/rest > {key}"
    script = scripts("reload", f"[ -e {place}/rest ] || {{ {plant}; }}\n{reload}")
    return {"reload_command": [script], "reload_signal": "", "pid_file": ""}
