"""A real server as a child process, and the command line run against it in this process."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import pytest

from es_pki.__main__ import LocalWork
from es_pki.adapters.cli import run

PATIENCE = 60


class Outcome(NamedTuple):
    """What a run of the command line came to."""

    status: int
    raw: bytes
    errors: str

    @property
    def text(self):
        """Its standard output."""
        return self.raw.decode()

    @property
    def json(self):
        """Its standard output, as a program reads it."""
        return json.loads(self.raw)


def without_settings():
    """The environment without what would steer es-pki."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ES_PKI_")}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """The data folder of a running server."""
    folder = tmp_path_factory.mktemp("cli") / "data"
    command = [sys.executable, "-m", "es_pki", "serve", "--data-dir", str(folder)]
    addresses = ["--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0"]
    with (folder.parent / "server.log").open("wb") as log:
        server = subprocess.Popen([*command, *addresses], stdout=log, stderr=log, env=without_settings())
    try:
        deadline = time.monotonic() + PATIENCE
        while not (folder / "server.json").exists():
            assert server.poll() is None, (folder.parent / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield folder
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE)


@pytest.fixture
def bare(capfdbinary, monkeypatch, tmp_path):
    """Runs the command line in an empty folder, and nothing tells it where a server is."""
    for name in set(os.environ) - set(without_settings()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run_it(*argv):
        capfdbinary.readouterr()
        status = run([str(word) for word in argv], LocalWork())
        out, errors = capfdbinary.readouterr()
        return Outcome(status, out, errors.decode())

    return run_it


@pytest.fixture
def es_pki(bare, data_dir, monkeypatch):
    """Runs the command line, which finds the server in its data folder."""
    monkeypatch.setenv("ES_PKI_DATA_DIR", str(data_dir))
    return bare
