"""es-pki by URL on a real PostgreSQL: the same loop, two servers on one database, one of them killed."""

import asyncio
import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography.x509.ocsp import OCSPCertStatus

from eventlog.postgres import writer
from tests import auditor, ocsp, openssl, serving

TAKE_OVER_SECONDS = 30


@pytest.fixture
def settings(postgres_url):
    return {"ES_PKI_DATABASE_URL": postgres_url}


def with_its_key(folder, first):
    """Make a data folder for a second server of the installation: it shares the master key."""
    folder.mkdir(mode=0o700)
    shutil.copy2(first / "master.key", folder / "master.key")
    shutil.copy2(first / "admin.token", folder / "admin.token")
    return folder


def es_pki(folder, *arguments, **settings):
    done = subprocess.run(
        [sys.executable, "-m", "es_pki", *arguments, "--data-dir", str(folder)],
        env=serving.environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def check_a_revocation_shows(first, second, two):
    """Require that both servers answer for a certificate, and that one's answer follows what the other revokes."""
    asked = ocsp.question(two)
    assert {ocsp.status(ocsp.ask(server, asked), two) for server in (first, second)} == {OCSPCertStatus.GOOD}
    second.done("RevokeCertificate", certificate="two", reason="superseded")
    serving.wait_for(lambda: ocsp.status(ocsp.ask(first, asked), two) is OCSPCertStatus.REVOKED)


def test_two_servers_on_one_database_are_one_installation(tmp_path, settings, csrs):
    first_folder = tmp_path / "first"
    with serving.running(first_folder, **settings) as first:
        folder = with_its_key(tmp_path / "second", first_folder)
        with serving.running(folder, **settings) as second:
            answer = first.done("SignCSR", name="one", authority="intermediate", csr=csrs["ec-p256"])
            row = second.get(f"/api/v1/certificates/one?at_least={answer['position']}").json
            assert row["status"] == "issued"
            answer = second.done("IssueCertificate", name="two", authority="intermediate", dns_names=["two.test"])
            root = first.get(f"/api/v1/authorities/root?at_least={answer['position']}").json["certificate_pem"]
            assert openssl.verifies(root, answer["result"]["certificate_pem"], "-purpose", "sslserver")
            taken = first.command("SelfSignCertificate", {"name": "two", "dns_names": ["two.test"]})
            assert (taken.status, taken.json["code"]) == (409, "name-taken")
            names = {row["name"] for row in first.get("/api/v1/certificates").json["items"]}
            assert names == {"es-pki-api", "one", "two"}
            for bad in ("name=%00", "cursor=%00", "status=%F0%9F%98%80", "as_of=%00"):
                assert first.get(f"/api/v1/certificates?{bad}").status in {200, 400}
            assert first.get("/api/v1/certificates/a%00b").status == 400
            check_a_revocation_shows(first, second, ocsp.read(answer["result"]["certificate_pem"]))
            kept = tmp_path / "kept"
            kept.write_bytes(signed_in_turn(first, second))
    status, output = es_pki(first_folder, "log", "verify", "--deep", "--against", str(kept), **settings)
    assert (status, "the log is sound" in output) == (0, True), output
    status, output = es_pki(first_folder, "views", "rebuild", "--json", **settings)
    assert status == 0
    views = json.loads(output)["items"]
    assert {view["checkpoint"] for view in views} == {views[0]["log_size"]}
    status, output = es_pki(tmp_path / "elsewhere", "log", "replay", "--view", "inventory", "--json", **settings)
    assert {row["name"] for row in json.loads(output)["items"]} >= names


def signed_in_turn(first, second):
    """Have both servers sign at once while the log grows; return the last checkpoint, after judging them all."""
    (key,) = first.get("/api/v1/log/keys").json["items"]
    assert second.get("/api/v1/log/keys").json["items"] == [key]
    texts, roots = [], {}
    with ThreadPoolExecutor() as pool:
        for number in range(10):
            first.done("SelfSignCertificate", name=f"grown-{number}", dns_names=["grown.test"])
            texts += pool.map(lambda server: server.get("/api/v1/log/checkpoint").body.decode(), (first, second) * 2)
    for text in texts:
        _, size, root, _ = auditor.opened(text, key["vkey"]).split("\n")
        assert roots.setdefault(int(size), root) == root
    old, new = min(roots), max(roots)
    proof = second.get(f"/api/v1/log/proof/consistency?from={old}&to={new}").json
    assert (proof["from_root_hash"], proof["to_root_hash"]) == (roots[old], roots[new])
    read = auditor.read(lambda path: second.get(f"/api/v1/log/{path}").body, key["vkey"])
    assert len(read.entries) == new
    return first.get("/api/v1/log/checkpoint").body


def test_another_server_follows_when_the_first_is_killed(tmp_path, settings, csrs):
    first_folder = tmp_path / "first"
    with contextlib.ExitStack() as running:
        first = running.enter_context(serving.running(first_folder, **settings))
        second = running.enter_context(serving.running(with_its_key(tmp_path / "second", first_folder), **settings))
        first.process.kill()
        first.process.wait()
        deadline = time.monotonic() + TAKE_OVER_SECONDS
        for number in itertools.count():
            answer = second.done("SignCSR", name=f"n{number}", authority="intermediate", csr=csrs["ec-p256"])
            if second.get(f"/api/v1/certificates/n{number}?at_least={answer['position']}").status == 200:
                break
            assert time.monotonic() < deadline


async def test_a_server_that_does_not_own_the_log_serves_and_can_not_change_it(tmp_path, postgres_url, csrs):
    """As docs/OPERATIONS.md advises."""
    app, owner = f"app_{uuid.uuid4().hex}", await asyncpg.connect(postgres_url)
    await owner.execute(f"CREATE ROLE {app} LOGIN; GRANT CREATE ON DATABASE {urlsplit(postgres_url).path[1:]} TO {app}")
    assert es_pki(tmp_path / "data", "log", "verify", ES_PKI_DATABASE_URL=postgres_url)[0] == 0
    await owner.execute(
        f"GRANT USAGE ON SCHEMA eventlog TO {app}; GRANT SELECT, INSERT ON eventlog.event TO {app};"
        f"GRANT SELECT, UPDATE ON eventlog.head TO {app}"
    )
    url = postgres_url.replace("test@", f"{app}@")
    with serving.running(tmp_path / "data", ES_PKI_DATABASE_URL=url) as server:
        answer = await asyncio.to_thread(
            server.done, "SignCSR", name="a", authority="intermediate", csr=csrs["ec-p256"]
        )
        path = f"/api/v1/certificates/a?at_least={answer['position']}"
        assert (await asyncio.to_thread(server.get, path)).json["status"] == "issued"
    serving_role = await asyncpg.connect(url)
    await serving_role.execute(writer._WRITE_NOTHING)
    for change in ("ALTER TABLE eventlog.event DISABLE TRIGGER ALL", "DELETE FROM eventlog.event"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await serving_role.execute(change)
    await serving_role.close()
    await owner.execute(f"DROP OWNED BY {app} CASCADE; DROP ROLE {app}")
    await owner.close()


def test_a_server_with_another_master_key_is_refused(tmp_path, settings):
    assert es_pki(tmp_path / "first", "init", **settings)[0] == 0
    status, output = es_pki(tmp_path / "second", "init", **settings)
    assert status == 2
    assert "master key" in output
    assert "Traceback" not in output


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path):
    url = "postgresql://es-pki:a-password-of-the-database@127.0.0.1:1/none"
    status, output = es_pki(tmp_path / "data", "init", ES_PKI_DATABASE_URL=url)
    assert status == 2
    assert "Traceback" not in output
    assert "a-password-of-the-database" not in output


def test_a_missing_database_is_said(tmp_path, postgres_url):
    url = urlsplit(postgres_url)._replace(path="/there-is-none").geturl()
    status, output = es_pki(tmp_path / "data", "init", ES_PKI_DATABASE_URL=url)
    assert status == 2
    assert "there-is-none" in output
    assert "Traceback" not in output


async def test_one_changed_byte_is_found(tmp_path, settings, postgres_url):
    assert es_pki(tmp_path / "data", "init", **settings)[0] == 0
    connection = await asyncpg.connect(postgres_url)
    change = "UPDATE eventlog.event SET data = set_byte(data, 3, 120) WHERE position = 4"
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute(change)
    await connection.execute(f"ALTER TABLE eventlog.event DISABLE TRIGGER ALL; {change}")
    await connection.close()
    status, output = es_pki(tmp_path / "data", "log", "verify", **settings)
    assert (status, output.startswith("position 4: ")) == (1, True)
