"""A backup goes round: from either backend to either, from under load, and what comes back goes on."""

import asyncio
import json
import shutil
import subprocess
import sys
import tarfile
import threading

import pytest

from es_pki.adapters.examination import examine
from eventlog.postgres import PostgresLog
from tests import auditor, serving
from tests.adapters.backup.conftest import PASSPHRASE


def es_pki(folder, *arguments, **settings):
    """Run the command line as a program."""
    done = subprocess.run(
        [sys.executable, "-m", "es_pki", *map(str, arguments), "--data-dir", str(folder)],
        env=serving.environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def issue_until(server, stop, name):
    number = 0
    while not stop.is_set():
        number += 1
        server.done("IssueCertificate", name=f"{name}-{number}", authority="intermediate", dns_names=["l.test"])


@pytest.fixture(scope="module")
def under_load(tmp_path_factory):
    """A folder with a server's data, and two backups that were made while it issued certificates."""
    place = tmp_path_factory.mktemp("load")
    folder, stop = place / "data", threading.Event()
    (place / "passphrase").write_text(PASSPHRASE)
    (place / "passphrase").chmod(0o600)
    with serving.running(folder) as server:
        load = threading.Thread(target=issue_until, args=(server, stop, "load"))
        load.start()
        for name, options in (("a", ()), ("sealed", ("--passphrase-file", place / "passphrase"))):
            before = server.size()
            assert es_pki(folder, "backup", "create", place / f"{name}.backup", *options)[0] == 0
            (place / f"{name}.before").write_text(str(before))
        stop.set()
        load.join()
        (place / "kept").write_bytes(server.get("/api/v1/log/checkpoint").body)
        (place / "vkey").write_text(server.get("/api/v1/log/keys").json["items"][-1]["vkey"])
        assert server.size() > before
    assert not [path for path in place.iterdir() if path.name.endswith(".unfinished")]
    return place


@pytest.fixture
def url(postgres_url):
    return {"ES_PKI_DATABASE_URL": postgres_url}


def checkpoint_of(backup):
    with tarfile.open(backup) as archive:
        return archive.extractfile("checkpoint").read()


def goes_on(folder, place, own_checkpoint, **settings):
    """Serve what was restored: it signs, continues the backup's checkpoint, and the whole log is sound."""
    shutil.copy2(place / "data" / "master.key", folder / "master.key")
    assert es_pki(folder, "token", "recover", "at-the-end", "-o", folder / "admin.token", **settings)[0] == 0
    with serving.running(folder, **settings) as server:
        made = server.done("IssueCertificate", name="after", authority="intermediate", dns_names=["a.test"])
        row = server.get(f"/api/v1/certificates/after?at_least={made['position']}").json
        assert row["status"] == "issued"
        assert server.get("/api/v1/certificates/load-1").json["status"] == "issued"
        note = server.get("/api/v1/log/checkpoint").body.decode()
        assert int(auditor.opened(note, (place / "vkey").read_text()).split("\n")[1]) >= made["position"]
    (folder / "own").write_bytes(own_checkpoint)
    status, said = es_pki(folder, "log", "verify", "--deep", "--against", folder / "own", **settings)
    assert (status, "the log is sound" in said) == (0, True), said


def test_a_backup_from_under_load_is_sound_and_has_everything_acknowledged_before(under_load):
    for name in ("a", "sealed"):
        file = under_load / f"{name}.backup"
        status, said = es_pki(
            under_load, "backup", "verify", file, "--json", "--passphrase-file", under_load / "passphrase"
        )
        assert (status, json.loads(said)["findings"]) == (0, [])
        assert json.loads(said)["size"] >= int((under_load / f"{name}.before").read_text())
        assert file.stat().st_mode & 0o777 == 0o600


def test_from_sqlite_to_sqlite(under_load, tmp_path):
    folder, file = tmp_path / "restored", under_load / "a.backup"
    assert es_pki(folder, "backup", "restore", file)[0] == 0
    goes_on(folder, under_load, checkpoint_of(file))


def test_from_sqlite_to_postgresql_and_back_to_sqlite(under_load, tmp_path, url):
    first, second, file = tmp_path / "first", tmp_path / "second", under_load / "sealed.backup"
    secret = {"ES_PKI_BACKUP_PASSPHRASE": PASSPHRASE}
    assert es_pki(first, "backup", "restore", file, **url, **secret)[0] == 0
    shutil.copy2(under_load / "data" / "master.key", first / "master.key")
    assert es_pki(first, "token", "recover", "again", "-o", first / "admin.token", **url)[0] == 0
    stop, back = threading.Event(), tmp_path / "back.backup"
    with serving.running(first, **url) as server:
        load = threading.Thread(target=issue_until, args=(server, stop, "more"))
        load.start()
        assert es_pki(first, "backup", "create", back, **url)[0] == 0
        stop.set()
        load.join()
    assert asyncio.run(examined(url["ES_PKI_DATABASE_URL"])) == []
    assert es_pki(second, "backup", "restore", back)[0] == 0
    goes_on(second, under_load, checkpoint_of(back))


async def examined(url):
    log = await PostgresLog.open(url)
    try:
        return (await examine(log)).findings
    finally:
        await log.close()


def test_the_log_in_a_backup_is_one_that_a_stranger_reads(under_load, tmp_path):
    """Unpacked by tar, it is a static transparency log: the reader of the specifications needs nothing of es-pki."""
    subprocess.run(["tar", "xzf", under_load / "a.backup"], cwd=tmp_path, check=True)
    read = auditor.read(lambda path: (tmp_path / path).read_bytes(), (under_load / "vkey").read_text())
    assert len(read.entries) == int(checkpoint_of(under_load / "a.backup").split(b"\n")[1])
