"""CHAP secrets of a real tgtd: rotated, tried by real initiators, taken back when a login fails."""

import asyncio
import subprocess

import msgspec
import pytest

from es_pki.adapters.deployment import NotAllowed
from es_pki.adapters.deployment.chap import PURPOSE
from es_pki.adapters.deployment.step import StepFailed
from es_pki.adapters.deployment.tgt import Tgtd as Control
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.intake.requests import ReconfigureService, RegisterService, RetireService, RotateCHAPSecret
from es_pki.adapters.keystore.store import KeyMissing
from es_pki.commands.reactions import DiscardCHAPSecrets, react
from es_pki.events.service import CHAPRotationFailed, CHAPSecretRotated, DeploymentStep, ServiceRetired
from tests import tgtd
from tests.daemons import program
from tests.serving import PATIENCE
from tests.tgtd import TARGET


class Storage:
    """A target whose secrets an es-pki rotates."""

    def __init__(self, operator, running):
        self.world, self.tgtd, self.service_id = operator.world, running, ""

    async def register(self, **fields):
        """Register the target as a service."""
        usual = {
            "iscsi_target": TARGET,
            "iscsi_portal": self.tgtd.portal,
            "chap_user": "alice",
            "tgtd_socket": self.tgtd.control_socket,
            "login_command": [program("iscsi-inq")],
        }
        asked = {"name": "disk", "kind": "iscsi", **usual, **fields}
        self.service_id = (await self.world.ask(msgspec.convert(asked, RegisterService))).result["service_id"]

    async def rotate(self):
        """Rotate, and return the outcome; what holds no more is discarded."""
        result = (await self.world.ask(RotateCHAPSecret("disk"))).result
        await self.world.rotator.rotate(self.service_id, result["rotation_id"])
        outcome = (await self.state()).outcome
        await self.world.rotator.discard(outcome.key_ids)
        return outcome

    async def state(self):
        """What is known of the secrets."""
        return (await self.world.aggregates.load(SERVICE, self.service_id, afresh=True)).state.chap

    async def secret(self, key_id):
        """The secret of an id."""
        return (await self.world.keys.secret(key_id, purpose=PURPOSE, owner=self.service_id)).decode()

    async def current(self):
        """The secret that the target has."""
        return await self.secret((await self.state()).current.key_id)


@pytest.fixture
async def storage(operator, place):
    """A target of a running tgtd, which has no account yet."""
    running = tgtd.Tgtd(place)
    with running.running():
        yield Storage(operator, running)


async def test_a_target_gets_a_secret_and_then_another_and_only_the_newest_lets_in(storage):
    await storage.register()
    assert storage.tgtd.lists()
    assert await storage.rotate() == CHAPSecretRotated((await storage.state()).newest.rotation_id)
    first, kept = await storage.current(), (await storage.state()).current.key_id
    assert len(first) == 16
    assert storage.tgtd.lists("alice", first)
    assert not storage.tgtd.lists()
    outcome = await storage.rotate()
    assert outcome.was_seen
    second = await storage.current()
    assert storage.tgtd.lists("alice", second)
    assert not storage.tgtd.lists("alice", first)
    with pytest.raises(KeyMissing):
        await storage.secret(kept)
    records = [record async for page in storage.world.log.read_all() for record in page.records]
    assert not any(secret.encode() in record.data for record in records for secret in (first, second))


@pytest.mark.parametrize("length", [12, 255])
async def test_secrets_are_as_long_as_asked_and_the_target_proves_itself_too(storage, length, place):
    secrets_file = place / "secrets.conf"
    await storage.register(
        chap_target_user="disk", chap_secret_length=length, chap_secrets_file=str(secrets_file), mode="0640"
    )
    assert isinstance(await storage.rotate(), CHAPSecretRotated)
    current = (await storage.state()).current
    secret, of_target = await storage.secret(current.key_id), await storage.secret(current.target_key_id)
    assert (len(secret), len(of_target)) == (length, length)
    assert storage.tgtd.proves_itself("alice", secret, "disk", of_target)
    assert not storage.tgtd.proves_itself("alice", secret, "disk", secret)
    assert secrets_file.read_text() == f"incominguser alice {secret}\noutgoinguser disk {of_target}\n"
    assert secrets_file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in place.glob(".*secrets*")] == []


async def test_a_session_goes_on_while_the_secret_changes(storage):
    await storage.register()
    await storage.rotate()
    variables = {"LIBISCSI_CHAP_USERNAME": "alice", "LIBISCSI_CHAP_PASSWORD": await storage.current()}
    url = f"iscsi://{storage.tgtd.portal}/{TARGET}/1"
    session = await asyncio.create_subprocess_exec(
        program("iscsi-perf"), "-t", "1", url, env=variables, stdout=subprocess.PIPE
    )
    while "I_T nexus: " not in storage.tgtd.tell("target", "show"):
        await asyncio.sleep(0.01)
    for _ in range(3):
        assert isinstance(await storage.rotate(), CHAPSecretRotated)
    async with asyncio.timeout(PATIENCE):
        said, _ = await session.communicate()
    assert session.returncode == 0
    assert b"finished" in said


