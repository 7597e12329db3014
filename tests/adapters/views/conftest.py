"""A log with a history, and an empty store of views on each backend."""

import contextlib

import pytest

from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.sqlite import SQLiteViews
from eventlog.memory import MemoryLog
from tests import postgres
from tests.adapters.views.rows import SIZE, extend
from tests.projections.histories import history


@pytest.fixture
async def log():
    log = await MemoryLog.open()
    await extend(log, history(seed=7, size=SIZE))
    yield log
    await log.close()


@pytest.fixture(params=["sqlite", "postgres"])
def server_url(request):
    """The PostgreSQL server's URL, None for SQLite."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else None


@pytest.fixture
async def store(server_url, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        if server_url is None:
            store = await SQLiteViews.open(tmp_path / "views.db")
        else:
            store = await PostgresViews.open(await stack.enter_async_context(postgres.database(server_url)))
        stack.push_async_callback(store.close)
        yield store
