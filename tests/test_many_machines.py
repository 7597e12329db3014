"""Several `es-pki serve` on one PostgreSQL: any takes commands and queries; one follows, and another when it goes."""

import asyncio
import contextlib
import itertools
import signal
import time

import asyncpg
import pytest

from es_pki import app, config
from es_pki.adapters import postgres
from es_pki.adapters.intake.requests import SignCSR
from es_pki.adapters.lease import AdvisoryLease
from es_pki.adapters.reactions.store import PostgresEffects
from es_pki.adapters.signing import Signer
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.projections import VIEWS
from eventlog import NewEvent, Write
from eventlog.postgres import PostgresLog, connection
from tests import serving
from tests.test_on_postgres import es_pki, with_its_key
from tests.world import Fault, World

PATIENCE = 40


@pytest.fixture
def settings(postgres_url):
    return {"ES_PKI_DATABASE_URL": postgres_url}


@pytest.fixture
def two(tmp_path, settings):
    """Two servers of one installation; the first follows."""
    with contextlib.ExitStack() as running:
        first = running.enter_context(serving.running(tmp_path / "first", **settings))
        folder = with_its_key(tmp_path / "second", tmp_path / "first")
        yield first, running.enter_context(serving.running(folder, **settings))


async def prepared_only(folder, settings, csr, monkeypatch):
    """Ask for a certificate in a process that dies between the intention and the signature."""

    async def killed(*_arguments, **_options):
        raise Fault

    stores = await app.open_stores(config.load({**settings, "ES_PKI_DATA_DIR": str(folder)}, {}))
    with monkeypatch.context() as torn:
        torn.setattr(Signer, "sign_certificate", killed)
        with pytest.raises(Fault):
            await World(stores.log, stores.keys).ask(SignCSR(name="torn", authority="intermediate", csr=csr), "torn")
    await stores.close()


async def holders(connection):
    """Return the process ids of the sessions that hold the lease of the follower."""
    rows = await connection.fetch(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND objid = hashtext('follower')::bit(32)::bigint"
    )
    return [row["pid"] for row in rows]


async def shown(connection):
    """Return every row of every view, as stored."""
    names = [f"views.view_{view.name}" for view in VIEWS]
    return {name: sorted(map(str, await connection.fetch(f"SELECT * FROM {name}"))) for name in names}


async def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def reads_its_write(server, name, csr, *, within=PATIENCE):
    """Send commands until one is seen in the views by the same server."""
    deadline = time.monotonic() + within
    for number in itertools.count():
        answer = server.done("SignCSR", name=f"{name}-{number}", authority="intermediate", csr=csr)
        if server.get(f"/api/v1/certificates/{name}-{number}?at_least={answer['position']}").status == 200:
            return
        assert time.monotonic() < deadline


def status_of(server, name):
    return server.get(f"/api/v1/certificates/{name}").json["status"]


async def test_a_server_that_hangs_is_relieved_and_does_nothing_twice_when_it_wakes(
    two, tmp_path, settings, postgres_url, csrs, monkeypatch
):
    first, second = two
    shell = await asyncpg.connect(postgres_url)
    (before,) = await holders(shell)
    await prepared_only(tmp_path / "first", settings, csrs["ec-p256"], monkeypatch)
    first.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.to_thread(reads_its_write, second, "while", csrs["ec-p256"])
        (after,) = await holders(shell)
        assert after != before
        await until(lambda: asyncio.to_thread(lambda: status_of(second, "torn") == "issued"))
    finally:
        first.process.send_signal(signal.SIGCONT)
    for number, server in enumerate([first, second]):
        await asyncio.to_thread(reads_its_write, server, f"after-{number}", csrs["ec-p256"])
    assert await holders(shell) == [after]
    assert first.get("/api/v1/reactions").json["items"] == []
    kinds = [event["type"] for event in first.get("/api/v1/certificates/torn/history").json["items"]]
    assert kinds.count("certificate.issued.v1") == 1
    status, output = await asyncio.to_thread(es_pki, tmp_path / "first", "log", "verify", "--deep", **settings)
    assert (status, "the log is sound" in output) == (0, True), output
    followed = await shown(shell)
    assert (await asyncio.to_thread(es_pki, tmp_path / "first", "views", "rebuild", **settings))[0] == 0
    assert await shown(shell) == followed
    await shell.close()


async def test_who_hangs_within_a_transaction_keeps_no_lock(postgres_url):
    """Not between a statement's parsing and its execution either, where the session isn't idle."""
    log, views = await PostgresLog.open(postgres_url), await PostgresViews.open(postgres_url)
    effects, lease = PostgresEffects(views.pool), AdvisoryLease(postgres_url, "follower")
    await effects.record([], [], 1, after=0)
    settings = {**postgres.SESSION, "application_name": "es-pki views"}
    hung = [
        await connection.connect(postgres_url),
        await postgres.connect(postgres_url, server_settings=settings),
    ]
    locks = "SELECT * FROM eventlog.lock_head()", "SELECT * FROM views.effect_checkpoint FOR UPDATE"
    for session, lock in zip(hung, locks, strict=True):
        await session.execute("BEGIN")
        await session.fetch(lock)
        await session.prepare("SELECT 1")
    await lease.acquire()
    appending = log.append([Write("a", 0, (NewEvent("one.v1", b"1"),))])
    await asyncio.wait_for(asyncio.gather(appending, effects.record([], [], 2, after=1)), PATIENCE)
    for session in hung:
        session.terminate()
    await lease.release()
    await views.close()
    await log.close()


async def test_servers_share_the_work_and_one_follows(two, postgres_url, csrs):
    shell = await asyncpg.connect(postgres_url)

    def work(sender, reader, name):
        for number in range(10):
            body = {"name": f"{name}-{number}", "authority": "intermediate", "csr": csrs["ec-p256"]}
            position = sender.done("SignCSR", **body)["position"]
            row = reader.get(f"/api/v1/certificates/{name}-{number}?at_least={position}").json
            assert row["status"] == "issued"

    first, second = two
    pairs = [(first, first), (first, second), (second, first), (second, second)]
    await asyncio.gather(*(asyncio.to_thread(work, *pair, f"pair-{n}") for n, pair in enumerate(pairs)))
    assert len(await holders(shell)) == 1
    both = [server.get("/api/v1/certificates?limit=1000").json["items"] for server in two]
    assert both[0] == both[1]
    assert len(both[0]) == 41
    await shell.close()
