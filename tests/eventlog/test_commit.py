"""The queue by itself: its commit is a list of how large the batches were."""

import asyncio

import pytest

from eventlog import NewEvent, Write
from eventlog.commit import CROWD, CommitQueue

EVENT = NewEvent("made.v1", b"{}")


class Commits:
    """Answers each batch some turns of the loop later, as a server does."""

    def __init__(self):
        self.sizes = []
        self.running = 0

    async def __call__(self, requests):
        assert self.running == 0
        self.running += 1
        self.sizes.append(len(requests))
        await asyncio.sleep(0.001)
        self.running -= 1
        for request in requests:
            request.answer.set_result((1,))


async def append(queue, stream, times):
    for version in range(times):
        await queue.append([Write(stream, version, (EVENT,))], b"{}")


async def of(appenders, times=6):
    """Return the sizes of the batches that so many appenders make, each waiting for its append before the next."""
    commits = Commits()
    queue = CommitQueue(commits)
    await asyncio.gather(*(append(queue, f"s-{number}", times) for number in range(appenders)))
    await queue.close()
    assert sum(commits.sizes) == appenders * times
    return commits.sizes


@pytest.mark.parametrize("appenders", [1, 16, 2 * CROWD - 1])
async def test_a_few_appenders_share_every_commit(appenders):
    assert await of(appenders) == [appenders] * 6


@pytest.mark.parametrize("appenders", [2 * CROWD, 256])
async def test_of_a_crowd_one_half_is_committed_while_the_other_makes_its_next_appends(appenders):
    assert await of(appenders) == [appenders // 2] * 12


async def test_a_commit_that_fails_fails_its_half_alone():
    sizes = []

    async def commit(requests):
        sizes.append(len(requests))
        await asyncio.sleep(0)
        if len(sizes) == 1:
            raise OSError("gone")
        for request in requests:
            request.answer.set_result((1,))

    queue = CommitQueue(commit)
    appending = (append(queue, f"s-{number}", 1) for number in range(2 * CROWD))
    answers = await asyncio.gather(*appending, return_exceptions=True)
    assert sizes == [CROWD, CROWD]
    assert [type(answer).__name__ for answer in answers] == ["Unavailable"] * CROWD + ["NoneType"] * CROWD
