"""A restore fills what is empty, proves itself against a kept checkpoint, and whatever stops it starts nothing half."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import sys

import pytest

from es_pki.adapters.backup import BackupDamaged, BackupRefused
from es_pki.adapters.backup.restoring import restore
from es_pki.adapters.backup.verifying import verify
from es_pki.app import restore_target
from es_pki.config import Settings
from es_pki.events import codec
from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog
from tests import postgres, serving
from tests.adapters.backup.conftest import more
from tests.world import Failing, Fault


@pytest.fixture
def restored(es_pki, backup, folder, tmp_path):
    """Restore the backup into a new folder that has the master key; returns what the command line says."""

    def restore_it(*options, name="new"):
        target = tmp_path / name
        target.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(folder / "master.key", target / "master.key")
        return es_pki("backup", "restore", backup, "--data-dir", target, *options)

    return restore_it


def records_of(folder):
    async def read():
        log = await SQLiteLog.open(folder / "log.db")
        try:
            return [record async for page in log.read_all() for record in page.records]
        finally:
            await log.close()

    return asyncio.run(read())


def test_a_restored_folder_is_the_one_that_was(restored, es_pki, folder, tmp_path):
    outcome = restored("--json")
    assert outcome.status == 0
    assert "the master key is in its place" in outcome.json["next"]
    assert records_of(tmp_path / "new") == records_of(folder)
    again = es_pki("backup", "create", tmp_path / "again", "--data-dir", tmp_path / "new")
    assert again.status == 0
    for name in ("checkpoint", "mark.json", "keys/000000.jsonl", "tile/entries/000"):
        one, other = (
            subprocess.run(["tar", "xOzf", tmp_path / file, name], capture_output=True, check=True).stdout
            for file in ("a.backup", "again")
        )
        assert one == other


def test_a_restored_log_continues_what_was_signed(restored, es_pki, kept, tmp_path):
    """Nothing was signed after the backup, so the same checkpoint is found again, and later ones continue it."""
    before = kept()
    assert restored("--against", before).status == 0
    asyncio.run(more(tmp_path / "new", "after"))
    assert es_pki("log", "verify", "--deep", "--data-dir", tmp_path / "new", "--against", before).status == 0


def test_without_the_master_key_it_is_said_where_to_put_it(es_pki, backup, tmp_path, folder):
    outcome = es_pki("backup", "restore", backup, "--data-dir", tmp_path / "new")
    assert (outcome.status, "master.key (0600) before you start" in outcome.text) == (0, True)
    assert not (tmp_path / "new" / "master.key").exists()
    assert es_pki("views", "list", "--data-dir", tmp_path / "new").status == 2
    shutil.copy2(folder / "master.key", tmp_path / "new")
    assert es_pki("views", "list", "--data-dir", tmp_path / "new").status == 0


def test_another_master_key_is_refused_before_anything_is_written(es_pki, backup, tmp_path):
    target = tmp_path / "new"
    target.mkdir()
    (target / "master.key").write_text("A" * 43 + "=\n")
    (target / "master.key").chmod(0o600)
    outcome = es_pki("backup", "restore", backup, "--data-dir", target)
    assert (outcome.status, "not the master key" in outcome.errors) == (2, True)
    assert [path.name for path in target.iterdir()] == ["master.key"]


def test_nothing_is_written_over_an_installation(restored, es_pki, backup, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    outcome = es_pki("backup", "restore", backup, "--data-dir", folder)
    assert (outcome.status, "nothing is written over" in outcome.errors) == (2, True)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert restored().status == 0
    assert restored().status == 2


@pytest.mark.parametrize("left", ["log.db", "keys.db", "checkpoint.db", "views.db"])
def test_any_single_store_of_another_installation_is_enough_to_refuse(restored, es_pki, folder, tmp_path, left):
    other, target = tmp_path / "other", tmp_path / "new"
    assert es_pki("init", "--data-dir", other).status == 0
    if left == "checkpoint.db":
        asyncio.run(more(folder, "newer"))
        other = folder
    if left == "views.db":
        assert es_pki("views", "rebuild", "key_uses", "--data-dir", other).status == 0
    target.mkdir()
    shutil.copy2(other / left, target / left)
    before = (target / left).read_bytes()
    outcome = restored()
    assert (outcome.status, "nothing is written over" in outcome.errors) == (2, True), outcome
    assert (target / left).read_bytes() == before


def lacking(outcome):
    """Return how many records a refused restore says are lacking."""
    assert outcome.status == 2
    return int(outcome.errors.split("--accept-loss ")[1].split()[0])


def test_a_restore_that_loses_records_is_refused_unless_the_loss_is_named_exactly(restored, kept, tmp_path):
    file = kept("lost")
    lost = lacking(restored("--against", file))
    assert lost > 0
    for number in (lost - 1, lost + 1, 0):
        assert lacking(restored("--against", file, "--accept-loss", number, "--reason", "a broken disk")) == lost
    assert restored("--against", file, "--accept-loss", lost).status == 2
    assert restored("--accept-loss", lost, "--reason", "a broken disk").status == 2
    assert not (tmp_path / "new" / "log.db").exists()
    assert restored("--against", file, "--accept-loss", lost, "--reason", "a broken disk").status == 0


def test_no_loss_may_be_accepted_where_nothing_is_lost(restored, kept):
    outcome = restored("--against", kept(), "--accept-loss", 3, "--reason", "a broken disk")
    assert (outcome.status, "loses 0 records" in outcome.errors) == (2, True)


@pytest.fixture
def after_a_loss(restored, kept, tmp_path):
    """A folder that was restored without records that a kept checkpoint covers, and that checkpoint."""
    file = kept("lost")
    outcome = restored("--against", file, "--accept-loss", lacking(restored("--against", file)), "--reason", "a disk")
    assert outcome.status == 0
    return tmp_path / "new", file


def test_a_loss_is_the_next_record_and_ends_the_origin(after_a_loss, folder, es_pki):
    new, file = after_a_loss
    *same, ending = records_of(new)
    assert same == records_of(folder)[: len(same)]
    event = codec.decode(ending.type, ending.data)
    assert (event.origin, event.size) == ("pki.example.test/log", len(same))
    assert (event.checkpoint, event.reason) == (file.read_text(), "a disk")
    assert event.next_origin.startswith("pki.example.test/log-")
    verified = es_pki("log", "verify", "--deep", "--data-dir", new)
    assert verified.status == 0, verified.text
    against = es_pki("log", "verify", "--data-dir", new, "--against", file)
    assert (against.status, "its end was cut off" in against.text) == (1, True)


def test_after_a_loss_nothing_is_signed_until_there_is_a_key_and_then_under_another_origin(after_a_loss, es_pki):
    new, _ = after_a_loss
    nothing = es_pki("backup", "create", "none", "--data-dir", new)
    assert (nothing.status, "no signing key yet" in nothing.errors) == (2, True)
    with serving.running(new) as server:
        note = server.get("/api/v1/log/checkpoint").body.decode()
        keys = server.get("/api/v1/log/keys").json["items"]
        rows = server.get("/api/v1/events?type=log_key.log_restored.v1").json["items"]
        assert len(rows) == 1
    origin = note.split("\n")[0]
    assert origin.startswith("pki.example.test/log-")
    assert note.count("— ") == 1
    assert [key["status"] for key in keys] == ["retired", "current"]
    assert {line.split(" ")[1] for line in note.splitlines() if line.startswith("— ")} == {origin}
    assert es_pki("log", "verify", "--deep", "--data-dir", new).status == 0
    assert es_pki("backup", "create", "next", "--data-dir", new).status == 0
    assert es_pki("backup", "verify", "next").status == 0


def test_the_old_origin_can_not_be_taken_up_again(after_a_loss):
    new, _ = after_a_loss
    done = subprocess.run(
        [sys.executable, "-m", "es_pki", "init", "--data-dir", new, "--log-origin", "pki.example.test/log"],
        env=serving.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "log_origin" in done.stderr) == (2, True)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from es_pki.__main__ import main
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.keystore.sqlite import SQLiteSealedKeys
from eventlog.sqlite import SQLiteLog
from eventlog.sqlite.restorer import Restorer

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def instead_of(owner, name, *, after):
    original = getattr(owner, name)
    if not after:
        setattr(owner, name, die)
    elif asyncio.iscoroutinefunction(original):
        async def whole(*arguments, **options):
            await original(*arguments, **options)
            die()
        setattr(owner, name, whole)
    else:
        setattr(owner, name, lambda *arguments: (original(*arguments), die()))

place, after, *sys.argv[1:] = sys.argv[1:]
owner, name = place.split(".")
instead_of(globals()[owner], name, after=after == "after")
main()
"""

