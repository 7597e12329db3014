"""What a killed process, a lost race for the follower's place and a changed file may do, on a running es-pki."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import uuid

import pytest

from es_pki.adapters.examination import examine
from eventlog.sqlite import SQLiteLog
from tests import openssl, serving

SENDERS = 4


def burst(server, csr, stop, acknowledged):
    """Send SignCSR as fast as it goes until the server dies; note what it acknowledged."""
    while not stop.is_set():
        name = f"burst-{uuid.uuid4().hex[:12]}"
        try:
            reply = server.command("SignCSR", {"name": name, "authority": "intermediate", "csr": csr})
        except OSError:
            return
        if reply.status == 200:
            acknowledged.append(reply.json["result"])


def examined(folder):
    """Examine the log of a data folder."""
    return asyncio.run(_examined(folder))


async def _examined(folder):
    log = await SQLiteLog.open(folder / "log.db")
    try:
        return await examine(log)
    finally:
        await log.close()


@pytest.fixture
def killed(tmp_path, csrs):
    """A data folder whose server was killed during a burst of SignCSR, and what had been acknowledged by then."""
    folder, stop, acknowledged = tmp_path / "data", threading.Event(), []
    with serving.running(folder) as server:
        arguments = server, csrs["ec-p256"], stop, acknowledged
        senders = [threading.Thread(target=burst, args=arguments) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        while len(acknowledged) < 40:
            time.sleep(0.01)
        folder.with_name("kept").write_bytes(server.get("/api/v1/log/checkpoint").body)
        server.process.kill()
        server.process.wait()
        stop.set()
        for sender in senders:
            sender.join()
    return folder, acknowledged


def test_a_kill_during_a_burst_loses_nothing_acknowledged_and_leaves_nothing_unrecorded(killed):
    folder, acknowledged = killed
    kept = folder.with_name("kept")
    after_the_kill = examined(folder)
    assert after_the_kill.findings == []
    assert es_pki(folder, "log", "verify", "--against", str(kept)).returncode == 0
    with serving.running(folder) as server:
        for result in acknowledged:
            path = f"/api/v1/certificates/{result['certificate_id']}/pem"
            assert server.get(path).body.decode() == result["certificate_pem"]
        deadline = time.monotonic() + serving.PATIENCE
        while after_the_kill.outstanding and server.get("/api/v1/certificates?status=prepared").json["items"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        issued = {row["id"] for row in everything(server, "certificates?status=issued")}
        old, new = (note.split(b"\n")[1:3] for note in (kept.read_bytes(), server.get("/api/v1/log/checkpoint").body))
        path = f"/api/v1/log/proof/consistency?from={int(old[0])}&to={int(new[0])}"
        assert server.get(path).json["from_root_hash"] == old[1].decode()
    assert {result["certificate_id"] for result in acknowledged} <= issued
    at_the_end = examined(folder)
    assert (at_the_end.findings, at_the_end.outstanding) == ([], {})


def everything(server, path):
    """Return all rows of a list."""
    rows, cursor = [], ""
    while cursor is not None:
        page = server.get(f"/api/v1/{path}&limit=1000{cursor and f'&cursor={cursor}'}").json
        rows, cursor = rows + page["items"], page["cursor"]
    return rows


def es_pki(folder, *arguments, **settings):
    """Run the command line on a data folder."""
    return subprocess.run(
        [sys.executable, "-m", "es_pki", *arguments, "--data-dir", str(folder)],
        env=serving.environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A data folder that was set up and isn't served."""
    folder = tmp_path_factory.mktemp("installed") / "data"
    assert es_pki(folder, "init").returncode == 0
    return folder


