"""What every backend promises to followers, as tests: they may stop anywhere, and be many."""

import asyncio
import contextlib
from random import Random

import pytest

from tests.eventlog.contract import ISSUED, REVOKED, everything, write


class FollowingContract:
    """Needs a fixture `store`, whose `open()` returns another log of the same store every time."""

    @pytest.mark.parametrize("tail", [0, 5, 500])
    async def test_followers_that_stop_anywhere_miss_and_repeat_nothing(self, store, monkeypatch, tail):
        monkeypatch.setattr("eventlog.following.TAIL_LENGTH", tail)
        writers, readers = [[await store.open() for _ in range(2)] for _ in range(2)]
        total = 2 * 6 * 20

        async def race(log, name):
            for version in range(20):
                await log.append(write(name, version, (ISSUED, REVOKED)[version % 2]))

        async def follow(number):
            """Stop after some pages, or in the middle of a look, and go on behind the last page."""
            random, types = Random(number), (None, [REVOKED.type])[number % 2]  # noqa: S311 - repeatable, not secret
            records, reached = [], 0
            while reached < total:
                pages = readers[number % 2].follow(after=reached, types=types)
                with contextlib.suppress(TimeoutError):
                    for _ in range(random.randrange(1, 5)):
                        page = await asyncio.wait_for(anext(pages), 0.001 + random.random())
                        records += page.records
                        reached = page.position
                        await asyncio.sleep(random.random() / 100)
                await pages.aclose()
            return [(record.position, record.type) for record in records]

        following = asyncio.gather(*(follow(number) for number in range(8)))
        await asyncio.gather(*(race(log, f"{n}-{task}") for n, log in enumerate(writers) for task in range(6)))
        seen = await asyncio.wait_for(following, 30)
        stored = [(record.position, record.type) for record in await everything(readers[0])]
        assert [position for position, _ in stored] == list(range(1, total + 1))
        for number, records in enumerate(seen):
            assert records == [(p, t) for p, t in stored if number % 2 == 0 or t == REVOKED.type]
