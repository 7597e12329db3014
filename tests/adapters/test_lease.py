"""The lease: one holder at a time, and the next when it goes, however it goes."""

import asyncio
import fcntl
import signal
import subprocess
import sys

import asyncpg
import pytest

from es_pki.adapters.lease import AdvisoryLease, FileLease

TERM = 2.4

HOLDER = """
import asyncio, sys
from pathlib import Path
from es_pki.adapters.lease import AdvisoryLease, FileLease

async def main():
    path, url, term = sys.argv[1:]
    leases = [FileLease(Path(path), term=float(term))]
    if url:
        leases.append(AdvisoryLease(url, "follower", term=float(term)))
    for lease in leases:
        await lease.acquire()
    print("held", flush=True)
    lost = set()
    while True:
        await asyncio.sleep(0.01)
        for number, lease in enumerate(leases):
            if number not in lost and not lease.held():
                lost.add(number)
                print("lost", number, flush=True)

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
    assert (first.held(), second.held(), waiting.done()) == (True, False, False)
    await first.release()
    await asyncio.wait_for(waiting, 10)
    assert (first.held(), second.held()) == (False, True)


async def test_who_stops_waiting_holds_nothing(lease):
    first, second = lease(), lease()
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert second.held() is False
    await first.release()
    await first.release()


async def test_a_killed_holder_lets_go(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock", "", "6"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        lease = FileLease(tmp_path / "lock")
        waiting = asyncio.ensure_future(lease.acquire())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        holder.kill()
    await asyncio.wait_for(waiting, 10)
    assert lease.held()
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
    assert lease.held() is False
    await asyncio.wait_for(lease.acquire(), 10)
    assert lease.held() is True
    await lease.release()


async def test_who_holds_it_acquires_it_at_once(lease):
    one = lease()
    await one.acquire()
    await asyncio.wait_for(one.acquire(), 5)
    assert one.held()


async def test_a_holder_that_hangs_is_relieved_and_knows_it_when_it_wakes(postgres_url, tmp_path):
    """The same for both kinds of lease, side by side: their terms have to be waited for."""
    arguments = [sys.executable, "-c", HOLDER, tmp_path / "lock", postgres_url, str(TERM)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        leases = FileLease(tmp_path / "lock", term=TERM), AdvisoryLease(postgres_url, "follower", term=TERM)
        waiting = [asyncio.ensure_future(lease.acquire()) for lease in leases]
        await asyncio.sleep(1.5 * TERM)
        assert [task.done() for task in waiting] == [False, False]  # it lives, and renews
        holder.send_signal(signal.SIGSTOP)
        await asyncio.wait_for(asyncio.gather(*waiting), 5 * TERM)
        holder.send_signal(signal.SIGCONT)
        assert [lease.held() for lease in leases] == [True, True]
        assert sorted([holder.stdout.readline(), holder.stdout.readline()]) == [b"lost 0\n", b"lost 1\n"]
        holder.kill()
    assert [lease.held() for lease in leases] == [True, True]
    for lease in leases:
        await lease.release()


async def test_of_many_that_wait_for_one_that_hangs_one_relieves_it(tmp_path):
    with (tmp_path / "lock").open("w") as hung:
        fcntl.flock(hung, fcntl.LOCK_EX)
        leases = [FileLease(tmp_path / "lock", term=0.6) for _ in range(8)]
        waiting = [asyncio.ensure_future(lease.acquire()) for lease in leases]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.2)
        assert [lease.held() for lease in leases].count(True) == 1
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for lease in leases:
            await lease.release()
