"""The lease: one holder at a time, and the next when it goes, however it goes."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from es_pki.adapters.lease import AdvisoryLease, FileLease

HOLDER = """
import asyncio, sys
from pathlib import Path
from es_pki.adapters.lease import FileLease

async def main():
    lease = FileLease(Path(sys.argv[1]))
    await lease.acquire()
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture(params=["file", "advisory lock"])
def server_url(request):
    return request.getfixturevalue("postgres_server") if request.param == "advisory lock" else None


@pytest.fixture
async def lease(server_url, tmp_path):
    """Return a way to make leases of the same name."""
    made = []

    def make():
        made.append(FileLease(tmp_path / "lock") if server_url is None else AdvisoryLease(server_url, str(tmp_path)))
        return made[-1]

    yield make
    for one in made:
        await one.release()


async def test_a_lease_has_one_holder_and_the_next_waits(lease):
    first, second = lease(), lease()
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    await asyncio.sleep(0.7)
    assert (await first.held(), await second.held(), waiting.done()) == (True, False, False)
    await first.release()
    await asyncio.wait_for(waiting, 10)
    assert (await first.held(), await second.held()) == (False, True)


async def test_who_stops_waiting_holds_nothing(lease):
    first, second = lease(), lease()
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await second.held() is False
    await first.release()
    await first.release()


async def test_a_killed_holder_lets_go(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        lease = FileLease(tmp_path / "lock")
        waiting = asyncio.ensure_future(lease.acquire())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        holder.kill()
    await asyncio.wait_for(waiting, 10)
    assert await lease.held()
    await lease.release()


async def test_a_holder_whose_connection_is_gone_knows_it(postgres_url):
    lease = AdvisoryLease(postgres_url, "follower")
    await lease.acquire()
    other = await asyncpg.connect(postgres_url)
    await other.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await other.close()
    assert await lease.held() is False
    await asyncio.wait_for(lease.acquire(), 10)
    assert await lease.held() is True
    await lease.release()


async def test_several_tasks_may_ask_at_once(postgres_url):
    lease = AdvisoryLease(postgres_url, "follower")
    await lease.acquire()
    assert await asyncio.gather(*(lease.held() for _ in range(5))) == [True] * 5
    await lease.release()
