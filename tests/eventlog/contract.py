"""What every backend promises (`eventlog/log.py`), as tests. A backend's test file says how its store is opened."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog import (
    MAXIMUM_ENTRY_SIZE,
    PAGE_SIZE,
    Closed,
    Conflict,
    Damaged,
    NewEvent,
    TooLarge,
    Write,
    verify,
)
from eventlog.entry import FIXED_SIZE
from eventlog.memory import MemoryLog

ISSUED = NewEvent("certificate.issued.v1", b'{"serial_number":"1f"}')
REVOKED = NewEvent("certificate.revoked.v1", b'{"reason":"keyCompromise"}')


def write(stream, version, *events):
    return [Write(stream, version, events or (ISSUED,))]


async def everything(log, **options):
    return [record async for page in log.read_all(**options) for record in page.records]


async def refused(appending):
    with pytest.raises(Conflict) as caught:
        await appending
    return caught.value


async def follow_until(log, position, **options):
    """Follow the log up to a position; return the records and the last position that a page told."""
    records, reached = [], 0
    async for page in log.follow(**options):
        records += page.records
        reached = page.position
        if reached >= position:
            break
    return records, reached


class LogContract:
    """Needs a fixture `store`, whose `open(now=…)` returns a log (every time another one of the same store)."""

    @pytest.fixture
    async def log(self, store):
        return await store.open()

    async def test_positions_and_versions_begin_at_one(self, log):
        assert await log.append(write("a", 0, ISSUED, REVOKED)) == (1, 2)
        assert await log.append(write("b", 0)) == (3,)
        assert await log.append(write("a", 2)) == (4,)
        assert [(r.position, r.stream, r.version) for r in await everything(log)] == [
            (1, "a", 1),
            (2, "a", 2),
            (3, "b", 1),
            (4, "a", 3),
        ]

    async def test_a_record_is_what_was_appended(self, log):
        event = NewEvent("näme.v2", bytes(range(256)))
        await log.append(write("straße", 0, event), metadata=b'{"by":"root"}')
        (record,) = await log.read_stream("straße")
        assert (record.type, record.data, record.metadata) == (*event, b'{"by":"root"}')

    async def test_a_new_log_is_empty(self, log):
        assert (await log.head()).size == 0
        assert await everything(log) == []
        assert await log.position_at(1 << 60) == 0
        assert (await verify(log)).findings == ()

    async def test_an_unknown_stream_has_no_records(self, log):
        assert list(await log.read_stream("nobody")) == []

    async def test_a_stream_is_read_after_a_version(self, log):
        await log.append(write("a", 0, ISSUED, REVOKED, ISSUED))
        assert [record.version for record in await log.read_stream("a", after=1)] == [2, 3]

    async def test_a_stale_expectation_is_refused(self, log):
        await log.append(write("a", 0, ISSUED, ISSUED))
        conflict = await refused(log.append(write("a", 1)))
        assert (conflict.stream, conflict.expected, conflict.actual) == ("a", 1, 2)

    async def test_an_expectation_beyond_the_head_is_refused(self, log):
        await log.append(write("a", 0))
        assert (await refused(log.append(write("a", 2)))).actual == 1
        assert (await refused(log.append(write("new", 1)))).actual == 0

    async def test_a_guard_lets_pass_only_at_its_version(self, log):
        await log.append(write("authority", 0))
        await log.append([Write("authority", 1), *write("certificate", 0)])
        conflict = await refused(log.append([*write("certificate", 1), Write("authority", 0)]))
        assert conflict.stream == "authority"
        assert len(await log.read_stream("certificate")) == 1

    async def test_a_guard_on_a_stream_without_events_passes(self, log):
        await log.append([Write("name", 0), *write("certificate", 0)])
        assert (await refused(log.append([Write("name", 1), *write("certificate", 1)]))).actual == 0

    async def test_an_append_is_all_or_nothing_over_streams(self, log):
        await log.append(write("b", 0))
        await refused(log.append([*write("a", 0), *write("b", 0), *write("c", 0)]))
        assert len(await everything(log)) == 1
        assert await log.append([*write("a", 0), *write("b", 1), *write("c", 0)]) == (2, 3, 4)

    async def test_a_conflict_leaves_no_trace(self, log):
        await log.append(write("a", 0))
        before = await log.head()
        await refused(log.append([*write("new", 0), *write("a", 0)]))
        assert await log.head() == before
        assert await log.append([*write("new", 0), *write("a", 1)]) == (2, 3)

    async def test_a_conflict_in_a_batch_fails_alone(self, log):
        await log.append(write("s-100", 0))
        appends = [log.append(write(f"s-{number}", 0)) for number in range(256)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert isinstance(outcomes.pop(100), Conflict)
        assert sorted(position for (position,) in outcomes) == list(range(2, 257))

    async def test_appends_that_follow_each_other_may_wait_together(self, log):
        appends = [log.append(write("a", version)) for version in range(20)]
        assert await asyncio.gather(*appends) == [(position,) for position in range(1, 21)]

    async def test_of_two_that_expect_the_same_version_one_wins(self, log):
        appends = [log.append(write("a", 0)) for _ in range(20)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19
        assert len(await log.read_stream("a")) == 1

    async def test_many_guards_of_one_stream_pass_together(self, log):
        await log.append(write("authority", 0))
        appends = [log.append([Write("authority", 1), *write(f"c-{n}", 0)]) for n in range(256)]
        appends.append(log.append(write("authority", 1)))
        late = log.append([Write("authority", 1), *write("late", 0)])
        *outcomes, last = await asyncio.gather(*appends, late, return_exceptions=True)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert isinstance(last, Conflict)

    async def test_a_right_expectation_passes_beside_a_wrong_one(self, log):
        await log.append(write("a", 0))
        outcomes = await asyncio.gather(
            log.append(write("a", 5)), log.append(write("a", 1)), log.append(write("a", 2)), return_exceptions=True
        )
        assert isinstance(outcomes[0], Conflict)
        assert outcomes[1:] == [(2,), (3,)]

    async def test_a_thousand_events_go_in_at_once(self, log):
        await log.append(write("a", 0, *[ISSUED] * 1_000))
        assert len(await log.read_stream("a")) == 1_000
        assert (await verify(log)).findings == ()

    async def test_an_append_of_megabytes_goes_in(self, log):
        event = NewEvent("large.v1", bytes(60_000))
        await log.append(write("a", 0, *[event] * 90))
        assert [record.data for record in await everything(log)] == [event.data] * 90

    async def test_the_largest_entry_goes_in_and_a_larger_is_refused(self, log):
        room = MAXIMUM_ENTRY_SIZE - FIXED_SIZE - len("a") - len("t") - len(b"{}")
        await log.append(write("a", 0, NewEvent("t", bytes(room))))
        with pytest.raises(TooLarge):
            await log.append(write("a", 1, ISSUED, NewEvent("t", bytes(room + 1))))
        assert len(await everything(log)) == 1

    @pytest.mark.parametrize(
        "writes",
        [[], [Write("a", 0)], [*write("a", 0), *write("a", 1)], write("", 0), write("a\0", 0), write("\ud800", 0)],
        ids=["nothing", "only a guard", "a stream twice", "no name", "NUL", "surrogate"],
    )
    async def test_an_append_of_bad_form_is_refused(self, log, writes):
        with pytest.raises(ValueError, match=r"an append|a name|surrogates"):
            await log.append(writes)
        assert (await log.head()).size == 0

    async def test_time_never_decreases_when_the_clock_steps_back(self, store):
        log = await store.open(now=iter([100, 200, 50, 300]).__next__)
        for version in range(4):
            await log.append(write("a", version))
        assert [record.time for record in await everything(log)] == [100, 200, 200, 300]

    async def test_position_at_is_the_last_at_or_before_a_time(self, store):
        log = await store.open(now=iter([100, 200, 200, 300]).__next__)
        for version in range(4):
            await log.append(write("a", version))
        assert [await log.position_at(time) for time in (99, 100, 199, 200, 300, 999)] == [0, 1, 1, 3, 4, 4]

    async def test_pages_have_no_gap_and_end_at_the_head(self, log):
        for batch in range(3):
            await log.append(write("a", batch * 1_500, *[ISSUED] * 1_500))
        pages = [page async for page in log.read_all(after=10)]
        positions = [record.position for page in pages for record in page.records]
        assert positions == list(range(11, 4_501))
        assert max(len(page.records) for page in pages) <= PAGE_SIZE
        assert pages[-1].position == 4_500

    async def test_reading_stops_where_it_is_told(self, log):
        await log.append(write("a", 0, *[ISSUED] * 10))
        assert [record.position for record in await everything(log, after=3, until=5)] == [4, 5]
        assert len(await everything(log, until=99)) == 10
        assert [page async for page in log.read_all(after=10)] == []
        assert [page async for page in log.read_all(after=99)] == []

    async def test_a_filtered_reading_tells_how_far_it_looked(self, log):
        await log.append(write("a", 0, ISSUED, REVOKED, ISSUED, ISSUED))
        pages = [page async for page in log.read_all(types=[REVOKED.type])]
        assert [record.position for page in pages for record in page.records] == [2]
        assert pages[-1].position == 4
        assert [page.position async for page in log.read_all(types=["unheard.v1"])][-1] == 4

    async def test_a_filter_for_types_returns_all_of_them(self, log):
        await log.append(write("a", 0, *[ISSUED, REVOKED, NewEvent("other.v1", b"")] * 2_000))
        records = await everything(log, types={ISSUED.type, REVOKED.type})
        assert len(records) == 4_000
        assert {record.type for record in records} == {ISSUED.type, REVOKED.type}

    async def test_leaf_hashes_are_those_of_the_records(self, log):
        await log.append(write("a", 0, *[ISSUED] * 700))
        expected = [record.leaf_hash for record in await everything(log)]
        for after, until in ((0, 700), (0, 1), (255, 257), (699, 700), (5, 5)):
            assert await log.leaf_hashes(after, until) == b"".join(expected[after:until])

    async def test_leaf_hashes_beyond_the_head_are_missing(self, log):
        await log.append(write("a", 0))
        for after, until in ((0, 2), (1, 2), (5, 900)):
            with pytest.raises(Damaged):
                await log.leaf_hashes(after, until)

    async def test_a_follower_gets_what_comes_later(self, log):
        following = asyncio.create_task(follow_until(log, 3))
        await log.append(write("a", 0))
        await asyncio.sleep(0.01)
        await log.append(write("a", 1, REVOKED, ISSUED))
        records, _ = await asyncio.wait_for(following, 10)
        assert [record.position for record in records] == [1, 2, 3]

    async def test_a_filtered_follower_remembers_where_it_is(self, log):
        following = asyncio.create_task(follow_until(log, 5, types=[REVOKED.type]))
        await log.append(write("a", 0, ISSUED, REVOKED, ISSUED))
        await asyncio.sleep(0.01)
        await log.append(write("a", 3, ISSUED, ISSUED))
        records, reached = await asyncio.wait_for(following, 10)
        assert [record.position for record in records] == [2]
        assert reached == 5

    async def test_cancelling_an_append_undoes_nothing(self, log):
        appending = [asyncio.create_task(log.append(write(f"s-{number}", 0))) for number in range(50)]
        await asyncio.sleep(0)
        for task in appending[::2]:
            task.cancel()
        await asyncio.gather(*appending, return_exceptions=True)
        await log.append(write("last", 0))
        assert [record.stream for record in await everything(log)] == [*(f"s-{n}" for n in range(50)), "last"]

    async def test_closing_answers_the_appends_that_wait(self, log):
        appending = [asyncio.create_task(log.append(write(f"s-{number}", 0))) for number in range(50)]
        await asyncio.sleep(0)
        await log.close()
        assert await asyncio.gather(*appending) == [(position,) for position in range(1, 51)]
        await log.close()

    async def test_a_closed_log_says_so(self, log):
        following = asyncio.create_task(follow_until(log, 1))
        await asyncio.sleep(0.01)
        await log.close()
        with pytest.raises(Closed):
            await asyncio.wait_for(following, 10)
        with pytest.raises(Closed):
            await log.append(write("a", 0))
        with pytest.raises(Closed):
            await log.head()

    async def test_the_same_appends_make_the_same_log_as_in_memory(self, store):
        log, model = await store.open(now=lambda: 7), MemoryLog(now=lambda: 7)
        stream = st.sampled_from("abc")
        events = st.lists(st.sampled_from([ISSUED, REVOKED]), max_size=3).map(tuple)
        writes = st.lists(st.builds(Write, stream, st.integers(0, 6), events), min_size=1, max_size=3)

        async def outcome(target, append, prefix):
            named = [write._replace(stream=prefix + write.stream) for write in append]
            try:
                return await target.append(named)
            except (Conflict, ValueError) as error:
                return type(error)

        loop = asyncio.get_running_loop()
        prefixes = map("example-{}-".format, itertools.count())

        async def compare(together, alone):
            prefix = next(prefixes)
            for target_batch in (together, *([append] for append in alone)):
                ours, theirs = [
                    await asyncio.gather(*(outcome(target, append, prefix) for append in target_batch))
                    for target in (log, model)
                ]
                assert ours == theirs

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(writes, min_size=1, max_size=8), st.lists(writes, max_size=4))
        def examples(together, alone):
            asyncio.run_coroutine_threadsafe(compare(together, alone), loop).result()

        await asyncio.to_thread(examples)
        assert await everything(log) == await everything(model)
        assert await log.head() == await model.head()


class SharedLogContract:
    """What holds when several logs are open on one store. Needs the fixture `store`."""

    async def test_everything_is_there_after_reopening(self, store):
        log = await store.open()
        await log.append(write("a", 0, ISSUED, REVOKED), metadata=b'{"n":1}')
        before, head = await everything(log), await log.head()
        await log.close()
        log = await store.open()
        assert await everything(log) == before
        assert await log.head() == head
        assert await log.append(write("a", 2)) == (3,)
        assert (await verify(log)).findings == ()

    async def test_another_log_of_the_store_sees_and_guards_what_one_appended(self, store):
        one, other = await store.open(), await store.open()
        await one.append(write("a", 0))
        assert await other.append(write("a", 1)) == (2,)
        assert (await refused(one.append(write("a", 1)))).actual == 2
        assert await one.append(write("b", 0)) == (3,)
        assert await everything(one) == await everything(other)

    async def test_nobody_is_refused_for_what_another_log_appended_meanwhile(self, store):
        """A log that remembers a stream's version asks again before it says no."""
        one, other = await store.open(), await store.open()
        for number in range(20):
            await one.append(write(f"warm-{number}", 0))
        await one.append(write("a", 0))
        await other.append(write("a", 1))
        assert await one.append(write("a", 2)) == (23,)
        assert (await refused(one.append(write("a", 1)))).actual == 3
        assert (await verify(other)).findings == ()

    async def test_a_follower_wakes_for_another_log_of_the_store(self, store):
        one, other = await store.open(), await store.open()
        following = asyncio.create_task(follow_until(other, 2))
        await asyncio.sleep(0.05)
        await one.append(write("a", 0))
        await asyncio.sleep(0.05)
        await one.append(write("a", 1))
        records, _ = await asyncio.wait_for(following, 10)
        assert [record.version for record in records] == [1, 2]

    async def test_a_follower_misses_nothing_while_writers_race(self, store):
        writers = [await store.open() for _ in range(3)]
        reader = await store.open()
        following = asyncio.create_task(follow_until(reader, 900))

        async def race(log, name):
            for version in range(15):
                await log.append([Write("shared", 0), *write(name, version)])

        await asyncio.gather(
            *(race(log, f"{number}-{task}") for number, log in enumerate(writers) for task in range(20))
        )
        records, _ = await asyncio.wait_for(following, 20)
        assert [record.position for record in records] == list(range(1, 901))
        assert (await verify(reader)).findings == ()

    async def test_of_racing_logs_one_wins_each_version(self, store):
        writers = [await store.open() for _ in range(3)]

        async def race(log):
            won = 0
            for _ in range(40):
                version = len(await log.read_stream("contended"))
                try:
                    await log.append(write("contended", version))
                except Conflict:
                    continue
                won += 1
            return won

        won = await asyncio.gather(*map(race, writers))
        records = await writers[0].read_stream("contended")
        assert [record.version for record in records] == list(range(1, sum(won) + 1))

    async def test_several_may_open_a_new_store_at_once(self, store):
        logs = await asyncio.gather(*(store.open() for _ in range(6)))
        await asyncio.gather(*(log.append(write(f"s-{number}", 0)) for number, log in enumerate(logs)))
        assert len(await everything(logs[0])) == 6
