"""BIND, the name server, as a child process on free ports of loopback: zones that take updates under a TSIG key."""

import atexit
import base64
import contextlib
import functools
import hashlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update

KEY_NAME = "es-pki.tests"

ZONE = "example.test"
"""The zone of the server that all share."""


def tsig_key(text: str = "the tests' own key", algorithm: str = "sha256") -> str:
    """Return a TSIG key in base64."""
    return base64.b64encode(hashlib.new(algorithm, text.encode()).digest()).decode()


class Bind:
    """A running server. `zones` by name, each with the records that it begins with besides SOA and NS."""

    def __init__(self, folder: Path, zones: Mapping[str, str], key: str, algorithm: str, policy: str) -> None:
        self.folder, self.zones, self.key = folder, dict(zones), key
        self.forged = ""
        self.algorithm, self.policy = algorithm, policy
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers for its zones."""
        for zone, records in self.zones.items():
            file = self.folder / f"{zone}.zone"
            if not file.exists():
                file.write_text(f"$TTL 60\n@ SOA ns1 admin 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.1\n{records}\n")
        (self.folder / "named.conf").write_text(self._configuration())
        with (self.folder / "named.log").open("ab") as log:
            command = ("/usr/sbin/named", "-g", "-c", str(self.folder / "named.conf"), "-n", "1")
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "named.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def values(self, name: str) -> set[str]:
        """Return the TXT values of a name."""
        query = dns.message.make_query(name, dns.rdatatype.TXT)
        answer = dns.query.udp(query, "127.0.0.1", timeout=5, port=self.port)
        return {record.strings[0].decode() for rrset in answer.answer for record in rrset}

    def dumped(self, zone: str) -> str:
        """Return all that a zone says."""
        key = dns.tsig.Key(KEY_NAME, self.key, f"{self.algorithm}.")
        transfer = dns.query.xfr("127.0.0.1", zone, port=self.port, keyring=key, timeout=5)
        return "\n".join(str(rrset) for message in transfer for rrset in message.answer)

    def add(self, zone: str, name: str, kind: str, value: str) -> None:
        """Put a record beside the others, as somebody else would."""
        update = self._update(zone)
        update.add(f"{name}.", 60, kind, value)
        assert dns.query.tcp(update, "127.0.0.1", timeout=5, port=self.port).rcode() == 0

    def take(self, zone: str, name: str, kind: str, value: str) -> None:
        """Take a record away, as somebody else would."""
        update = self._update(zone)
        update.delete(f"{name}.", kind, value)
        assert dns.query.tcp(update, "127.0.0.1", timeout=5, port=self.port).rcode() == 0

    def _update(self, zone: str) -> dns.update.UpdateMessage:
        key = dns.tsig.Key(KEY_NAME, self.key, f"{self.algorithm}.")
        return dns.update.UpdateMessage(f"{zone}.", keyring=key)

    def _answers(self) -> bool:
        query = dns.message.make_query(next(iter(self.zones)), dns.rdatatype.SOA)
        with contextlib.suppress(OSError, dns.exception.DNSException):
            return bool(dns.query.udp(query, "127.0.0.1", timeout=0.5, port=self.port).answer)
        return False

    def _configuration(self) -> str:
        zones = "".join(
            f'zone "{zone}" {{ type primary; file "{self.folder}/{zone}.zone"; '
            f"update-policy {{ {self.policy}; }}; }};\n"
            for zone in self.zones
        )
        return f"""
key "{KEY_NAME}" {{ algorithm {self.algorithm}; secret "{self.key}"; }};
options {{
  directory "{self.folder}";
  pid-file none;
  session-keyfile "{self.folder}/session.key";
  managed-keys-directory "{self.folder}";
  listen-on port {self.port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-recursion {{ 127.0.0.1; }};
  dnssec-validation {"yes" if self.forged else "no"};
  notify no;
  empty-zones-enable no;
  minimal-responses no;
}};
controls {{ }};
{zones}{self._forgeries()}"""

    def _forgeries(self) -> str:
        """Return what makes this a resolver that asks another server for a zone, whose signatures can't hold."""
        if not self.forged:
            return ""
        zone, _, server = self.forged.partition("@")
        port = server.rpartition(":")[2]
        return f"""
zone "{zone}" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {port}; }}; }};
trust-anchors {{ "{zone}" static-ds 12345 13 2 "{"00" * 32}"; }};
"""


def free_port() -> int:
    """Return a port that nobody listens on, neither by UDP nor by TCP."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))
        return port


@contextlib.contextmanager
def running(
    zones: Mapping[str, str],
    *,
    key: str = "",
    algorithm: str = "hmac-sha256",
    policy: str = f"grant {KEY_NAME} zonesub ANY",
) -> Iterator[Bind]:
    """Run a server while the context lasts; `policy` is that of its zones' updates."""
    with tempfile.TemporaryDirectory(prefix="bind-") as name:
        bind = Bind(Path(name), zones, key or tsig_key(), algorithm, policy)
        try:
            bind.start()
            yield bind
        finally:
            bind.stop()


@contextlib.contextmanager
def distrusting(server: Bind, zone: str) -> Iterator[Bind]:
    """Run a resolver that validates, and wants signatures of a server's zone that it doesn't have."""
    with tempfile.TemporaryDirectory(prefix="bind-") as name:
        resolver = Bind(Path(name), {"resolver.test": ""}, tsig_key(), "hmac-sha256", "deny * wildcard * ANY")
        resolver.forged = f"{zone}@{server.address}"
        try:
            resolver.start()
            yield resolver
        finally:
            resolver.stop()


@functools.cache
def shared() -> Bind:
    """Return the server of this test process, which ends with it: for samples that only need one to be there."""
    bind = running({ZONE: ""})
    atexit.register(bind.__exit__, None, None, None)
    return bind.__enter__()