async def test_when_the_login_fails_the_secret_of_before_holds_again(storage, scripts, place):
    secrets_file = place / "secrets.conf"
    await storage.register(chap_secrets_file=str(secrets_file))
    await storage.rotate()
    before, written = await storage.current(), secrets_file.read_text()
    once = f'[ -e $0.done ] || {{ touch $0.done; echo no way; exit 7; }}\nexec {program("iscsi-inq")} "$@"'
    await storage.world.ask(_reconfigured(login_command=[scripts("test", once)]))
    outcome = await storage.rotate()
    assert isinstance(outcome, CHAPRotationFailed)
    assert (outcome.step, outcome.words) == (DeploymentStep.PROBE, "no way")
    assert outcome.reason == "the login with the new secret failed: it ended with status 7"
    assert await storage.current() == before
    assert storage.tgtd.lists("alice", before)
    assert secrets_file.read_text() == written
    for key_id in outcome.key_ids:
        with pytest.raises(KeyMissing):
            await storage.secret(key_id)


def _reconfigured(**fields):
    return msgspec.convert({"service": "disk", **fields}, ReconfigureService)


async def test_a_target_that_had_no_account_is_as_open_as_before_when_its_first_rotation_fails(storage, scripts):
    await storage.register(login_command=[scripts("test", "exit 1")])
    outcome = await storage.rotate()
    assert outcome.step is DeploymentStep.PROBE
    assert storage.tgtd.tell("account", "show") == ""
    assert storage.tgtd.lists()


async def test_a_target_whose_secret_of_before_nobody_knows_lets_nobody_in_when_a_rotation_fails(storage, scripts):
    storage.tgtd.tell("account", "new", "--user", "alice", "--password", "somebody elses")
    storage.tgtd.tell("account", "bind", "--tid", "3", "--user", "alice")
    await storage.register(login_command=[scripts("test", "exit 1")])
    outcome = await storage.rotate()
    assert outcome.step is DeploymentStep.RESTORE
    assert "nobody can log in: rotate again" in outcome.reason
    assert not storage.tgtd.lists()
    await storage.world.ask(_reconfigured(login_command=[program("iscsi-inq")]))
    assert isinstance(await storage.rotate(), CHAPSecretRotated)
    assert storage.tgtd.lists("alice", await storage.current())


async def test_a_second_account_is_not_touched_and_named(storage):
    storage.tgtd.tell("account", "new", "--user", "bob", "--password", "bobs own secret")
    storage.tgtd.tell("account", "bind", "--tid", "3", "--user", "bob")
    await storage.register()
    outcome = await storage.rotate()
    assert outcome.step is DeploymentStep.PROVE
    assert "unbind bob" in outcome.reason
    assert storage.tgtd.lists("bob", "bobs own secret")


async def test_a_login_that_anybody_passes_is_no_proof(storage, scripts):
    await storage.register(login_command=[scripts("test", "exit 0")])
    outcome = await storage.rotate()
    assert outcome.reason == "the target lets in whoever has no secret"


async def test_what_is_not_there_is_named(storage, place):
    await storage.register(iscsi_target="iqn.2026-01.test.example:absent")
    assert (await storage.rotate()).reason == "tgtd has no target iqn.2026-01.test.example:absent"
    await storage.world.ask(_reconfigured(tgtd_socket=f"{place}/absent"))
    assert "tgtd can't be asked at" in (await storage.rotate()).reason
    await storage.world.ask(_reconfigured(tgtd_socket=""))
    assert "no tgtd_socket" in (await storage.rotate()).reason


@pytest.mark.parametrize("field", ["tgtd_socket", "chap_secrets_file", "login_command"])
async def test_what_the_settings_do_not_allow_is_refused(storage, field):
    with pytest.raises(NotAllowed):
        await storage.register(**{field: ["/bin/sh"] if field == "login_command" else "/elsewhere"})


async def test_only_root_is_told_a_secret(operator, place):
    """Somebody else has made the control socket."""
    listening = (
        "import socket, os; os.setuid(65534); s = socket.socket(socket.AF_UNIX)\n"
        f"s.bind('{place}/odd'); s.listen(); print(flush=True); s.accept()"
    )
    place.chmod(0o777)
    other = await asyncio.create_subprocess_exec("/usr/bin/python3", "-c", listening, stdout=subprocess.PIPE)
    try:
        await other.stdout.readline()
        with pytest.raises(StepFailed, match="it isn't root who listens"):
            await Control(operator.world.deployer._allowed, f"{place}/odd").accounts()
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()


class Killed(BaseException):
    """What ends a process at once."""


@pytest.mark.parametrize("method", ["target", "take_account", "give_account"])
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
async def test_a_rotation_goes_on_after_our_process_was_killed(storage, monkeypatch, method, is_after):
    await storage.register()
    await storage.rotate()
    original = getattr(Control, method)

    async def killed(self, *arguments, **options):
        if is_after:
            await original(self, *arguments, **options)
        raise Killed

    result = (await storage.world.ask(RotateCHAPSecret("disk"))).result
    with monkeypatch.context() as torn:
        torn.setattr(Control, method, killed)
        with pytest.raises(Killed):
            await storage.world.rotator.rotate(storage.service_id, result["rotation_id"])
    await storage.world.rotator.rotate(storage.service_id, result["rotation_id"])
    assert isinstance((await storage.state()).outcome, CHAPSecretRotated)
    assert storage.tgtd.lists("alice", await storage.current())


async def test_the_secrets_of_a_retired_target_are_discarded(storage):
    await storage.register()
    await storage.rotate()
    key_id = (await storage.state()).current.key_id
    await storage.world.ask(RetireService("disk"))
    (retired,) = [happened async for happened in storage.world.aggregates.every(ServiceRetired)]
    effects = [each.effect for each in react(retired)]
    assert effects == [DiscardCHAPSecrets(storage.service_id, (key_id,))]
    await storage.world.performer.perform(effects[0])
    with pytest.raises(KeyMissing):
        await storage.secret(key_id)
