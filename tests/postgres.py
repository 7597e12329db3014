"""A PostgreSQL server for the tests: made in a temporary folder, listening on loopback, ended with the run."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
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


def _server_user() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL runs as, None for ourselves: it refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("root cannot run PostgreSQL, and there is no user postgres or nobody")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """A server with its data in a folder, listening on a port of loopback. Its programs run as PostgreSQL wants it."""

    def __init__(self, folder: Path, port: int, *, durable: bool = False) -> None:
        self.folder, self.port = folder, port
        self._settings = _SETTINGS if durable else _SETTINGS + _FORGETFUL
        self._binaries, self._user = _binaries(), _server_user()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the database `postgres`."""
        return f"postgresql://test@127.0.0.1:{self.port}/postgres"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        """Return a command line of one of PostgreSQL's programs."""
        prefix: list[str | Path] = []
        if self._user is not None:
            prefix = ["setpriv", f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups", "--"]
        return [*prefix, self._binaries / program, *arguments]

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs to its end."""
        subprocess.run(self.command(program, *arguments), check=True, stdout=subprocess.DEVNULL, cwd="/")

    def make(self) -> None:
        """Make an empty data folder."""
        self.own_folder()
        options = ["-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        self.run("initdb", "-D", self.folder / "data", *options)

    def own_folder(self) -> None:
        """Make the folder and give it to PostgreSQL's user."""
        self.folder.mkdir(exist_ok=True)
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)

    def start(self, *settings: str) -> None:
        """Start and wait until it takes connections."""
        options = [option for setting in (*self._settings, *settings) for option in ("-c", setting)]
        command = self.command("postgres", "-D", self.folder / "data", "-p", str(self.port), *options)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        deadline = time.monotonic() + 30
        ready = [self._binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL doesn't start: {self._log.read_text()}")
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """Send a signal to all its processes at once, as if something happened to the machine."""
        if self._process is None or self._process.poll() is not None:
            return
        first = self._process.pid
        children = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == first]
        for process in (first, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """End it without warning."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """End it, in order if it can be."""
        if self._process is None:
            return
        self._process.terminate()  # waits for clients; the loops that had them are closed
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self.kill()


def _parent(stat: Path) -> int:
    """Return the parent of a process, 0 if it is gone."""
    with contextlib.suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0


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
        server = Server(Path(name), free_port(), durable=durable)
        server.make()
        try:
            server.start()
            yield server.url
        finally:
            server.stop()
