"""The README's tour, as written: every command is run, on the addresses of a server of the tests."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)

EXPECTED = (
    ("es-pki status", "authority intermediate: active"),
    ("certificate issue shop", "-----BEGIN CERTIFICATE-----"),
    ("csr sign www", "www.pem: OK"),
    ("openssl s_server", "verified, HTTP 200"),
    ("certificate list", "CertificateIssued|certificate.issued.v1|signed"),
    ("authority policy", "refused"),
    ("token create", '"certificate_pem"'),
    ("certificate revoke www", "www holds no more"),
    ("log verify --deep", "the log is sound"),
)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each block of the tour prints."""
    folder = tmp_path_factory.mktemp("tour")
    port = free_port()
    with serving.running(folder / "es-pki-data") as server:
        first, *tour = BLOCKS
        assert first == "make serve\n"
        printed = {}
        environment = serving.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        for block in tour:
            script = block.replace("https://127.0.0.1:8443", server.url).replace("4433", str(port))
            script = script.replace('export PATH="$PWD/.venv/bin:$PATH"\n', "")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            printed[block] = done.stdout
        yield printed


def test_the_tour_runs_as_written(outputs):
    assert len(outputs) == len(EXPECTED)
    for (block, printed), (command, expected) in zip(outputs.items(), EXPECTED, strict=True):
        assert command in block
        assert re.search(expected, printed), printed


def test_the_readme_starts_with_the_two_commands():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", README))
    assert {"serve", "test"} <= named <= targets
