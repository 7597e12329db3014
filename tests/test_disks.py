"""A full disk, a file that can't be written, a rotten page: said clearly, nothing lost, and usable again."""

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from tests import serving
from tests.test_faults import es_pki, examined

STORES = ("log.db", "keys.db", "views.db")


def issue(server, name):
    body = {"name": name, "authority": "intermediate", "dns_names": [f"{name}.example.test"]}
    return server.command("IssueCertificate", body)


@contextmanager
def full_disk(server):
    """No file of the server grows any more."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    largest = min((server.folder / name).stat().st_size for name in STORES)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_loses_nothing_and_passes(tmp_path):
    folder = tmp_path / "data"
    with serving.running(folder) as server:
        certificate = issue(server, "before").json["result"]
        assert server.get(f"/api/v1/certificates/before?at_least={server.size()}").status == 200
        with full_disk(server):
            replies = [issue(server, f"full-{number}") for number in range(60)]
            refused = [reply for reply in replies if reply.status != 200]
            assert {(reply.status, reply.json["code"]) for reply in refused} <= {
                (503, "log-unavailable"),
                (503, "store-unavailable"),
            }
            assert len(refused) >= 20
            assert server.get("/healthz").status == 200
            assert server.get("/api/v1/certificates/before/pem").body.decode() == certificate["certificate_pem"]
        position = issue(server, "after").json["position"]
        assert server.get(f"/api/v1/certificates/after?at_least={position}").json["status"] == "issued"
        acknowledged = [reply.json["result"] for reply in replies if reply.status == 200]
        for result in acknowledged:
            path = f"/api/v1/certificates/{result['certificate_id']}/pem"
            assert server.get(path).body.decode() == result["certificate_pem"]
        assert server.get("/readyz").status == 200
    assert examined(folder).findings == []
    for name in STORES:
        with closing(sqlite3.connect(folder / name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A data folder that was set up and isn't served."""
    folder = tmp_path_factory.mktemp("installed") / "data"
    assert es_pki(folder, "init").returncode == 0
    return folder


@pytest.fixture
def folder(installed, tmp_path):
    """A copy of it, to be damaged."""
    subprocess.run(["cp", "-a", installed, tmp_path / "data"], check=True)
    return tmp_path / "data"


def started(folder):
    """Start a server that must refuse to; return what it says. Even root's one must heed the files' modes."""
    heeding = ["setpriv", "--bounding-set=-dac_override", "--"] if os.geteuid() == 0 else []
    ports = ["--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0"]
    done = subprocess.run(
        [*heeding, sys.executable, "-m", "es_pki", "serve", *ports, "--data-dir", str(folder)],
        env=serving.environment(),
        capture_output=True,
        text=True,
        timeout=serving.PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", STORES)
def test_a_file_that_can_not_be_written_is_named_at_the_start(folder, name):
    (folder / name).chmod(0o400)
    assert name in started(folder)
    (folder / name).chmod(0o600)
    with serving.running(folder) as server:
        assert issue(server, "again").status == 200


@pytest.mark.parametrize("name", STORES)
def test_a_file_that_is_rotten_from_its_first_page_on_is_named_at_the_start(folder, name):
    with (folder / name).open("r+b") as file:
        file.write(b"rotten " * 600)
    assert name in started(folder)


def rot(path, table):
    """Overwrite the pages of a table, but for the header that says what they are."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_a_rotten_page_of_the_log_is_an_alarm_everywhere(folder):
    with serving.running(folder) as server:
        assert issue(server, "one").status == 200
    rot(folder / "log.db", "event")
    outcome = es_pki(folder, "log", "verify")
    assert outcome.returncode in {1, 2}
    assert "malformed" in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "malformed" in started(folder)


def test_views_that_are_rotten_are_deleted_and_built_anew(folder):
    with serving.running(folder) as server:
        position = issue(server, "one").json["position"]
        row = server.get(f"/api/v1/certificates/one?at_least={position}").json
    rot(folder / "views.db", "checkpoint")
    assert "views.db" in started(folder)
    for file in folder.glob("views.db*"):
        file.unlink()
    with serving.running(folder) as server:
        assert server.get(f"/api/v1/certificates/one?at_least={position}").json == row
