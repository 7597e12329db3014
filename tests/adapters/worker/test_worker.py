"""Workers, with real processes."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from es_pki.adapters.worker import Workers, WorkFailed, WorkUnbounded, each, pool
from es_pki.adapters.worker.each import do_each
from es_pki.commands.refusals import Malformed
from tests.adapters.worker import works
from tests.adapters.worker.works import Numbers

PATIENCE = 60


@pytest.fixture
async def workers():
    """At most one worker."""
    workers = Workers(1)
    yield workers
    await workers.close()
    assert processes() == []


def processes():
    """Return the workers of this process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"worker.process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_a_worker_starts_with_the_first_work_and_does_the_next_ones_too(workers):
    assert processes() == []
    assert await workers.do(works.TOTAL, Numbers((1, 2))) == 3
    (worker,) = processes()
    assert await asyncio.gather(*(workers.do(works.TOTAL, Numbers((n,))) for n in range(20))) == list(range(20))
    assert processes() == [worker]


async def test_a_refusal_comes_back_as_it_was_raised(workers):
    with pytest.raises(Malformed) as caught:
        await workers.do(works.REFUSE, "certificate")
    assert caught.value.detail == "a detail"
    assert caught.value.violations == (("certificate", "a rule", "a detail"),)


async def test_an_error_is_told_without_its_words(workers):
    with pytest.raises(WorkFailed, match=r"ValueError at .*works\.py:\d+") as caught:
        await workers.do(works.FAIL, "a secret")
    assert "a secret" not in str(caught.value)
    assert await workers.do(works.TOTAL, Numbers((1,))) == 1


async def test_what_misses_its_deadline_is_refused_and_its_process_is_gone(workers):
    with pytest.raises(WorkUnbounded):
        await workers.do(works.HANG, 60.0)
    assert processes() == []
    assert await workers.do(works.TOTAL, Numbers((1,))) == 1


async def test_what_takes_too_much_memory_is_refused(workers):
    with pytest.raises(WorkUnbounded):
        await workers.do(works.DEVOUR, 2 << 30)
    assert await workers.do(works.DEVOUR, 1 << 20) == 1 << 20


async def test_what_ends_its_process_twice_is_refused(workers):
    with pytest.raises(WorkUnbounded):
        await workers.do(works.END, 1)
    assert await workers.do(works.TOTAL, Numbers((1,))) == 1


async def test_a_worker_that_was_killed_costs_nobody_an_answer(workers, tmp_path):
    assert await workers.do(works.END_ONCE, str(tmp_path / "ended")) in processes()


async def test_a_work_that_nobody_waits_for_any_more_answers_nobody_else(workers):
    waiting = asyncio.create_task(workers.do(works.SLEEP, 60.0))
    async with asyncio.timeout(PATIENCE):
        while not processes():
            await asyncio.sleep(0.01)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert processes() == []
    assert await workers.do(works.TOTAL, Numbers((5,))) == 5


async def test_a_piece_that_ends_its_process_spoils_no_other(workers):
    assert await do_each(workers, works.HALVES, []) == []
    assert await do_each(workers, works.HALVES, [2, 4, 6]) == [1, 2, 3]
    unbounded, *others = await do_each(workers, works.HALVES, [1, 2, 4, 6])
    assert isinstance(unbounded, WorkUnbounded)
    assert others == [1, 2, 3]


async def test_where_too_many_pieces_are_bad_the_rest_is_given_up(workers, monkeypatch):
    monkeypatch.setattr(each, "MOST_TRIES", 2)
    results = await do_each(workers, works.HALVES, [2, 1, 3, 5, 7])
    assert [isinstance(result, WorkUnbounded) for result in results] == [False] + [True] * 4


async def test_a_worker_has_none_of_our_settings_leaves_no_core_file_and_gives_way(workers, monkeypatch):
    monkeypatch.setenv("ES_PKI_MASTER_PASSPHRASE", "a passphrase for this test")
    environment, arguments, core, niceness = await workers.do(works.CIRCUMSTANCES, 0)
    assert "PATH" in environment
    assert not any(name.startswith("ES_PKI_") for name in environment)
    assert len(arguments) == 1
    assert (core, niceness) == (0, os.nice(0) + 10)


async def test_a_worker_that_rests_for_long_is_ended(workers, monkeypatch):
    monkeypatch.setattr(pool, "RESTING_SECONDS", 0.0)
    await workers.do(works.TOTAL, Numbers((1,)))
    async with asyncio.timeout(PATIENCE):
        while processes():
            await asyncio.sleep(0.01)
