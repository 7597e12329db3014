"""Whatever goes wrong: what was there before stays or comes back, and the outcome says why and what to do."""

import asyncio
import contextlib
import grp
import os
import pwd
import resource
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from es_pki.adapters.deployment import Allowed, NotAllowed
from es_pki.adapters.deployment.files import Files
from es_pki.adapters.deployment.step import StepFailed
from es_pki.events.service import (
    CertificateDeployed,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStep,
    FileForm,
    Installation,
    ServiceFile,
)
from tests import daemons
from tests.adapters.deployment.test_kinds import served, serving
from tests.world import World

DEPLOYMENT_ID = "018f0000-0000-7000-8000-000000000008"


def files_in(folder, name="www"):
    return [
        {"form": "full-chain", "path": f"{folder}/{name}.pem"},
        {"form": "key", "path": f"{folder}/{name}.key"},
    ]


def contents(folder):
    """What lies in a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def beside(program, ending):
    """What a program of the test wrote beside itself."""
    return Path(f"{program}.{ending}").read_text()


def lives(process_id):
    """Tell whether a process goes on; one that ended may wait for somebody to bury it."""
    stat = Path(f"/proc/{process_id}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_files_are_written_for_their_owner_alone_and_nothing_is_left_over(operator, place):
    await operator.register("app", files=files_in(place), mode="0640", group=grp.getgrgid(os.getgid()).gr_name)
    assert isinstance(await operator.deploy("app"), CertificateDeployed)
    assert set(contents(place)) == {"www.pem", "www.key"}
    for path in place.iterdir():
        assert path.stat().st_mode & 0o777 == 0o640
    before = contents(place)
    await operator.renew()
    assert isinstance(await operator.deploy("app"), CertificateDeployed)
    assert set(contents(place)) == set(before)
    assert contents(place)["www.key"] != before["www.key"]


async def test_a_key_that_leaves_is_recorded_but_not_its_bytes(operator, place):
    await operator.register("app", files=files_in(place))
    await operator.deploy("app")
    secret = contents(place)["www.key"].splitlines()[1]  # the lines behind it hold the public half
    records = [record async for page in operator.world.log.read_all() for record in page.records]
    assert not any(secret in record.data for record in records)
    (started,) = [record for record in records if record.type == "service.deployment_started.v1"]
    assert b'"leaves_key":true' in started.data


async def test_a_missing_folder_is_named(operator, place):
    await operator.register("app", files=files_in(place / "absent"))
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentFailed)
    assert outcome.step is DeploymentStep.STAGE
    assert f"{place}/absent doesn't exist: make it" in outcome.reason


async def test_an_unknown_user_is_named_and_nothing_is_written(operator, place):
    await operator.register("app", files=files_in(place), owner="nobody-of-this-name")
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentFailed)
    assert "no user nobody-of-this-name" in outcome.reason
    assert contents(place) == {}


@contextlib.contextmanager
def without_rights():
    """Go on as nobody, where we are root: root may write everywhere."""
    if os.geteuid() == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


def test_a_folder_that_is_not_ours_is_said(place):
    place.chmod(0o555)
    file = ServiceFile(FileForm.KEY, f"{place}/key.pem")
    files = Files(Allowed((str(place),)), Installation(files=(file,)), DEPLOYMENT_ID)
    with without_rights(), pytest.raises(StepFailed, match="can't be written: permission denied"):
        files.stage({file.path: b"key"})


def test_a_full_disk_is_said_and_what_is_there_stays(place):
    file = ServiceFile(FileForm.KEY, f"{place}/key.pem")
    files = Files(Allowed((str(place),)), Installation(files=(file,)), DEPLOYMENT_ID)
    (place / "key.pem").write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, limits[1]))
    try:
        with pytest.raises(StepFailed, match="can't be written: file too large"):
            files.stage({file.path: bytes(5_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (place / "key.pem").read_bytes() == b"before"
    files.stage({file.path: b"after"})
    files.keep()
    files.switch()
    assert (place / "key.pem").read_bytes() == b"after"
    files.restore()
    assert (place / "key.pem").read_bytes() == b"before"


async def test_pkcs12_is_written_under_the_passphrase_of_a_file(operator, place):
    store, passphrase = place / "app.p12", place / "passphrase"
    fields = {"files": [{"form": "pkcs12", "path": str(store)}], "passphrase_file": str(passphrase)}
    await operator.register("app", **fields)
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentFailed)
    assert "passphrase can't be read: no such file" in outcome.reason
    passphrase.write_text("the service's own passphrase\n")
    assert isinstance(await operator.deploy("app"), CertificateDeployed)
    found = load_pkcs12(store.read_bytes(), b"the service's own passphrase")
    assert found.key.public_key() == found.cert.certificate.public_key()
    assert len(found.additional_certs) == 1


async def test_every_form_of_a_file_holds_what_it_says(operator, place):
    forms = ("full-chain", "certificate", "issuers", "key", "combined")
    await operator.register("app", files=[{"form": form, "path": f"{place}/{form}"} for form in forms])
    assert isinstance(await operator.deploy("app"), CertificateDeployed)
    found = {form: (place / form).read_text() for form in forms}
    assert found["full-chain"] == found["certificate"] + found["issuers"]
    assert found["combined"] == found["key"] + found["full-chain"]
    assert found["full-chain"].count("BEGIN CERTIFICATE") == 2


async def test_a_failing_reload_is_told_in_its_own_words_and_the_files_come_back(operator, place, scripts):
    await operator.register("app", files=files_in(place))
    await operator.deploy("app")
    before = contents(place)
    reload = scripts("reload", "[ -e $0.done ] && exit 0; touch $0.done; printf 'no\\033[31m way\\n'; exit 3")
    await operator.reconfigure("app", reload_command=[reload])
    await operator.renew()
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentRolledBack), outcome
    assert (outcome.step, outcome.reason) == (DeploymentStep.RELOAD, "the reload failed: it ended with status 3")
    assert outcome.words == "no\\x1b[31m way"
    assert contents(place) == before


async def test_what_a_program_says_is_bounded_and_no_key_is_repeated(operator, place, scripts):
    await operator.register("app", files=files_in(place))
    await operator.deploy("app")
    await operator.reconfigure("app", test_command=[scripts("test", f"cat {place}/www.key; seq 100000; exit 1")])
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentRolledBack), outcome
    assert len(outcome.words) == 1000
    await operator.reconfigure("app", test_command=[scripts("test", f"cat {place}/www.key; exit 1")])
    outcome = await operator.deploy("app")
    assert outcome.words == "(a private key)"


async def test_a_hanging_reload_is_killed_with_what_it_started(operator, place, scripts):
    await operator.register("app", files=files_in(place))
    await operator.deploy("app")
    before = contents(place)
    reload = scripts("reload", "sleep 300 & echo $! > $0.pid; wait")
    await operator.reconfigure("app", reload_command=[reload], command_seconds=1)
    await operator.renew()
    outcome = await operator.deploy("app")
    assert "took longer than 1 seconds" in outcome.reason
    assert contents(place) == before
    assert not lives(int(beside(reload, "pid")))


async def test_a_program_gets_nothing_of_our_environment_and_its_arguments_as_they_are(
    operator, place, scripts, monkeypatch
):
    monkeypatch.setenv("ES_PKI_MASTER_PASSPHRASE", "a secret of es-pki")
    reload = scripts("reload", 'env > "$0.env"; printf "%s|" "$@" > "$0.arguments"')
    odd = ["$(id)", "; touch x", "`id`", "a b", "*", "'\"", "-rf"]
    name = "a;b $(id) `id`"
    await operator.register("app", files=files_in(place, name), reload_command=[reload, *odd])
    assert isinstance(await operator.deploy("app"), CertificateDeployed)
    assert set(contents(place)) == {f"{name}.pem", f"{name}.key"}
    assert beside(reload, "arguments") == "".join(f"{argument}|" for argument in odd)
    assert "ES_PKI" not in beside(reload, "env")


async def test_a_service_that_is_down_is_said_and_the_files_come_back(operator, place):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        pass
    await operator.reconfigure("service", probe_seconds=1)
    before = [path.read_bytes() for path in sorted((place / "tls" / "current").iterdir())]
    await operator.renew()
    outcome = await operator.deploy("service")
    assert isinstance(outcome, DeploymentFailed), outcome
    assert outcome.step is DeploymentStep.RESTORE
    assert "serves nothing" in outcome.reason
    assert [path.read_bytes() for path in sorted((place / "tls" / "current").iterdir())] == before


async def test_while_the_disk_is_full_the_old_certificate_is_served_and_afterwards_the_new_one(operator, place):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        before = await served(recipe)
        after = await operator.renew()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            outcome = await operator.deploy("service")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert isinstance(outcome, DeploymentFailed), outcome
        assert (outcome.step, outcome.reason) == (
            DeploymentStep.STAGE,
            "the files can't be written: file too large",
        )
        assert await served(recipe) == before
        assert isinstance(await operator.deploy("service"), CertificateDeployed)
        assert (await served(recipe))[0] == after


async def test_a_reload_that_changes_nothing_is_found_on_the_wire(operator, place, scripts):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        before = await served(recipe)
        still = {"reload_command": [scripts("reload", "true")], "reload_signal": "", "pid_file": ""}
        await operator.reconfigure("service", **still, probe_seconds=1)
        await operator.renew()
        outcome = await operator.deploy("service")
        assert isinstance(outcome, DeploymentRolledBack), outcome
        assert outcome.step is DeploymentStep.PROBE
        assert f"serves another certificate ({before[0]})" in outcome.reason
        assert await served(recipe) == before


async def test_a_server_that_dies_of_a_reload_is_started_again_with_the_old_certificate(operator, place, scripts):
    recipe = daemons.nginx(place)
    async with serving(operator, recipe):
        before = await served(recipe)
        dying = scripts("reload", f"kill -TERM $(cat {place}/pid)")
        command = " ".join(map(str, recipe.command))
        start = scripts("start", f"setsid {command} >/dev/null 2>&1 &")
        fields = {"reload_command": [dying], "reload_signal": "", "pid_file": ""}
        await operator.reconfigure("service", **fields, start_command=[start], probe_seconds=1)
        await operator.renew()
        outcome = await operator.deploy("service")
        try:
            assert isinstance(outcome, DeploymentRolledBack), outcome
            assert await served(recipe) == before
        finally:
            os.kill(int((place / "pid").read_text()), 15)


async def test_what_the_settings_do_not_allow_is_refused_and_the_setting_is_named(operator, place):
    for fields, named in (
        ({"files": [{"form": "key", "path": "/etc/passwd"}]}, "files[0].path"),
        ({"files": [{"form": "key", "path": f"{place}-elsewhere/key.pem"}]}, "files[0].path"),
        ({"files": [{"form": "key", "path": "/srv/current/key.pem"}], "link": "/srv/current"}, "files[0].path"),
        ({"reload_command": ["/bin/sh", "-c", "id"]}, "reload_command"),
        ({"reload_signal": "HUP", "pid_file": "/run/nginx.pid"}, "pid_file"),
    ):
        with pytest.raises(NotAllowed, match="service_") as refused:
            await operator.register("odd", **fields)
        assert named in [violation.field for violation in refused.value.violations]


async def test_what_the_settings_no_longer_allow_is_not_deployed(operator, place):
    await operator.register("app", files=files_in(place))
    service_id, deployment_id = await operator.start("app")
    other = World(operator.world.log, operator.world.keys._store)
    await other.deployer.deploy(service_id, deployment_id)
    outcome = await operator.outcome(service_id)
    assert isinstance(outcome, DeploymentFailed)
    assert "service_folders" in outcome.reason
    assert contents(place) == {}


async def test_a_link_below_the_allowed_folder_leads_nowhere(operator, place, tmp_path):
    (tmp_path / "outside").mkdir()
    (place / "inside").symlink_to(tmp_path / "outside")
    await operator.register("app", files=files_in(place / "inside"))
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentFailed)
    assert "is a link" in outcome.reason
    assert contents(tmp_path / "outside") == {}


async def test_a_file_that_is_a_link_is_replaced_and_not_followed(operator, place, tmp_path):
    outside = tmp_path / "outside.pem"
    outside.write_bytes(b"precious")
    (place / "www.pem").symlink_to(outside)
    (place / "www.key").symlink_to(tmp_path / "nowhere")
    await operator.register("app", files=files_in(place))
    service_id, deployment_id = await operator.start("app")
    (place / f".www.key.{deployment_id}.new").symlink_to(outside)
    await operator.world.deployer.deploy(service_id, deployment_id)
    assert isinstance(await operator.outcome(service_id), CertificateDeployed)
    assert outside.read_bytes() == b"precious"
    assert not (place / "www.pem").is_symlink()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("form", ["file", "link"])
async def test_a_folder_in_the_place_of_a_file_or_link_is_not_touched(operator, place, form):
    (place / "www.pem").mkdir()
    fields = {"files": files_in(place)}
    if form == "link":
        fields = {"files": [{"form": "key", "path": f"{place}/www.pem/key"}], "link": f"{place}/www.pem"}
    await operator.register("app", **fields)
    outcome = await operator.deploy("app")
    assert isinstance(outcome, DeploymentFailed)
    assert "move it away" in outcome.reason
    assert (place / "www.pem").is_dir()


async def test_a_service_that_hangs_holds_up_no_other(operator, place, scripts):
    for number in range(12):
        (place / str(number)).mkdir()
        await operator.register(f"app-{number}", files=files_in(place / str(number)))
    await operator.reconfigure("app-0", reload_command=[scripts("reload", "sleep 300")], command_seconds=2)
    started = [await operator.start(f"app-{number}") for number in range(12)]
    begin = time.monotonic()
    running = [asyncio.ensure_future(operator.world.deployer.deploy(*ids)) for ids in started]
    await asyncio.gather(*running[1:])
    assert not running[0].done()
    await running[0]
    assert time.monotonic() - begin > 2
    assert isinstance(await operator.outcome(started[0][0]), DeploymentRolledBack | DeploymentFailed)