PLACES = [
    ("SQLiteCheckpoints.put", "before"),
    ("SQLiteCheckpoints.put", "after"),
    ("Restorer.add", "after"),
    ("Restorer.commit", "before"),
    ("Restorer.commit", "after"),
    ("SQLiteSealedKeys.fill", "before"),
    ("SQLiteSealedKeys.fill", "after"),
]


@pytest.mark.parametrize(
    ("place", "when", "loses"), [*((*place, False) for place in PLACES), (*PLACES[3], True), (*PLACES[4], True)]
)
def test_a_killed_restore_starts_nothing_and_goes_on(es_pki, backup, folder, kept, tmp_path, place, when, loses):
    target = tmp_path / "new"
    options = ["backup", "restore", str(backup), "--data-dir", str(target)]
    if loses:
        options += ["--against", str(kept("lost"))]
        options += ["--accept-loss", str(lacking(es_pki(*options))), "--reason", "a disk"]
    target.mkdir(mode=0o700, exist_ok=True)
    shutil.copy2(folder / "master.key", target / "master.key")
    command = [sys.executable, "-c", KILLED, place, when, *options]
    killed = subprocess.run(command, env=serving.environment(), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    is_done, is_begun = (place, when) == PLACES[-1], (place, when) != PLACES[0]
    if is_begun and not is_done:
        half = es_pki("init", "--data-dir", target)
        assert (half.status, "restore it from a backup" in half.errors) == (2, True), half
    again = es_pki(*options)
    assert again.status == (2 if is_done else 0), again.errors
    restored = records_of(target)
    assert [record.type for record in restored].count("log_key.log_restored.v1") == loses
    assert es_pki("log", "verify", "--deep", "--data-dir", target).status == 0
    assert es_pki("init", "--data-dir", target).status == 0


async def fill(backup, settings, wrap, ending=None):
    found = await verify(backup, str)
    async with restore_target(settings) as target:
        await restore(backup, str, found, wrap(target), ending=ending, heard=lambda _done, _total: None)


@pytest.mark.parametrize(("on", "after"), [("sqlite", False), ("sqlite", True), ("postgres", True)])
def test_whichever_call_of_a_store_fails_the_next_restore_goes_on(request, backup, tmp_path, on, after):
    """Checkpoint, log and keys are each asked once to store something."""
    for number, (store, method) in enumerate((("checkpoints", "put"), ("log", "restore"), ("keys", "fill"))):
        url = request.getfixturevalue("fresh_urls")[number] if on == "postgres" else ""
        settings = Settings(data_dir=str(tmp_path / f"new-{number}"), database_url=url)

        def failing(target, store=store, method=method):
            changed = {store: Failing(getattr(target, store), {method}, 1, after=after)}
            return type(target)(**{name: getattr(target, name) for name in target.__struct_fields__} | changed)

        with pytest.raises(Fault):
            asyncio.run(fill(backup, settings, failing))
        with (
            contextlib.nullcontext()
            if not (after and store == "keys")
            else pytest.raises(BackupRefused, match="isn't empty")
        ):
            asyncio.run(fill(backup, settings, lambda target: target))


@pytest.fixture
def fresh_urls(postgres_server):
    async def make(stack):
        return [await stack.enter_async_context(postgres.database(postgres_server)) for _ in range(3)]

    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        yield runner.run(make(stack))
        runner.run(stack.aclose())


def test_a_file_that_is_changed_after_it_was_verified_restores_nothing(backup, kept, folder, es_pki, tmp_path):
    async def swapped():
        found = await verify(backup, str)
        async with restore_target(Settings(data_dir=str(tmp_path / "new"))) as target:
            backup.write_bytes((tmp_path / "other").read_bytes())
            await restore(backup, str, found, target, ending=None, heard=lambda _done, _total: None)

    kept("one-more")
    assert es_pki("backup", "create", tmp_path / "other", "--data-dir", folder).status == 0
    with pytest.raises(BackupDamaged, match="after it was verified"):
        asyncio.run(swapped())
    assert records_of(tmp_path / "new") == []


def test_a_log_that_grew_after_a_stopped_restore_is_not_touched(backup, tmp_path):
    """Somebody brought it to life in between: that is no half restore any more."""
    settings = Settings(data_dir=str(tmp_path / "new"))

    def failing(target):
        changed = {"keys": Failing(target.keys, {"fill"}, 1, after=False)}
        return type(target)(**{name: getattr(target, name) for name in target.__struct_fields__} | changed)

    async def grow():
        log = await SQLiteLog.open(settings.folder / "log.db")
        await log.append([Write("other-1", 0, (NewEvent("other.v1", b"{}"),))])
        await log.close()

    with pytest.raises(Fault):
        asyncio.run(fill(backup, settings, failing))
    asyncio.run(grow())
    with pytest.raises(BackupRefused, match="nothing is written over"):
        asyncio.run(fill(backup, settings, lambda target: target))


def test_a_log_whose_records_have_gone_is_not_begun_anew(es_pki, folder):
    for path in folder.glob("log.db*"):
        path.unlink()
    outcome = es_pki("init", "--data-dir", folder)
    assert (outcome.status, "restore it from a backup" in outcome.errors) == (2, True)