def sqlite3(folder, statement):
    """Run the sqlite3 program on the log's file."""
    command = ["sqlite3", folder / "log.db", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_one_changed_byte_is_reported_with_its_position_and_status_1(installed):
    assert es_pki(installed, "log", "verify", "--deep").returncode == 0
    change = (
        "UPDATE event SET data = CAST(replace(CAST(data AS TEXT), 'owner', 'ovner') AS BLOB) WHERE position = 3 "
        "RETURNING CAST(data AS TEXT) LIKE '%ovner%'"
    )
    assert sqlite3(installed, change).returncode != 0
    triggers = sqlite3(installed, "SELECT name FROM sqlite_schema WHERE type = 'trigger'").stdout.split()
    drops = "".join(f"DROP TRIGGER {trigger};" for trigger in triggers)
    assert sqlite3(installed, drops + change).stdout == "1\n"
    outcome = es_pki(installed, "log", "verify")
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("position 3: ")
    found = json.loads(es_pki(installed, "log", "verify", "--json").stdout)
    assert [finding["position"] for finding in found["findings"]] == [3]


def test_an_older_log_that_was_put_back_is_found_by_the_checkpoint_beside_it(tmp_path):
    folder = tmp_path / "data"
    assert es_pki(folder, "init").returncode == 0
    older = (folder / "log.db").read_bytes()
    with serving.running(folder) as server:
        assert server.get("/api/v1/log/checkpoint").status == 200
    for file in folder.glob("log.db*"):
        file.unlink()
    (folder / "log.db").write_bytes(older)
    outcome = es_pki(folder, "log", "verify")
    assert (outcome.returncode, "its end was cut off" in outcome.stdout) == (1, True), outcome.stdout


def test_a_second_server_on_the_folder_takes_over_when_the_first_is_killed(tmp_path, csrs):
    folder = tmp_path / "data"
    with serving.running(folder) as first, serving.running(folder) as second:
        answer = first.done("SignCSR", name="one", authority="intermediate", csr=csrs["ec-p256"])
        seen = second.get(f"/api/v1/certificates/one?at_least={answer['position']}")
        assert seen.json["status"] == "issued"
        answer = second.done("SignCSR", name="two", authority="intermediate", csr=csrs["ec-p256"])
        assert first.get(f"/api/v1/certificates/two?at_least={answer['position']}").json["status"] == "issued"
        assert second.command("SelfSignCertificate", {"name": "one", "dns_names": ["one.test"]}).status == 409
        first.process.kill()
        first.process.wait()
        answer = second.done("SignCSR", name="three", authority="intermediate", csr=csrs["ec-p256"])
        seen = second.get(f"/api/v1/certificates/three?at_least={answer['position']}")
        assert seen.json["status"] == "issued"
        root = second.get("/api/v1/authorities/root").json["certificate_pem"]
        assert openssl.verifies(root, answer["result"]["certificate_pem"], "-purpose", "sslserver")


@pytest.mark.parametrize("fault", ["another key", "no key", "readable by others", "no master key"])
def test_a_wrong_master_key_is_refused_at_the_start(tmp_path, fault):
    folder = tmp_path / "data"
    assert es_pki(folder, "init").returncode == 0
    key = folder / "master.key"
    match fault:
        case "another key":
            key.write_text("A" * 43 + "=\n")
        case "no key":
            key.unlink()
        case "readable by others":
            key.chmod(0o644)
        case _:
            key.write_text("not a key\n")
    before = (folder / "keys.db").read_bytes()
    outcome = es_pki(folder, "serve", "--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0")
    assert outcome.returncode == 2
    assert "master key" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert (folder / "keys.db").read_bytes() == before
    assert not key.exists() or fault != "no key"


def test_a_missing_key_store_is_refused_and_none_is_begun(tmp_path):
    folder = tmp_path / "data"
    assert es_pki(folder, "init").returncode == 0
    for file in folder.glob("keys.db*"):
        file.unlink()
    for _ in range(2):
        outcome = es_pki(folder, "init")
        assert (outcome.returncode, "restore it from a backup" in outcome.stderr) == (2, True)


def test_an_administrator_who_lost_every_token_is_let_in_again(tmp_path):
    folder, file = tmp_path / "data", tmp_path / "second.token"
    with serving.running(folder) as server:
        server.done("RevokeToken", principal="admin")
        assert server.get("/api/v1/certificates").status == 401
        outcome = es_pki(folder, "token", "recover", "second", "-o", str(file))
        assert outcome.returncode == 0, outcome.stderr
        assert server.get("/api/v1/certificates", token=file.read_text().strip()).status == 200
        assert file.stat().st_mode & 0o777 == 0o600
        again = es_pki(folder, "token", "recover", "second", "-o", str(tmp_path / "third.token"))
        assert (again.returncode, "name: " in again.stderr) == (2, True)
        assert not (tmp_path / "third.token").exists()


def test_the_command_line_finds_the_server_that_still_runs(tmp_path):
    folder = tmp_path / "data"
    with serving.running(folder) as first:
        with serving.running(folder) as second:
            assert json.loads((folder / "server.json").read_text())["url"] == second.url
        serving.wait_for((folder / "server.json").exists)
        assert json.loads((folder / "server.json").read_text())["url"] == first.url
        assert es_pki(folder, "status").returncode == 0


def own_certificate(server):
    """The server's own certificate, as it is now."""
    return server.get(f"/api/v1/certificates/es-pki-api?at_least={server.size()}").json


def test_a_policy_that_forbids_its_own_certificate_does_not_lock_anybody_out(tmp_path):
    folder = tmp_path / "data"
    with serving.running(folder) as server:
        names = {"permitted": {"dns_names": ["corp.test"]}}
        server.done("SetIssuancePolicy", authority="intermediate", policy={"names": names})
    with serving.running(folder, "--host-names", "nas.test") as server:
        server.done("SetIssuancePolicy", authority="intermediate", policy={})
        assert own_certificate(server)["current_version"] == 1
    with serving.running(folder, "--host-names", "nas.test") as server:
        assert "nas.test" in own_certificate(server)["subject_alt_names"]["dns_names"]
    with serving.running(folder, "--host-names", "other.test") as server:
        row = own_certificate(server)
        assert {"nas.test", "other.test"} <= set(row["subject_alt_names"]["dns_names"])
        assert row["current_version"] == 3


def test_an_address_in_use_is_said(tmp_path, server):
    port = server.url.rpartition(":")[2]
    outcome = es_pki(tmp_path / "data", "serve", "--listen", f"127.0.0.1:{port}", "--public-listen", "127.0.0.1:0")
    assert outcome.returncode == 2
    assert port in outcome.stderr
    assert "Traceback" not in outcome.stderr
