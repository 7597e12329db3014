"""The stores of the last signed checkpoint: one contract, two backends."""

import asyncio
import contextlib
import sqlite3

import pytest

from es_pki.adapters.checkpoints import Signed
from es_pki.adapters.checkpoints.postgres import PostgresCheckpoints
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.sqlite import NotOurFile
from tests import postgres

FIVE = Signed(5, b"\5" * 32, "a note\n")


@pytest.fixture(params=["sqlite", "postgres"])
def server_url(request):
    """The PostgreSQL server's URL, None for SQLite."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else None


@pytest.fixture
async def opened(server_url, tmp_path):
    """Opens the store, every time another one of the same place."""
    async with contextlib.AsyncExitStack() as stack:
        url = server_url and await stack.enter_async_context(postgres.database(server_url))

        async def open_store():
            store = await (PostgresCheckpoints.open(url) if url else SQLiteCheckpoints.open(tmp_path / "checkpoint.db"))
            stack.push_async_callback(store.close)
            return store

        yield open_store


async def test_a_new_store_has_no_checkpoint(opened):
    assert await (await opened()).last() is None


async def test_what_was_put_is_there_after_reopening(opened):
    assert await (await opened()).put(FIVE)
    assert await (await opened()).last() == FIVE


async def test_a_larger_one_replaces_a_smaller_one_and_never_the_other_way(opened):
    store, other = await opened(), await opened()
    six = Signed(6, b"\6" * 32, "another note\n")
    assert await store.put(FIVE)
    assert await other.put(six)
    assert not await store.put(FIVE)
    assert await store.last() == six


async def test_a_size_has_one_root(opened):
    store = await opened()
    assert await store.put(FIVE)
    assert not await store.put(FIVE._replace(root=b"\6" * 32))
    assert await store.put(FIVE._replace(note="signed by another key\n"))
    assert (await store.last()).note == "signed by another key\n"


async def test_of_many_that_race_the_largest_stays(opened):
    stores = [await opened() for _ in range(3)]
    racing = [Signed(size, bytes([size]) * 32, "") for size in range(1, 31)]
    await asyncio.gather(*(store.put(signed) for signed in racing for store in stores))
    assert (await stores[0].last()).size == 30


async def test_a_file_of_somebody_else_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "checkpoint.db")) as somebody:
        somebody.execute("CREATE TABLE somebodys(thing)")
    with pytest.raises(NotOurFile, match="no checkpoint store"):
        await SQLiteCheckpoints.open(tmp_path / "checkpoint.db")
