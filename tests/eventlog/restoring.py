"""What every backend promises of `Log.restore`. Needs the fixtures of `LogContract`."""

import pytest

from eventlog import Occupied, Record, verify
from eventlog.memory import MemoryLog
from tests.eventlog.contract import ISSUED, REVOKED, everything, write


async def in_pages(*pages):
    for page in pages:
        yield page


async def a_log():
    """A log with some history: three streams, a step of time, metadata."""
    log = await MemoryLog.open(now=iter([100, 100, 250]).__next__)
    await log.append(write("a", 0, ISSUED, REVOKED), metadata=b'{"by":"root"}')
    await log.append([*write("b", 0), *write("straße", 0)])
    await log.append(write("a", 2))
    return log


class Stopped(Exception):
    """What a reader of records raises in the middle."""


class RestoringContract:
    async def test_a_restored_log_is_the_log_that_was(self, log):
        source = await a_log()
        head = await log.restore(source.scan())
        assert head == await log.head() == await source.head()
        assert await everything(log) == await everything(source)
        assert (await verify(log)).findings == ()

    async def test_a_restored_log_goes_on(self, store):
        log = await store.open(now=lambda: 1)
        await log.restore((await a_log()).scan())
        assert await log.append(write("a", 3)) == (6,)
        assert [record.time for record in await log.read_stream("a", after=2)] == [250, 250]
        assert (await verify(log)).findings == ()

    async def test_thousands_are_restored_in_pages(self, log):
        source = await MemoryLog.open()
        await source.append(write("a", 0, *[ISSUED] * 3_000))
        records = await everything(source)
        await log.restore(in_pages(records[:1], [], records[1:2_500], records[2_500:]))
        assert await log.head() == await source.head()
        assert await everything(log) == records

    async def test_nothing_restored_leaves_an_empty_log(self, log):
        assert (await log.restore(in_pages())).size == 0
        assert await log.append(write("a", 0)) == (1,)

    async def test_a_log_with_records_is_never_restored_into(self, log):
        await log.append(write("mine", 0))
        before = await everything(log)
        with pytest.raises(Occupied):
            await log.restore((await a_log()).scan())
        assert await everything(log) == before
        assert await log.append(write("mine", 1)) == (2,)

    async def test_what_stops_the_reader_leaves_no_trace(self, log):
        records = await everything(await a_log())

        async def stopped():
            yield records[:3]
            raise Stopped

        with pytest.raises(Stopped):
            await log.restore(stopped())
        assert (await log.head()).size == 0
        assert await everything(log) == []
        assert await log.append(write("a", 0)) == (1,)
        assert (await verify(log)).findings == ()

    @pytest.mark.parametrize(
        ("number", "change"),
        [
            (0, {"position": 2}),
            (3, {"position": 9}),
            (1, {"version": 3}),
            (4, {"version": 2}),
            (2, {"stream": "c", "version": 2}),
            (2, {"stream": ""}),
            (2, {"type": "t\0"}),
            (4, {"time": 99}),
            (4, {"time": 1 << 63}),
            (2, {"data": bytes(65_536)}),
        ],
        ids=str,
    )
    async def test_records_that_no_log_can_hold_are_refused_and_leave_no_trace(self, log, number, change):
        records: list[Record] = await everything(await a_log())
        records[number] = records[number]._replace(**change)
        with pytest.raises(ValueError, match=r"position|a name"):
            await log.restore(in_pages(records))
        assert (await log.head()).size == 0
        assert await log.append(write("a", 0)) == (1,)
