"""The live audit trail: who listens, who has gone, who may no longer, and how many there may be."""

import asyncio

import pytest

from es_pki.adapters.http import live
from es_pki.adapters.http.live import LIVE
from tests.adapters.http.test_bad_input import problem
from tests.serving import PATIENCE

STREAM = "/api/v1/events/stream"
RARE = f"{STREAM}?type=authority.signing_failed.v1"


@pytest.fixture
def hurried(monkeypatch):
    """Beats follow each other quickly."""
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.02)


def streams(client):
    return client.server.app[LIVE]


async def command(client, name, /, **body):
    async with client.post(f"/api/v1/commands/{name}", json=body) as reply:
        assert reply.status == 200, await reply.text()
        return (await reply.json())["result"]


@pytest.mark.usefixtures("hurried")
async def test_a_silent_stream_beats(inside):
    async with inside.get(RARE) as listening:
        assert await listening.content.readexactly(8) == b": \n\n: \n\n"


@pytest.mark.usefixtures("hurried")
async def test_a_listener_that_has_gone_is_forgotten_though_nothing_happens(inside):
    listening = await inside.get(RARE)
    assert len(streams(inside)) == 1
    listening.close()
    async with asyncio.timeout(PATIENCE):
        while streams(inside):
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("hurried")
async def test_a_stream_ends_when_its_token_is_revoked(inside):
    token = (await command(inside, "CreateToken", name="auditor", roles=["auditor"]))["token"]
    async with inside.get(RARE, headers={"Authorization": f"Bearer {token}"}) as listening:
        await listening.content.readexactly(4)
        await command(inside, "RevokeToken", principal="auditor", reason="left")
        async with asyncio.timeout(PATIENCE):
            assert set((await listening.content.read()).split(b"\n\n")) <= {b": ", b""}
    assert not streams(inside)


async def test_there_are_so_many_streams_and_no_more(inside, monkeypatch):
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with inside.get(RARE) as listening:
        assert listening.status == 200
        async with inside.get(RARE) as refused:
            assert (refused.status, (await refused.json())["code"]) == (503, "too-many-streams")


async def test_a_head_of_the_stream_ends_at_once(inside):
    async with inside.head(STREAM) as reply:
        assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
        assert await reply.read() == b""
    assert not streams(inside)


@pytest.mark.parametrize("last", ["9" * 20, "9" * 5000, "-1", "٣".encode().decode("latin-1"), "one"])
def test_what_is_no_event_id_is_refused(server, last):
    problem(server.get(STREAM, headers={"Last-Event-ID": last}), 400, "malformed", "Last-Event-ID")


def test_an_unknown_type_is_refused_before_anything_is_sent(server):
    problem(server.get(f"{STREAM}?type=bogus"), 400, "malformed", "type")
