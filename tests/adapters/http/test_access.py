"""Tokens while the views stand still: the log alone says who is let in, on every server of the installation."""

import asyncio
import time
import uuid

import pytest

from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog
from tests import serving


async def stop_the_views(folder):
    """Append what no view can read: they stop there, and are never skipped past it."""
    log = await SQLiteLog.open(folder / "log.db")
    try:
        await log.append([Write("certificate-unreadable", 0, (NewEvent("certificate.issued.v1", b"{}"),))])
    finally:
        await log.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two servers of one data folder, whose views stand still."""
    folder = tmp_path_factory.mktemp("standing") / "data"
    with serving.running(folder) as one, serving.running(folder) as other:
        asyncio.run(stop_the_views(folder))
        deadline = time.monotonic() + serving.PATIENCE
        while one.get("/readyz").status == 200:
            assert time.monotonic() < deadline
        yield one, other


def created(server):
    """Create a token; return its principal's name and the token."""
    name = f"access-{uuid.uuid4().hex[:12]}"
    return name, server.done("CreateToken", name=name, roles=["viewer"])["result"]["token"]


def statuses(servers, token):
    return [server.get("/api/v1/certificates", token=token).status for server in servers]


def test_a_new_token_opens_at_once_on_every_server(servers):
    for server in servers:
        _, token = created(server)
        assert statuses(servers, token) == [200, 200]


def test_a_revoked_token_opens_nothing_from_the_answer_on(servers):
    one, other = servers
    name, token = created(one)
    assert statuses(servers, token) == [200, 200]
    other.done("RevokeToken", principal=name, reason="left")
    assert statuses(servers, token) == [401, 401]


def test_a_token_from_before_opens_and_a_foreign_one_does_not(servers):
    assert statuses(servers, servers[0].token) == [200, 200]
    assert statuses(servers, "espki_nobody-has-created-this") == [401, 401]
