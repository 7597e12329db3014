"""LDAPS of a Samba domain controller, and a machine's certificate in its directory. Wants root and fixed ports.

It serves on an address of loopback of its own. `make test-optional` installs Samba and runs it.
"""

import base64
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from es_pki.adapters.deployment import wire
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands.service_kinds import installed
from es_pki.events.service import CertificateDeployed, DeploymentRolledBack, Probe, ServiceKind
from tests.adapters.deployment import conftest
from tests.adapters.deployment.test_kinds import planting
from tests.daemons import Recipe, program

pytestmark = pytest.mark.optional

HOST = "127.0.0.5"
PASSWORD = "A password, 1 time"  # noqa: S105 - of a domain that lives as long as the test

clients, operator, place, scripts = conftest.clients, conftest.operator, conftest.place, conftest.scripts


def samba(folder: Path) -> Recipe:
    """Provision a domain; its files lie as the kind `active-directory` has them."""
    domain = folder / "domain"
    options = {
        "interfaces": f"{HOST}/8",
        "bind interfaces only": "yes",
        "vfs objects": "dfs_samba4 acl_xattr xattr_tdb",
        "server services": "rpc, ldap, kdc",
        "log file": f"{folder}/log",
        **{f"tls {name}file": f"{folder}/tls/current/{name}.pem" for name in ("key", "cert", "ca")},
        **dict.fromkeys(("pid directory", "ncalrpc dir", "winbindd socket directory"), f"{folder}/run"),
        "ntp signd socket directory": f"{folder}/run/ntp",
    }
    (folder / "tls").mkdir()
    (folder / "run").mkdir()
    command = [
        *("samba-tool", "domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE", "--server-role=dc"),
        *("--dns-backend=NONE", f"--host-ip={HOST}", "--host-name=dc", f"--targetdir={domain}"),
        f"--adminpass={PASSWORD}",
        *(f"--option={name}={value}" for name, value in options.items()),
    ]
    subprocess.run(command, check=True, capture_output=True)
    configuration = domain / "etc" / "smb.conf"
    told = "".join(f"\t{name} = {value}\n" for name, value in options.items())
    configuration.write_text(configuration.read_text().replace("[global]\n", f"[global]\n{told}", 1))
    kind = installed(ServiceKind.ACTIVE_DIRECTORY, "dc", f"{folder}/tls", {})
    fields = {"files": [{"form": file.form, "path": file.path} for file in kind.files], "link": kind.link}
    probe = {"address": f"{HOST}:636", "server_name": "www.example.test"}
    return Recipe(folder, 636, fields, {"probe": probe}, [program("samba"), "-F", "-M", "single", "-s", configuration])


async def served() -> list[str]:
    """The fingerprints of the chain that LDAPS serves."""
    return [fingerprint(each) for each in await wire.served(Probe(f"{HOST}:636"))]


async def test_a_domain_controller_changes_its_certificate_and_keeps_it_after_a_wrong_pair(operator, place, scripts):
    recipe = samba(place)
    start = f"setsid {shlex.join(map(str, recipe.command))} >{place}/output 2>&1 </dev/null & echo $! > {place}/pid"
    stop = f"[ -e {place}/pid ] && kill -9 -$(cat {place}/pid) 2>/dev/null; rm -rf {place}/run/*; "
    await operator.register("dc", **recipe.fields)
    await operator.reconfigure("dc", reload_command=[scripts("reload", stop + start)], **recipe.further)
    await operator.reconfigure("dc", start_command=[scripts("start", stop + start)], probe_seconds=40)
    try:
        assert isinstance(outcome := await operator.deploy("dc"), CertificateDeployed), outcome
        after = await operator.renew()
        assert isinstance(outcome := await operator.deploy("dc"), CertificateDeployed), outcome
        before = await served()
        assert before[0] == after
        planted = recipe._replace(further=recipe.further | {"reload_command": [scripts("restart", stop + start)]})
        key = conftest.files_of(recipe)["key"]
        await operator.reconfigure("dc", **planting(planted, place, key, scripts), probe_seconds=40)
        await operator.renew()
        assert isinstance(outcome := await operator.deploy("dc"), DeploymentRolledBack), outcome
        assert await served() == before
        await _publishes(operator, place, scripts)
    finally:
        subprocess.run(["/bin/sh", "-c", stop], check=False)


async def _publishes(operator, place, scripts):
    """Publish the certificate at the entry of the domain controller's own machine account."""
    database, entry = f"{place}/domain/private/sam.ldb", "CN=DC,OU=Domain Controllers,DC=example,DC=test"
    ldif = f"{place}/user-certificate.ldif"
    modify = f"exec ldbmodify -H {database} {ldif}"
    await operator.register(
        "machine",
        files=[{"form": "ad-user-certificate", "path": ldif}],
        directory_entry=entry,
        reload_command=[scripts("reload", modify)],
    )
    assert isinstance(outcome := await operator.deploy("machine"), CertificateDeployed), outcome
    found = subprocess.run(
        ["ldbsearch", "-H", database, "-b", entry, "-s", "base", "userCertificate"],
        check=True,
        capture_output=True,
        env=os.environ,
    ).stdout.decode()
    value = found.replace("\n ", "").partition("userCertificate:: ")[2].split("\n")[0]
    state = await operator.state("machine")
    assert fingerprint(base64.b64decode(value)) == state.deployments.newest.started.fingerprint
