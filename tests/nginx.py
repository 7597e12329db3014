"""A real nginx: one that serves a certificate with TLS and staples OCSP answers to it, one that serves files."""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 20

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_stapling on;
    ssl_stapling_verify on;
    ssl_trusted_certificate {folder}/trusted.pem;
  }}
}}
"""

FILES = """
daemon off;
user nobody nogroup;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    default_type text/plain;
  }}
}}
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def stapling(folder: Path) -> Iterator[int]:
    """Serve `chain.pem` with `key.pem` of the folder while the context lasts; yield the port.

    Answers are verified against `trusted.pem` before they are stapled.
    """
    with _running(folder, CONFIGURATION) as port:
        yield port


@contextlib.contextmanager
def with_folder() -> Iterator[tuple[Path, int]]:
    """Serve a new folder while the context lasts, by a process that owns nothing there; yield it and the port."""
    with tempfile.TemporaryDirectory(prefix="webroot-") as name:
        folder, root = Path(name), Path(name) / "www"
        root.mkdir()
        for each in (folder, root):
            each.chmod(0o755)
        with _running(folder, FILES, root=root) as port:
            yield root, port


@contextlib.contextmanager
def _running(folder: Path, told: str, **further: Path) -> Iterator[int]:
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(told.format(folder=folder, port=port, **further))
    process = subprocess.Popen(["nginx", "-c", str(configuration), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)
