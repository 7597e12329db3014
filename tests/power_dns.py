"""PowerDNS, a DNS host with an API over HTTP, as a child process on free ports of loopback."""

import contextlib
import secrets
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.bind import free_port

PROGRAM = "/usr/sbin/pdns_server"
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
ZONE = "hosted.test"


class PowerDNS:
    """A running server with one zone: its address, the API's URL, and the key that opens it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._api_port = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.api = f"http://127.0.0.1:{self._api_port}"
        self.key = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the zone, start, and wait until it answers for it."""
        with contextlib.closing(sqlite3.connect(self.folder / "zones.db")) as database:
            database.executescript(SCHEMA.read_text())
        (self.folder / "pdns.conf").write_text(self._configuration())
        config = f"--config-dir={self.folder}"
        for told in (("create-zone", ZONE, f"ns1.{ZONE}"), ("add-record", ZONE, "ns1", "A", "127.0.0.1")):
            subprocess.run(("pdnsutil", config, *told), check=True, capture_output=True)
        with (self.folder / "pdns.log").open("ab") as log:
            self._process = subprocess.Popen((PROGRAM, config), stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "pdns.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, dns.exception.DNSException):
            query = dns.message.make_query(ZONE, dns.rdatatype.SOA)
            return bool(dns.query.udp(query, "127.0.0.1", timeout=0.5, port=self.port).answer)
        return False

    def _configuration(self) -> str:
        told = {
            "launch": "gsqlite3",
            "gsqlite3-database": self.folder / "zones.db",
            "local-address": "127.0.0.1",
            "local-port": self.port,
            "socket-dir": self.folder,
            "api": "yes",
            "api-key": self.key,
            "webserver": "yes",
            "webserver-address": "127.0.0.1",
            "webserver-port": self._api_port,
            "cache-ttl": 0,
            "query-cache-ttl": 0,
            "negquery-cache-ttl": 0,
            "zone-cache-refresh-interval": 0,
        }
        return "".join(f"{name}={value}\n" for name, value in told.items())


@contextlib.contextmanager
def running() -> Iterator[PowerDNS]:
    """Run a server while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="pdns-") as name:
        server = PowerDNS(Path(name))
        try:
            server.start()
            yield server
        finally:
            server.stop()
