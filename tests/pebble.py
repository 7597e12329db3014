"""Pebble, an ACME directory that really validates, with a DNS server for it and somebody who answers at its port 80.

All are children or threads of the test process, listening on free ports of loopback, ended with it.
"""

import atexit
import contextlib
import functools
import http.client
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import openssl
from tests.postgres import free_port

EAB_KEYS = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
"""Keys of external account bindings, in base64url, by their ids."""

NONCE_REJECTIONS = 15
"""Of a hundred good nonces, how many are refused."""


class Pebble:
    """A running directory: its address, the certificate to trust, and whom it finds at port 80 of every name.

    At port 443 of every name it finds whoever listens at `tls_port`.
    """

    def __init__(self, folder: Path, dns: str = "", **variables: str) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._variables = variables
        self._responder = _Responder()
        self.ca_bundle = own_certificate(folder)
        self._ports = {name: free_port() for name in ("acme", "management", "dns", "dns management")}
        self.url = f"https://127.0.0.1:{self._ports['acme']}/dir"
        self.tls_port = free_port()
        self.dns, self._has_own_dns = dns or f"127.0.0.1:{self._ports['dns']}", not dns

    def start(self) -> None:
        """Start the DNS server, unless there is another, and the directory, and wait until they answer."""
        dns_management = f"127.0.0.1:{self._ports['dns management']}"
        challenges = [f"-{kind}=" for kind in ("http01", "https01", "tlsalpn01", "defaultIPv6")]
        if self._has_own_dns:
            self._run("pebble-challtestsrv", f"-dns01={self.dns}", f"-management={dns_management}", *challenges)
        self._responder.start()
        self.start_directory()

    def start_directory(self, **config: object) -> None:
        """Start the directory; a new one knows nothing of the one before at the same address."""
        told = {
            "listenAddress": f"127.0.0.1:{self._ports['acme']}",
            "managementListenAddress": f"127.0.0.1:{self._ports['management']}",
            "certificate": str(self.folder / "certificate.pem"),
            "privateKey": str(self.folder / "key.pem"),
            "httpPort": self._responder.port,
            "tlsPort": self.tls_port,
            "externalAccountMACKeys": EAB_KEYS,
            **config,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": told}))
        self._run("pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", self.dns)
        self._wait(lambda: self.management("/roots/0"))

    def stop_directory(self) -> None:
        """End the directory, as if it were down."""
        self._end(self._processes.pop())

    def stop(self) -> None:
        """End everything."""
        self._responder.stop()
        while self._processes:
            self._end(self._processes.pop())

    def answers_at(self, url: str) -> None:
        """Have all that the directory asks at port 80, of whatever host, be answered by this server."""
        self._responder.target = urlsplit(url).netloc

    def management(self, path: str) -> bytes:
        """Ask the directory's management interface."""
        context = ssl.create_default_context(cadata=self.ca_bundle)
        address = f"https://127.0.0.1:{self._ports['management']}{path}"
        with urllib.request.urlopen(address, context=context, timeout=5) as answer:
            return bytes(answer.read())

    def dns_says(self, what: str, **body: Any) -> None:
        """Change what the DNS server answers: `add-a`, `set-txt`, `add-caa`, `set-servfail`, …"""
        address = f"http://127.0.0.1:{self._ports['dns management']}/{what}"
        with urllib.request.urlopen(address, json.dumps(body).encode(), timeout=5) as answer:
            answer.read()

    def _run(self, *command: str) -> None:
        environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(NONCE_REJECTIONS)}
        with (self.folder / f"{command[0]}.log").open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env={**environment, **self._variables})
        self._processes.append(process)

    def _wait(self, answers: Any) -> None:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers()
                return
            if time.monotonic() > deadline or self._processes[-1].poll() is not None:
                raise RuntimeError((self.folder / "pebble.log").read_text())
            time.sleep(0.02)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait()


class _Responder:
    """Port 80 as the directory sees it: passes what is asked on to a server of the test."""

    def __init__(self) -> None:
        self.target = ""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = responder.ask(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        return Handler

    def ask(self, path: str) -> tuple[int, bytes]:
        """Return what the test's server answers, 502 without one."""
        try:
            with contextlib.closing(http.client.HTTPConnection(self.target, timeout=10)) as connection:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 502, b""


def own_certificate(folder: Path) -> str:
    """Make the directory's own certificate, which signs for itself; return it in PEM."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key))
    names = ("-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    openssl.run("req", "-x509", *new_key, *names, "-days", "36500", "-out", str(certificate))
    return certificate.read_text()


@contextlib.contextmanager
def running(dns: str = "", **variables: str) -> Iterator[Pebble]:
    """Run a directory while the context lasts; `variables` are Pebble's own, `dns` a server instead of its own."""
    with tempfile.TemporaryDirectory(prefix="pebble-") as name:
        pebble = Pebble(Path(name), dns, **variables)
        try:
            pebble.start()
            yield pebble
        finally:
            pebble.stop()


@functools.cache
def shared() -> Pebble:
    """Return the directory of this test process, which ends with it: for samples that only need one to be there."""
    pebble = running()
    atexit.register(pebble.__exit__, None, None, None)
    return pebble.__enter__()
