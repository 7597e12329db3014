"""A real tgtd as a child process: one target on a free port of loopback, with a control socket of its own."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.daemons import program
from tests.postgres import free_port
from tests.serving import PATIENCE

TARGET = "iqn.2026-01.test.example:disk"
CONTROL_PORT = 1


class Tgtd:
    """A running tgtd: its folder, and what its own tools tell of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.control_socket = f"{folder}/control.{CONTROL_PORT}"
        self.portal = f"127.0.0.1:{self.port}"
        self._environment = {**os.environ, "TGT_IPC_SOCKET": f"{folder}/control"}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run it with one target that lets everybody in, while the context lasts."""
        command = [program("tgtd"), "-f", "-C", str(CONTROL_PORT), "--iscsi", f"portal={self.portal}"]
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=self._environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while not self._answers():
                assert process.poll() is None, (self.folder / "output").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            self._furnish()
            yield
        finally:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        """Tell whether its control socket is there and takes connections: the one comes before the other."""
        with socket.socket(socket.AF_UNIX) as control:
            return control.connect_ex(self.control_socket) == 0

    def _furnish(self) -> None:
        disk = self.folder / "disk"
        disk.write_bytes(bytes(1 << 20))
        self.tell("target", "new", "--tid", "3", "--targetname", TARGET)
        self.tell("logicalunit", "new", "--tid", "3", "--lun", "1", "--backing-store", str(disk))
        self.tell("target", "bind", "--tid", "3", "--initiator-address", "ALL")

    def tell(self, mode: str, verb: str, *options: str) -> str:
        """Have tgtadm tell it something; return what it answers."""
        command = [program("tgtadm"), "-C", str(CONTROL_PORT), "--lld", "iscsi", "--mode", mode, "--op", verb, *options]
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def lists(self, user: str = "", secret: str = "") -> bool:
        """Tell whether `iscsi-ls` logs in with a secret and sees the disk."""
        return "Lun:1" in self._tried(["iscsi-ls", "-s", f"iscsi://{self.portal}"], _variables(user, secret))

    def proves_itself(self, user: str, secret: str, target_user: str, target_secret: str) -> bool:
        """Tell whether a login succeeds in which the target answers too."""
        asked = _variables(user, secret, target_user, target_secret)
        return "Peripheral" in self._tried(["iscsi-inq", f"iscsi://{self.portal}/{TARGET}/0"], asked)

    @staticmethod
    def _tried(command: list[str], variables: dict[str, str]) -> str:
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, check=False, timeout=PATIENCE)
        return done.stdout.decode()


def _variables(user: str, secret: str, target_user: str = "", target_secret: str = "") -> dict[str, str]:
    variables = {"LIBISCSI_CHAP_USERNAME": user, "LIBISCSI_CHAP_PASSWORD": secret} if user else {}
    if target_user:
        variables |= {"LIBISCSI_CHAP_TARGET_USERNAME": target_user, "LIBISCSI_CHAP_TARGET_PASSWORD": target_secret}
    return variables
