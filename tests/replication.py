"""A primary and its synchronous standby: PostgreSQL streaming replication, to be broken."""

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.postgres import Server, free_port

PATIENCE = 30

_PRIMARY = ("synchronous_standby_names=standby", "synchronous_commit=on")
_STANDBY = ("wal_retrieve_retry_interval=100ms",)


class Pair:
    """Two servers of one database; `url` names both."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.primary = Server(folder / "primary", free_port())
        self.standby = Server(folder / "standby", free_port())
        self.primary.own_folder()
        subprocess.run(["cp", "-a", template / "data", self.primary.folder / "data"], check=True)

    @property
    def url(self) -> str:
        """What es-pki is given as its database."""
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://test@{hosts}/postgres"

    def start(self) -> None:
        """Start the primary, copy it to the standby, and wait until every commit waits for both."""
        self.primary.start()
        self.standby.own_folder()
        address = f"host=127.0.0.1 port={self.primary.port} user=test application_name=standby"
        options = ["--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync"]
        self.standby.run("pg_basebackup", "-D", self.standby.folder / "data", "-d", address, *options)
        self.restart_standby()
        for setting in _PRIMARY:
            name, _, value = setting.partition("=")
            self.ask(self.primary, f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask(self.primary, "SELECT pg_reload_conf()")
        self.wait_until_synchronous()

    def restart_standby(self) -> None:
        """Start the standby again."""
        self.standby.start(*_STANDBY)

    def wait_until_synchronous(self) -> None:
        """Wait until the primary's commits wait for the standby."""
        deadline = time.monotonic() + PATIENCE
        while self.ask(self.primary, "SELECT sync_state FROM pg_stat_replication") != "sync":
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def promote(self) -> None:
        """Make the standby a primary of its own, with nobody to wait for."""
        self.standby.run("pg_ctl", "promote", "-w", "-D", self.standby.folder / "data")

    def ask(self, server: Server, query: str) -> str:
        """Return the answer to a query, as psql prints it."""
        command = server.command("psql", "-X", "-A", "-t", "-d", server.url, "-c", query)
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd="/", timeout=PATIENCE
        ).stdout.strip()

    def stop(self) -> None:
        """End both, whatever state they are in."""
        for server in (self.standby, self.primary):
            server.signal(signal.SIGCONT)
            server.kill()


@contextlib.contextmanager
def running(template: Path) -> Iterator[Pair]:
    """Run a primary that begins as the template, and its standby."""
    with tempfile.TemporaryDirectory(prefix="replication-") as name:
        Path(name).chmod(0o755)
        pair = Pair(Path(name), template)
        try:
            pair.start()
            yield pair
        finally:
            pair.stop()
