"""docs/BACKUP.md: its commands, run one after the other as they stand there, on an installation that is served."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import serving

DOCUMENT = (Path(__file__).parents[1] / "docs" / "BACKUP.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)

EXPECTED = (
    ("backup create monday.backup", "the backup is sound"),
    ("--against kept", "the backup is sound|made before"),
    ("sealed.backup --passphrase-file", "the backup is sound"),
    ("backup restore sealed.backup", "the log is sound"),
    ("--data-dir older", "the log is|refused"),
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each block prints."""
    folder = tmp_path_factory.mktemp("backups")
    environment = serving.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    with serving.running(folder / "es-pki-data"):
        return [
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            ).stdout
            for block in BLOCKS
        ]


def test_the_commands_run_as_written(outputs):
    assert len(outputs) == len(EXPECTED)
    for block, printed, (command, expected) in zip(BLOCKS, outputs, EXPECTED, strict=True):
        assert command in block
        assert re.search(expected, printed), printed
