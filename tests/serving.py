"""A real es-pki as a child process, and a small client of it."""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE = 60


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Server:
    """A running es-pki: its folder, its process, and requests to it."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
        addresses = json.loads((folder / "server.json").read_text())
        self.folder = folder
        self.process = process
        self.log = log
        self.url, self.public_url = addresses["url"], addresses["public_url"]
        self.token = (folder / "admin.token").read_text().strip()
        self._context = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "",
        headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Reply:
        """Send one request; `token` "" is the administrator's, None sends none; a body that isn't bytes is JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token or self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        tls = context or self._context
        connection = http.client.HTTPSConnection(urlsplit(self.url).netloc, context=tls, timeout=PATIENCE)
        return _exchange(connection, method, path, body, sent)

    def fetch(self, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Reply:
        """Fetch from the public listener; a body is posted."""
        connection = http.client.HTTPConnection(urlsplit(self.public_url).netloc, timeout=PATIENCE)
        return _exchange(connection, "GET" if body is None else "POST", path, body, headers or {})

    def get(self, path: str, **options: Any) -> Reply:
        """Query."""
        return self.send("GET", path, **options)

    def command(self, name: str, body: Any, **options: Any) -> Reply:
        """Send a command."""
        return self.send("POST", f"/api/v1/commands/{name}", body, **options)

    def done(self, name: str, /, **body: Any) -> Any:
        """Send a command that must succeed; return its answer."""
        reply = self.command(name, body)
        assert reply.status == 200, reply.body
        return reply.json

    def size(self) -> int:
        """Return the log's size once no CRL is due: they are issued a moment after what they tell of."""
        wait_for(lambda: self.get("/readyz").json["crls_due"] == 0)
        return int(self.get("/readyz").json["log"])


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Reply:
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with these settings of es-pki and no others."""
    return {k: v for k, v in os.environ.items() if not k.startswith("ES_PKI_")} | settings


def start(folder: Path, *options: str, program: Sequence[str] = ("-m", "es_pki"), **settings: str) -> Server:
    """Start a server on free ports and wait until it listens; `program` is what Python runs."""
    log = folder.with_name(folder.name + ".log")
    command = [sys.executable, *program, "serve", "--data-dir", str(folder)]
    ports = ["--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *ports, *options], stdout=output, stderr=output, env=environment(**settings)
        )

    def announced() -> bool:
        assert process.poll() is None, log.read_text()
        return announced_pid(folder) == process.pid

    wait_for(announced)
    return Server(folder, process, log)


def announced_pid(folder: Path) -> int | None:
    """Return the process that `server.json` names."""
    with contextlib.suppress(FileNotFoundError):
        return int(json.loads((folder / "server.json").read_text())["pid"])
    return None


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail when it doesn't in a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stop(server: Server) -> int:
    """Tell a server to stop; return its exit status."""
    server.process.send_signal(signal.SIGTERM)
    return server.process.wait(PATIENCE)


@contextlib.contextmanager
def running(folder: Path, *options: str, **settings: str) -> Iterator[Server]:
    """Run a server while the context lasts."""
    server = start(folder, *options, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            stop(server)
