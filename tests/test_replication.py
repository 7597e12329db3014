"""A primary with a synchronous standby: whatever was acknowledged is on the standby when it takes over, once."""

import asyncio
import itertools
import signal
import threading

import pytest

from eventlog import Conflict, NewEvent, Unavailable, Write, verify
from eventlog.postgres import PostgresLog
from tests import replication, serving
from tests.test_faults import burst
from tests.test_on_postgres import es_pki

APPENDERS = 24
PATIENCE = 30


@pytest.fixture
def pair(postgres_template):
    with replication.running(postgres_template) as pair:
        yield pair


@pytest.fixture
async def log(pair):
    log = await PostgresLog.open(pair.url)
    yield log
    await log.close()


async def everything(log):
    return [record async for page in log.read_all() for record in page.records]


async def append_until(log, stream, stop, acknowledged):
    """Append to a stream of one's own; what the log doesn't know it is asked about."""
    for version in itertools.count():
        event = NewEvent("loaded.v1", f"{stream} {version} {'x' * (version % 400)}".encode())
        try:
            (position,) = await log.append([Write(stream, version, (event,))])
        except (Conflict, Unavailable) as error:
            pytest.fail(f"an append was not seen through: {error!r}")
        acknowledged.append((position, stream, version + 1, event.data))
        if stop.is_set():
            return


async def reaches(number, acknowledged, loading):
    """Wait until so many appends were acknowledged."""
    async with asyncio.timeout(PATIENCE):
        while len(acknowledged) < number and not loading.done():
            await asyncio.sleep(0.01)
    assert len(acknowledged) >= number, loading.exception()


async def test_a_primary_killed_under_load_loses_nothing_acknowledged(pair, log):
    stop, acknowledged = asyncio.Event(), []
    loading = asyncio.gather(*(append_until(log, f"s-{n}", stop, acknowledged) for n in range(APPENDERS)))
    await reaches(20 * APPENDERS, acknowledged, loading)
    pair.primary.kill()
    before = len(acknowledged)
    await asyncio.to_thread(pair.promote)
    await reaches(before + 20 * APPENDERS, acknowledged, loading)
    stop.set()
    await loading
    stored = [(record.position, record.stream, record.version, record.data) for record in await everything(log)]
    assert stored == sorted(acknowledged)
    assert (await verify(log)).findings == ()


async def waits_for_the_standby(pair):
    """Wait until a commit on the primary waits."""
    async with asyncio.timeout(PATIENCE):
        while pair.ask(pair.primary, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != "1":
            await asyncio.sleep(0.02)


async def test_an_append_that_only_the_primary_has_is_not_acknowledged(pair, log):
    """Its wait for the standby is cut off, and it is found stored: it is still waited for."""
    await log.append([Write("a", 0, (NewEvent("one.v1", b"1"),))])
    pair.standby.signal(signal.SIGSTOP)
    appending = asyncio.ensure_future(log.append([Write("a", 1, (NewEvent("two.v1", b"2"),))]))
    await waits_for_the_standby(pair)
    pair.ask(pair.primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    await asyncio.sleep(1)
    assert not appending.done()
    pair.standby.signal(signal.SIGCONT)
    assert await asyncio.wait_for(appending, 20) == (2,)
    pair.primary.kill()
    await asyncio.to_thread(pair.promote)
    assert [record.data for record in await everything(log)] == [b"1", b"2"]


async def test_an_append_that_the_standby_lacks_is_stored_once_after_it_was_promoted(pair, log):
    await log.append([Write("a", 0, (NewEvent("one.v1", b"1"),))])
    pair.standby.kill()
    appending = asyncio.ensure_future(log.append([Write("a", 1, (NewEvent("two.v1", b"2"),))]))
    await waits_for_the_standby(pair)
    pair.primary.kill()
    await asyncio.to_thread(pair.restart_standby)
    await asyncio.to_thread(pair.promote)
    assert await asyncio.wait_for(appending, 20) == (2,)
    assert [record.data for record in await everything(log)] == [b"1", b"2"]
    assert (await verify(log)).findings == ()


def test_a_server_goes_on_with_the_promoted_standby_and_has_lost_nothing(pair, tmp_path, csrs):
    settings, folder = {"ES_PKI_DATABASE_URL": pair.url}, tmp_path / "data"
    stop, acknowledged = threading.Event(), []
    with serving.running(folder, **settings) as server:
        arguments = server, csrs["ec-p256"], stop, acknowledged
        senders = [threading.Thread(target=burst, args=arguments) for _ in range(4)]
        for sender in senders:
            sender.start()
        wait_for(lambda: len(acknowledged) >= 40)
        pair.primary.kill()
        assert server.get("/readyz").status == 503
        pair.promote()
        before = len(acknowledged)
        wait_for(lambda: len(acknowledged) >= before + 40)
        stop.set()
        for sender in senders:
            sender.join()
        wait_for(lambda: server.get("/readyz").json["lag"] == 0)
        for result in acknowledged:
            path = f"/api/v1/certificates/{result['certificate_id']}/pem"
            assert server.get(path).body.decode() == result["certificate_pem"]
    status, output = es_pki(folder, "log", "verify", "--deep", **settings)
    assert (status, "the log is sound" in output) == (0, True), output


def wait_for(condition):
    waited = threading.Event()
    for _ in range(20 * serving.PATIENCE):
        if condition():
            return
        waited.wait(0.05)
    pytest.fail("it took too long")
