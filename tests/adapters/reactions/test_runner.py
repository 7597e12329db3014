"""What was prepared is signed in the end, whatever happened in between."""

import asyncio
import datetime

import pytest

from es_pki.adapters import clock
from es_pki.adapters.intake.requests import SignCSR
from es_pki.adapters.lease import FileLease, Overtaken
from es_pki.adapters.reactions import Runner
from es_pki.adapters.reactions.store import Outstanding, PostgresEffects, SQLiteEffects
from es_pki.adapters.recorded import encode_metadata
from es_pki.adapters.signing import Signer
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.refusals import SigningGivenUp
from es_pki.events import codec
from es_pki.events.service import DeploymentStarted
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests import postgres
from tests.world import Failing, Fault, Reacting, World, open_keys

PATIENCE = 20


@pytest.fixture
async def world(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    await world.keys.close()
    await log.close()


@pytest.fixture
async def views(tmp_path):
    views = await SQLiteViews.open(tmp_path / "views.db")
    yield views
    await views.close()


@pytest.fixture
async def reacting(world, views, tmp_path):
    reacting = Reacting(world, views, tmp_path)
    await reacting.lease.acquire()
    yield reacting
    await reacting.lease.release()


async def prepare_only(world, csrs, monkeypatch, name="torn"):
    """Ask for a certificate in a process that dies between the intention and the signature."""

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(Signer, "sign_certificate", killed)
        with pytest.raises(Fault):
            await world.ask(SignCSR(name=name, authority="intermediate", csr=csrs["ec-p256"]), f"key of {name}")


async def run_until(runner, done):
    running = asyncio.ensure_future(runner.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while not await done():
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_prepared_before_a_crash_is_signed(world, reacting, csrs, monkeypatch):
    await prepare_only(world, csrs, monkeypatch)
    assert len((await world.examine()).outstanding) == 1

    async def done():
        return not (await world.examine()).outstanding

    await run_until(reacting.runner, done)
    assert (await world.examine()).findings == []
    answer = await world.ask(SignCSR(name="torn", authority="intermediate", csr=csrs["ec-p256"]), "key of torn")
    assert answer.events == ()
    assert "BEGIN CERTIFICATE" in answer.result["certificate_pem"]


async def test_a_failing_effect_is_shown_and_tried_again(world, views, tmp_path, csrs, monkeypatch):
    await prepare_only(world, csrs, monkeypatch)
    faulty = World(world.log, Failing(world.keys._store, {"get"}, 1, after=False))
    reacting = Reacting(faulty, views, tmp_path)
    await reacting.lease.acquire()
    seen = []

    async def done():
        seen.extend(await reacting.runner.pending())
        return not (await world.examine()).outstanding

    await run_until(reacting.runner, done)
    assert [item for item in seen if item["attempts"] == 1 and item["error"] == "Fault: get"]
    assert (await world.examine()).findings == []
    await reacting.lease.release()
    faulty.keys._threads.shutdown()


async def test_what_expired_before_it_was_signed_is_given_up(world, csrs, monkeypatch):
    await prepare_only(world, csrs, monkeypatch)
    ((stream, prepared),) = (await world.examine()).outstanding.items()
    late = Signer(world.aggregates, world.keys, lambda: prepared.not_after + datetime.timedelta(seconds=1))
    for _ in range(2):
        with pytest.raises(SigningGivenUp):
            await late.sign_certificate(stream.partition("-")[2], prepared.version)
    examination = await world.examine()
    assert (examination.findings, examination.outstanding) == ([], {})


async def test_a_runner_goes_on_where_the_one_before_stopped(world, reacting, views, tmp_path, csrs, monkeypatch):
    await prepare_only(world, csrs, monkeypatch, "first")

    async def first_is_recorded():
        return await reacting.effects.checkpoint() == (await world.log.head()).size

    await run_until(reacting.runner, first_is_recorded)
    await prepare_only(world, csrs, monkeypatch, "second")
    reacting.runner = Reacting(world, views, tmp_path).runner
    reacting.runner._lease = reacting.lease

    async def done():
        return not (await world.examine()).outstanding and not await reacting.runner.pending()

    await run_until(reacting.runner, done)


async def test_a_clock_that_stepped_back_puts_nothing_off(world, reacting, csrs, monkeypatch):
    await prepare_only(world, csrs, monkeypatch)
    reacting.runner._now = lambda: clock.now() - datetime.timedelta(days=30)

    async def done():
        return not (await world.examine()).outstanding

    await run_until(reacting.runner, done)


async def test_what_an_older_log_makes_due_is_done_when_it_was_put_back(world, reacting, csrs, monkeypatch):
    gone = Outstanding("gone", b'{"type":"SignCertificate","certificate_id":"gone"}', 1.0, 0, 1.0, None)
    await reacting.effects.record([gone], [], (await world.log.head()).size + 1_000, after=0)
    await prepare_only(world, csrs, monkeypatch)

    async def done():
        return not (await world.examine()).outstanding and not await reacting.runner.pending()

    await run_until(reacting.runner, done)


@pytest.fixture(params=["sqlite", "postgres"])
def server_url(request):
    """The PostgreSQL server's URL, None for SQLite."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else None


@pytest.fixture
async def effects(server_url, tmp_path):
    if server_url is None:
        views = await SQLiteViews.open(tmp_path / "effects.db")
        yield SQLiteEffects(views.database)
        await views.close()
    else:
        async with postgres.database(server_url) as url:
            views = await PostgresViews.open(url)
            yield PostgresEffects(views.pool)
            await views.close()


async def test_effects_are_recorded_once_and_settled(effects):
    one = Outstanding("a", b'"a"', 1.0, 0, 1.0, None)
    two = Outstanding("b", b'"b"', 2.0, 0, 2.0, None)
    assert await effects.checkpoint() == 0
    await effects.record([one, two], [], 5, after=0)
    with pytest.raises(Overtaken):
        await effects.record([], ["b"], 6, after=4)
    assert list(await effects.outstanding()) == [one, two]
    await effects.failed("a", "Fault: get", 7.5, attempts=0)
    await effects.failed("a", "Fault: of one that was overtaken", 9.5, attempts=0)
    assert list(await effects.outstanding()) == [two, Outstanding("a", b'"a"', 1.0, 1, 7.5, "Fault: get")]
    await effects.record([], ["a", "b", "unknown"], 9, after=5)
    assert list(await effects.outstanding()) == []
    assert await effects.checkpoint() == 9


async def test_an_effect_that_is_settled_and_due_anew_within_a_page_is_not_lost(effects):
    first, anew = Outstanding("a", b'"a"', 1.0, 0, 1.0, None), Outstanding("a", b'"a"', 6.0, 0, 6.0, None)
    await effects.record([first], [], 5, after=0)
    await effects.record([anew], ["a"], 9, after=5)
    assert list(await effects.outstanding()) == [anew]


async def test_what_another_log_made_due_is_forgotten(effects):
    await effects.record([Outstanding("a", b'"a"', 1.0, 0, 1.0, None)], [], 5, after=0)
    with pytest.raises(Overtaken):
        await effects.forget(after=4)
    assert (len(await effects.outstanding()), await effects.checkpoint()) == (1, 5)
    await effects.forget(after=5)
    assert (list(await effects.outstanding()), await effects.checkpoint()) == ([], 0)
    await effects.record([], [], 1, after=0)
    assert await effects.checkpoint() == 1


async def test_what_doing_settles_is_removed(effects):
    await effects.record([Outstanding("a", b'"a"', 1.0, 0, 1.0, None)], [], 5, after=0)
    await effects.settle("unknown")
    assert [item.id for item in await effects.outstanding()] == ["a"]
    await effects.settle("a")
    assert list(await effects.outstanding()) == []
    assert await effects.checkpoint() == 5


async def test_an_effect_that_hangs_holds_up_no_other_and_none_waits_whom_nobody_else_serves(world, views, tmp_path):
    """The grace time is for effects that a request is about to settle; a deployment is nobody else's."""
    for service_id in ("hangs", "works"):
        started = DeploymentStarted(service_id, "certificate", 1, "00" * 32, "00" * 32)
        event = NewEvent(*codec.encode(started))
        await world.log.append([Write(f"service-{service_id}", 0, (event,))], metadata=encode_metadata("a", "C"))
    worked, forever = asyncio.Event(), asyncio.Event()

    async def perform(effect):
        await (forever.wait() if effect.service_id == "hangs" else asyncio.sleep(0))
        worked.set()

    lease = FileLease(tmp_path / "follower.lock")
    await lease.acquire()
    runner = Runner(world.log, SQLiteEffects(views.database), lease, perform, clock.now, grace=3600.0)
    running = asyncio.ensure_future(runner.run())
    async with asyncio.timeout(PATIENCE):
        await worked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lease.release()
