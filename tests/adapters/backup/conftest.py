"""An installation with some history, its backup, and the command line in this process."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from es_pki.__main__ import LocalWork
from es_pki.adapters.checkpoints import Notary
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.cli import run
from es_pki.adapters.intake.requests import SelfSignCertificate
from eventlog.sqlite import SQLiteLog
from eventlog.tree import Tree
from tests.world import World, open_keys

CERTIFICATES = 180
"""Enough for an entry bundle, a part of another, and a tile above them."""

PASSPHRASE = "the passphrase of these tests"  # noqa: S105 - made for these tests


async def more(folder: Path, *names: str) -> str:
    """Have an installation issue certificates; return the checkpoint over them."""
    log, keys = await SQLiteLog.open(folder / "log.db"), await open_keys(folder)
    checkpoints = await SQLiteCheckpoints.open(folder / "checkpoint.db")
    world = World(log, keys)
    await world.set_up()
    for name in names:
        await world.ask(SelfSignCertificate(name=name, dns_names=(f"{name}.test",)))
    signed = await Notary(log, Tree(log), world.keys, checkpoints).checkpoint()
    await checkpoints.close()
    await world.keys.close()
    await log.close()
    return signed.note


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """An installation that nobody changes."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    folder.mkdir(mode=0o700)
    asyncio.run(more(folder, *(f"c{number}" for number in range(CERTIFICATES))))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    """A copy of the installation."""
    return Path(shutil.copytree(original, tmp_path / "data"))


class Outcome(NamedTuple):
    """What a run of the command line came to."""

    status: int
    text: str
    errors: str

    @property
    def json(self) -> Any:
        """Its standard output, as a program reads it."""
        return json.loads(self.text)


EsPki = Callable[..., Outcome]


@pytest.fixture
def es_pki(capfd, monkeypatch, tmp_path):
    """Runs the command line in an empty folder, without settings."""
    for name in [name for name in os.environ if name.startswith("ES_PKI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run_it(*argv):
        capfd.readouterr()
        status = run([str(word) for word in argv], LocalWork())
        return Outcome(status, *capfd.readouterr())

    return run_it


@pytest.fixture
def backup(es_pki, folder, tmp_path):
    """A backup of the installation."""
    assert es_pki("backup", "create", tmp_path / "a.backup", "--data-dir", folder).status == 0
    return tmp_path / "a.backup"


@pytest.fixture
def kept(folder, tmp_path):
    """Issue more and keep the checkpoint over it: returns its file."""

    def keep(*names: str) -> Path:
        file = tmp_path / "kept"
        file.write_text(asyncio.run(more(folder, *names)))
        return file

    return keep


@pytest.fixture
def passphrase_file(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    file.chmod(0o600)
    return file
