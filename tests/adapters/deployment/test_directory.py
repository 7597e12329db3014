"""Certificates published in a real directory: slapd shows the new one, or the old one again."""

import base64
import subprocess
from urllib.parse import quote

import pytest

from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import CertificateDeployed, DeploymentFailed, DeploymentRolledBack
from tests import daemons
from tests.daemons import Recipe, program

ENTRY = "cn=pc1\\, the first,dc=example"


def directory(folder):
    """A directory with the entry of a machine."""
    recipe = daemons.slapd(folder)
    (folder / "entries").mkdir()
    manager = "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth"
    (folder / "init.ldif").write_text(
        f"dn: cn=config\nobjectClass: olcGlobal\ncn: config\nolcPidFile: {folder}/pid\n\n"
        "dn: cn=schema,cn=config\nobjectClass: olcSchemaConfig\ncn: schema\n\n"
        "include: file:///etc/ldap/schema/core.ldif\n\n"
        "dn: olcDatabase={1}ldif,cn=config\nobjectClass: olcDatabaseConfig\nobjectClass: olcLdifConfig\n"
        f"olcDatabase: {{1}}ldif\nolcSuffix: dc=example\nolcDbDirectory: {folder}/entries\n"
        f"olcAccess: {{0}}to * by dn.exact={manager} manage by * read\n"
    )
    (folder / "entry.ldif").write_text(
        "dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n"
        f"dn: {ENTRY}\nobjectClass: device\nobjectClass: pkiUser\ncn: pc1, the first\n"
    )
    url = f"ldapi://{quote(f'{folder}/s', safe='')}"
    ldif = f"{folder}/tls/user-certificate.ldif"
    fields = {"files": [{"form": "user-certificate", "path": ldif}], "directory_entry": ENTRY}
    further = {"reload_command": [program("ldapmodify"), "-Q", "-Y", "EXTERNAL", "-H", url, "-f", ldif]}
    return Recipe(folder, recipe.port, fields, further, recipe.command, before=recipe.before)


def published(recipe):
    """The fingerprints of the certificates at the entry."""
    command = [program("ldapsearch"), "-x", "-LLL", "-o", "ldif-wrap=no", "-H", f"ldap://{recipe.address}"]
    done = subprocess.run(
        [*command, "-b", ENTRY, "-s", "base", "userCertificate;binary"], capture_output=True, check=True
    )
    values = [line.partition(b":: ")[2] for line in done.stdout.splitlines() if line.startswith(b"userCertificate")]
    return [fingerprint(base64.b64decode(value)) for value in values]


@pytest.fixture
def running(place):
    """A running directory."""
    recipe = directory(place)
    with daemons.running(recipe):
        added = ["ldapadd", "-Q", "-Y", "EXTERNAL", "-H", recipe.further["reload_command"][5], "-f"]
        subprocess.run([*added, str(place / "entry.ldif")], check=True, capture_output=True)
        yield recipe


async def test_a_certificate_is_published_at_its_entry_and_replaced_when_it_is_renewed(operator, running):
    await operator.register("pc1", **running.fields, **running.further)
    assert published(running) == []
    for _ in range(2):
        after = await operator.renew()
        assert isinstance(await operator.deploy("pc1"), CertificateDeployed)
        assert published(running) == [after]
    started = (await operator.state("pc1")).deployments.newest.started
    assert not started.leaves_key


async def test_when_the_directory_refuses_the_certificate_of_before_stays_published(operator, running, scripts, place):
    await operator.register("pc1", **running.fields, **running.further)
    await operator.deploy("pc1")
    before = published(running)
    modify = " ".join(f"'{word}'" for word in running.further["reload_command"])
    odd = f"{modify} && [ -e {place}/once ] || {{ touch {place}/once; exit 32; }}"
    await operator.reconfigure("pc1", reload_command=[scripts("reload", odd)])
    await operator.renew()
    assert isinstance(await operator.deploy("pc1"), DeploymentRolledBack)
    assert published(running) == before


async def test_an_entry_that_is_not_there_is_said_in_the_directorys_own_words(operator, running):
    await operator.register("pc1", **running.fields | {"directory_entry": "cn=absent,dc=example"}, **running.further)
    outcome = await operator.deploy("pc1")
    assert isinstance(outcome, DeploymentFailed)
    assert "No such object (32)" in outcome.words
