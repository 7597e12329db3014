"""IMAP of a real dovecot, by STARTTLS and at once: with a wrong pair its handshakes fail until the files are back."""

from pathlib import Path

import pytest

from es_pki.adapters.deployment import wire
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import CertificateDeployed, DeploymentRolledBack, Probe
from tests.adapters.deployment import conftest
from tests.adapters.deployment.test_kinds import _deploys_at, key_file, planting, served, serving
from tests.daemons import Recipe, _linked, program
from tests.postgres import free_port

pytestmark = pytest.mark.optional

clients, operator, place, scripts = conftest.clients, conftest.operator, conftest.place, conftest.scripts


def dovecot(folder: Path) -> Recipe:
    """Two files behind a link; SIGHUP."""
    fields, port, imaps, configuration = _linked(folder), free_port(), free_port(), folder / "dovecot.conf"
    (folder / "state").mkdir()
    configuration.write_text(
        f"base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\nprotocols = imap\n"
        "listen = 127.0.0.1\nssl = yes\ndefault_internal_user = dovecot\n"
        f"ssl_cert = <{fields['link']}/fullchain.pem\nssl_key = <{fields['link']}/key.pem\n"
        f"service imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n"
        f" inet_listener imaps {{\n port = {imaps}\n ssl = yes\n }}\n}}\n"
        f"passdb {{\n driver = static\n args = nopassword=y\n}}\n"
    )
    further = {
        "reload_signal": "HUP",
        "pid_file": f"{folder}/run/master.pid",
        "probe": {"address": f"127.0.0.1:{port}", "protocol": "imap"},
    }
    command = [program("dovecot"), "-F", "-c", configuration]
    return Recipe(folder, port, fields, further, command, also=f"127.0.0.1:{imaps}")


async def test_dovecot_changes_its_certificate_and_serves_it_again_after_a_wrong_pair(
    operator, place, clients, scripts
):
    recipe = dovecot(place)
    async with serving(operator, recipe):
        (first, *_) = await served(recipe)
        after = await operator.renew()
        async with clients(recipe).connecting() as connecting:
            assert isinstance(outcome := await operator.deploy("service"), CertificateDeployed), outcome
        assert connecting.failures == []
        assert set(connecting.seen) == {first, after}
        await _deploys_at(operator, recipe.also)
        before = await served(recipe)
        await operator.reconfigure("service", **planting(recipe, place, key_file(recipe), scripts), probe_seconds=2)
        await operator.renew()
        assert isinstance(outcome := await operator.deploy("service"), DeploymentRolledBack), outcome
        assert await served(recipe) == before
        assert [fingerprint(each) for each in await wire.served(Probe(recipe.also))] == before
