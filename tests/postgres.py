"""A PostgreSQL server for the tests: made in a temporary folder, listening on loopback, ended with the run."""

import contextlib
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

_FORGETFUL = ("fsync=off", "full_page_writes=off")
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=32MB",
    "autovacuum=off",
)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    server = shutil.which("postgres")
    if server is None:
        raise FileNotFoundError("no PostgreSQL server is installed: install `postgresql`")
    return Path(server).resolve().parent


def _as_server_user(folder: Path) -> list[str]:
    """Return the start of a command line that isn't root's, which PostgreSQL refuses, and give that user the folder."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            os.chown(folder, user.pw_uid, user.pw_gid)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            return ["setpriv", *ids, "--"]
    raise LookupError("root cannot run PostgreSQL, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], binaries: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL doesn't start: {log.read_text()}")
        time.sleep(0.05)


_numbers = itertools.count(1)


@contextlib.asynccontextmanager
async def database(server_url: str) -> AsyncIterator[str]:
    """Make a fresh database on the server; yield its URL."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """Run a server; yield the URL of its database `postgres`, where databases can be created.

    A test's data need not survive a lost power supply; `durable` is for measurements.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        binaries, prefix, port = _binaries(), _as_server_user(folder), _free_port()
        data, log = folder / "data", folder / "log"
        initdb = [binaries / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run([*prefix, *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
        chosen = _SETTINGS if durable else _SETTINGS + _FORGETFUL
        settings = [option for setting in chosen for option in ("-c", setting)]
        command = [*prefix, binaries / "postgres", "-D", data, "-p", str(port), *settings]
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        try:
            _wait(server, binaries, port, log)
            yield f"postgresql://test@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()  # SIGTERM would wait for clients; the loops that had them are closed
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            server.kill()
            server.wait()
