"""Every release's whole log is still read as it was: loaded into each backend, verified, folded and shown."""

import contextlib
import json

import msgspec
import pytest

from es_pki.adapters.examination import examine
from es_pki.adapters.intake import deciders
from es_pki.adapters.recorded import happened
from es_pki.adapters.views import Query
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.decider import Decider
from es_pki.events import codec
from es_pki.projections import VIEWS
from eventlog import NewEvent, Write, merkle, verify
from eventlog.memory import MemoryLog
from eventlog.postgres import PostgresLog
from eventlog.sqlite import SQLiteLog
from tests import postgres
from tests.golden.make_log import LOGS, digests, files, formats, record_of, released, version

RELEASES = sorted({path.name.removesuffix(".jsonl") for path in LOGS.glob("*.jsonl")})
DECIDERS = {decider.category: decider for decider in vars(deciders).values() if isinstance(decider, Decider)}

every_release = pytest.mark.parametrize("release", RELEASES)


def kept(release):
    """Return what is kept of a release: the root hash and the records."""
    first, *lines = files(release)[0].read_text().splitlines()
    head, records = json.loads(first), list(map(record_of, lines))
    assert len(records) == head["size"]
    return bytes.fromhex(head["root_hash"]), records


def expected(release):
    """Return what is expected of a release."""
    return json.loads(files(release)[1].read_text())


async def load(records, open_log):
    """Append records to a new log as they were, by a clock that shows each one's time."""
    times = [0]
    log = await open_log(now=lambda: times[-1])
    for record in records:
        times.append(record.time)
        event = NewEvent(record.type, record.data)
        await log.append([Write(record.stream, record.version - 1, (event,))], metadata=record.metadata)
    return log


@pytest.fixture(params=["sqlite", "postgres"])
async def stores(request, release, tmp_path):
    """A release's log and an empty store of views, on one backend."""
    _, records = kept(release)
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "sqlite":
            log = await load(records, lambda now: SQLiteLog.open(tmp_path / "log.db", now=now))
            views = await SQLiteViews.open(tmp_path / "views.db")
        else:
            server = request.getfixturevalue("postgres_server")
            url = await stack.enter_async_context(postgres.database(server))
            log = await load(records, lambda now: PostgresLog.open(url, now=now))
            views = await PostgresViews.open(url)
        stack.push_async_callback(log.close)
        stack.push_async_callback(views.close)
        yield log, views


def test_the_version_in_pyproject_has_a_log():
    assert version() in RELEASES, "python -m tests.golden.make_log"
    assert set(released()) <= set(RELEASES)


def test_a_released_log_is_never_changed():
    assert {release: digests(release) for release in released()} == released()


def test_the_log_of_a_released_version_has_every_event_that_there_is():
    """Whoever adds an event after a release raises the version first."""
    if version() in released():
        _, records = kept(version())
        assert {record.type for record in records} >= set(codec.EVENT_TYPES)


def test_a_released_step_of_a_store_s_format_is_never_changed():
    steps = formats()
    for release in released():
        for store, old in expected(release)["formats"].items():
            assert steps[store][: len(old)] == old


@every_release
def test_a_kept_log_has_no_private_key(release):
    for path in files(release):
        assert "PRIVATE KEY" not in path.read_text()


@every_release
async def test_a_kept_log_is_the_same_in_every_backend(release, stores):
    log, _ = stores
    root, records = kept(release)
    assert [record async for page in log.read_all() for record in page.records] == records
    report = await verify(log)
    assert (report.findings, report.root) == ((), root)
    assert merkle.root((await log.head()).frontier) == root


@every_release
async def test_a_kept_log_says_the_same_to_every_view(release, stores):
    log, views = stores
    for view in VIEWS:
        await rebuild(log, views, view)
        rows = (await views.find(view, Query(limit=100_000))).rows
        old = expected(release)["views"].get(view.name)
        assert old is None or [shown_then(row, then) for row, then in zip(rows, old, strict=True)] == old


def shown_then(row, then):
    """Return a row as that release would show it: a later one may have more fields, and an event a newer name."""
    row = known_then(json.loads(msgspec.json.encode(row)), then)
    if "type" in then:
        assert row["type"] == codec.newest(then["type"])
        row["type"] = then["type"]
    return row


def known_then(value, then):
    """Return a value without the fields, of it and of what it holds, that weren't there."""
    match value, then:
        case dict(), dict():
            return {field: known_then(part, then[field]) for field, part in value.items() if field in then}
        case list(), list() if len(value) == len(then):
            return [known_then(*parts) for parts in zip(value, then, strict=True)]
        case _:
            return value


@every_release
async def test_a_kept_log_holds_together_and_every_aggregate_evolves(release):
    log = await load(kept(release)[1], MemoryLog.open)
    examination = await examine(log)
    assert (examination.findings, examination.outstanding) == ([], {})
    states = {}
    async for page in log.read_all():
        for record in page.records:
            seen = happened(record)
            decider = DECIDERS.get(seen.category)
            if decider is not None:
                states[seen.stream] = decider.evolve(states.get(seen.stream, decider.initial), seen.event)
    assert states
    assert all(state != DECIDERS[stream.partition("-")[0]].initial for stream, state in states.items())
