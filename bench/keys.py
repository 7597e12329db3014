"""How calm /healthz stays while RSA-4096 keys are made: `python -m bench.keys [--seconds S] [--rounds N]`.

Rounds alternate, in one run, between a server at rest and the same server that issues certificates with RSA-4096 keys
made here, as fast as it can: with a key that the pool has ready, or with one made for the request when it has none.
Printed: the latencies of /healthz as medians of the rounds, their ratios, and how long those requests took.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop

from bench.issue import Outcome, Target, median, served, target_of

PAUSE = 0.005
"""Seconds between two questions for /healthz."""

_numbers = itertools.count()


class Load(NamedTuple):
    """What is asked for while /healthz is watched: a key type, by so many clients at once."""

    key_type: str
    clients: int


def outcome(latencies: list[float], seconds: float) -> Outcome:
    """Return rate, median and 99th percentile of latencies in seconds."""
    ordered = sorted(latencies)
    return Outcome(len(ordered) / seconds, ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3)


async def health(session: aiohttp.ClientSession, target: Target, seconds: float) -> Outcome:
    """Ask for /healthz now and then."""
    latencies, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        async with session.get(f"{target.url}/healthz", ssl=target.context) as response:
            await response.read()
        latencies.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    return outcome(latencies, seconds)


async def issue(session: aiohttp.ClientSession, target: Target, key_type: str) -> float:
    """Have a certificate issued with a key made there; return the seconds it took."""
    body = {
        "name": f"k{time.time_ns()}-{next(_numbers)}",
        "authority": "intermediate",
        "dns_names": ["www.example.test"],
    }
    began = time.perf_counter()
    async with session.post(
        f"{target.url}/api/v1/commands/IssueCertificate",
        json={**body, "key_type": key_type},
        headers={"Authorization": target.authorization},
        ssl=target.context,
    ) as response:
        answer = await response.read()
        if response.status != 200:
            raise RuntimeError(answer.decode())
    return time.perf_counter() - began


async def watched(target: Target, seconds: float, load: Load | None) -> tuple[Outcome, list[float]]:
    """Watch /healthz at rest (None) or under load; return its latencies and the load's."""
    taken: list[float] = []

    async def work(session: aiohttp.ClientSession, key_type: str) -> None:
        while True:
            taken.append(await issue(session, target, key_type))

    async with aiohttp.ClientSession() as session:
        clients = [asyncio.create_task(work(session, load.key_type)) for _ in range(load.clients if load else 0)]
        calm = await health(session, target, seconds)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return calm, taken


async def first_and_next(target: Target) -> tuple[float, float]:
    """Return the seconds of a request that had to wait for its RSA-4096 key, and of one for which a key lay ready."""
    async with aiohttp.ClientSession() as session:
        first = await issue(session, target, "rsa-4096")
        await asyncio.sleep(15)
        return first, await issue(session, target, "rsa-4096")


def main() -> None:
    """Compare rest and load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        addresses = ("--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0", "--public-url", "http://pki.test")
        command = ("-m", "es_pki", "serve", "--data-dir", str(folder), *addresses)
        with served(*command, ready=folder / "server.json"):
            target = target_of(folder)
            first, following = uvloop.run(first_and_next(target))
            print(f"RSA-4096, first request {first * 1e3:.0f} ms, with a key made ahead {following * 1e3:.1f} ms")
            loads = {"at rest": None, "2 clients, RSA-4096": Load("rsa-4096", 2), "1 client, P-256": Load("ec-p256", 1)}
            found: dict[str, list[Outcome]] = {title: [] for title in loads}
            taken: dict[str, list[float]] = {title: [] for title in loads}
            for _, (title, load) in itertools.product(range(options.rounds), loads.items()):
                calm, requests = uvloop.run(watched(target, options.seconds, load))
                found[title].append(calm)
                taken[title] += requests
    rest = median(found["at rest"])
    print(f"{'/healthz':<22}{'p50 ms':>8}{'p99 ms':>8}{'p99/rest':>9}{'requests':>10}")
    for title, outcomes in found.items():
        own = median(outcomes)
        print(f"{title:<22}{own.p50:>8.2f}{own.p99:>8.2f}{own.p99 / rest.p99:>9.2f}{len(taken[title]):>10}")


if __name__ == "__main__":
    main()
