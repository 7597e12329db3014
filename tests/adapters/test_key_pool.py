"""The pool of RSA keys made ahead, with the real process that makes them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from es_pki.adapters import key_pool
from es_pki.adapters.key_pool import READY, KeyPool
from es_pki.adapters.x509.keys import spki_of
from es_pki.values import KeyType

PATIENCE = 60


@pytest.fixture
async def pool():
    """A pool that is being filled."""
    pool = KeyPool()
    filling = asyncio.create_task(pool.run())
    yield pool
    await ended(filling)


async def ended(filling):
    filling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await filling


async def filled(pool, key_type, number=READY[KeyType.RSA_2048]):
    async with asyncio.timeout(PATIENCE):
        while pool.ready(key_type) < number:
            await asyncio.sleep(0.01)


def makers():
    """Return the processes that make keys for this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"key_maker" in told_of(pid, "cmdline")]


def told_of(pid, what):
    """Return what /proc tells of a process, nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def one_maker():
    async with asyncio.timeout(PATIENCE):
        while not makers():
            await asyncio.sleep(0.01)
    return makers()[0]


async def no_maker():
    async with asyncio.timeout(PATIENCE):
        while makers():
            await asyncio.sleep(0.01)


async def test_nothing_is_made_before_a_key_is_asked_for(pool):
    await asyncio.sleep(0)
    assert makers() == []
    assert [pool.take(key_type) for key_type in KeyType if key_type not in READY] == [None] * (len(KeyType) - 3)
    assert makers() == []


async def test_after_the_first_key_the_next_ones_lie_ready_and_each_is_given_once(pool):
    assert pool.take(KeyType.RSA_2048) is None
    await filled(pool, KeyType.RSA_2048)
    taken = [pool.take(KeyType.RSA_2048) for _ in range(READY[KeyType.RSA_2048])]
    assert len({key.pkcs8 for key in taken}) == READY[KeyType.RSA_2048]
    for key in taken:
        private = load_der_private_key(key.pkcs8, None)
        assert isinstance(private, rsa.RSAPrivateKey)
        assert (private.key_size, spki_of(private.public_key())) == (2048, key.public_key.spki)
        assert repr(key) == "PrivateKey(rsa-2048)"


async def test_a_full_pool_has_no_process_and_goes_on_when_a_key_is_taken(pool):
    for _ in range(2):
        pool.take(KeyType.RSA_2048)
        await filled(pool, KeyType.RSA_2048)
        await no_maker()


async def test_the_maker_has_the_lowest_priority_and_none_of_our_settings(pool, monkeypatch):
    monkeypatch.setenv("ES_PKI_MASTER_PASSPHRASE", "a passphrase for this test")
    pool.take(KeyType.RSA_4096)
    maker = await one_maker()
    async with asyncio.timeout(PATIENCE):
        while os.getpriority(os.PRIO_PROCESS, maker) != 19:
            await asyncio.sleep(0.01)
    assert b"PATH=" in told_of(maker, "environ")
    assert b"ES_PKI_" not in told_of(maker, "environ")


async def test_the_process_ends_with_the_pool_in_the_middle_of_a_key():
    pool = KeyPool()
    filling = asyncio.create_task(pool.run())
    pool.take(KeyType.RSA_4096)
    await one_maker()
    await ended(filling)
    assert makers() == []


async def test_a_maker_that_is_killed_costs_nobody_a_key(pool):
    pool.take(KeyType.RSA_4096)
    os.kill(await one_maker(), signal.SIGKILL)
    await no_maker()
    assert pool.take(KeyType.RSA_2048) is None
    await filled(pool, KeyType.RSA_2048, 1)


async def test_keys_that_nobody_asks_for_any_more_are_dropped(pool, monkeypatch):
    pool.take(KeyType.RSA_2048)
    await filled(pool, KeyType.RSA_2048)
    monkeypatch.setattr(key_pool, "LATELY_SECONDS", 0.0)
    pool.take(KeyType.RSA_2048)
    async with asyncio.timeout(PATIENCE):
        while pool.ready(KeyType.RSA_2048):
            await asyncio.sleep(0.01)
    await no_maker()
    assert pool.ready(KeyType.RSA_2048) == 0


def test_the_maker_ends_with_its_input_and_without_a_listener():
    command = [sys.executable, "-m", "es_pki.adapters.key_maker"]
    assert subprocess.run(command, input=b"", capture_output=True, check=True, timeout=PATIENCE).stdout == b""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as maker:
        maker.stdout.close()
        maker.stdin.write(b"rsa-2048\n")
        maker.stdin.close()
        assert maker.wait(PATIENCE) == 0
        assert maker.stderr.read() == b""
