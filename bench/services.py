"""How services fare together: `python -m bench.services [--services N] [--endpoints N] [--rounds N]`.

Two comparisons, each in alternating rounds of one run, printed as medians:

    deploying   one service of a certificate, then N of them at once: each an nginx of its own, deployed to and verified
                with the certificate's next version; the ratio is to stay below 5
    looking     N endpoints, by es-pki's observer with what it decides, then by a bare loop of asyncio handshakes with
                as many connections at a time, which reads no chain; the ratio is to stay below 10
"""

import argparse
import asyncio
import contextlib
import itertools
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec
import uvloop

from es_pki.adapters.deployment import Allowed
from es_pki.adapters.deployment.observer import LOOKS_AT_ONCE
from es_pki.adapters.deployment.wire import CONTEXT
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    IssueCertificate,
    ReconfigureService,
    RegisterService,
    RenewCertificate,
)
from es_pki.events.service import CertificateDeployed
from eventlog.memory import MemoryLog
from tests import daemons
from tests.daemons import Recipe
from tests.world import World, open_keys


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """An es-pki in this process with the certificate `www`."""
    log, keys = await MemoryLog.open(), await open_keys(folder)
    found = World(log, keys, Allowed((str(folder),), ((daemons.program("nginx"),),)))
    await found.set_up()
    await found.ask(IssueCertificate(name="www", authority="intermediate", dns_names=("www.example.test",)))
    yield found
    await found.keys.close()
    await log.close()


async def register(where: World, name: str, fields: dict[str, object]) -> str:
    """Register a service that serves `www`; return its id."""
    answer = await where.ask(msgspec.convert({"name": name, **fields}, RegisterService))
    await where.ask(BindCertificate(name, "www"))
    return str(answer.result["service_id"])


async def deploy(where: World, names: Sequence[str]) -> float:
    """Deploy to services at once; return the seconds it took."""

    async def one(name: str) -> None:
        result = (await where.ask(DeployCertificate(name))).result
        service_id = str(result["service_id"])
        await where.deployer.deploy(service_id, str(result["deployment_id"]))
        state = (await where.aggregates.load(SERVICE, service_id, afresh=True)).state
        newest = state.deployments.newest
        if newest is None or not isinstance(newest.outcome, CertificateDeployed):
            raise RuntimeError(f"{name}: {newest}")

    began = time.perf_counter()
    await asyncio.gather(*map(one, names))
    return time.perf_counter() - began


async def deploying(folder: Path, count: int, rounds: int) -> tuple[float, float]:
    """Return the seconds of one deployment, and of `count` at once."""
    async with world(folder) as where:
        recipes: dict[str, Recipe] = {}
        for number in itertools.count():
            recipe = daemons.nginx(_new(folder / str(number)))
            if recipe.port not in {other.port for other in recipes.values()}:
                recipes[f"nginx-{number}"] = recipe
                await register(where, f"nginx-{number}", recipe.fields)
            if len(recipes) == count:
                break
        await deploy(where, list(recipes))
        alone, together = [], []
        with contextlib.ExitStack() as stack:
            for name, recipe in recipes.items():
                stack.enter_context(daemons.running(recipe))
                await where.ask(msgspec.convert({"service": name, **recipe.further}, ReconfigureService))
            for _ in range(rounds):
                for names, taken in ((list(recipes)[:1], alone), (list(recipes), together)):
                    await where.ask(RenewCertificate("www"))
                    taken.append(await deploy(where, names))
        return statistics.median(alone), statistics.median(together)


@contextlib.contextmanager
def many_endpoints(recipe: Recipe, count: int) -> Iterator[Sequence[int]]:
    """Run an nginx whose certificate was deployed on many ports."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count - 1)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        ports = [recipe.port, *(free.getsockname()[1] for free in sockets)]
    configuration = recipe.folder / "nginx.conf"
    listens = " ".join(f"listen 127.0.0.1:{port} ssl;" for port in ports)
    text = configuration.read_text().replace(f"listen 127.0.0.1:{recipe.port} ssl;", listens)
    configuration.write_text(text.replace("events {}", "events { worker_connections 4096; }"))
    with daemons.running(recipe):
        yield ports


async def observe(where: World, service_ids: Sequence[str]) -> float:
    """Look at services; return the seconds it took."""
    began = time.perf_counter()
    seen = await asyncio.gather(*(where.observer.observe(service_id, actor="bench") for service_id in service_ids))
    taken = time.perf_counter() - began
    odd = [each.state.observed for each in seen if each.state.observed is None or each.state.observed.drift]
    if odd:
        raise RuntimeError(f"{len(odd)} services drift: {odd[0]}")
    return taken


async def bare(ports: Sequence[int]) -> float:
    """Shake hands with each port, as many at a time as the observer; return the seconds it took."""
    at_once = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def one(port: int) -> None:
        async with at_once:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=CONTEXT, server_hostname="www.example.test"
            )
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*map(one, ports))
    return time.perf_counter() - began


async def looking(folder: Path, count: int, rounds: int) -> tuple[float, float]:
    """Return the seconds of the bare loop, and of the observer."""
    async with world(folder) as where:
        recipe = daemons.nginx(_new(folder / "nginx"))
        await register(where, "nginx", recipe.fields)
        await deploy(where, ["nginx"])
        with many_endpoints(recipe, count) as ports:
            probes = [{"address": f"127.0.0.1:{port}", "server_name": "www.example.test"} for port in ports]
            ids = [await register(where, f"endpoint-{n}", {"probe": probe}) for n, probe in enumerate(probes)]
            handshakes, looks = [], []
            for _ in range(rounds):
                handshakes.append(await bare(ports))
                looks.append(await observe(where, ids))
        return statistics.median(handshakes), statistics.median(looks)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def main(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    count, endpoints = arguments.services, arguments.endpoints
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        one, many = await deploying(_new(Path(name) / "deploying"), count, arguments.rounds)
        print(f"deploying: one {one * 1e3:.0f} ms, {count} at once {many * 1e3:.0f} ms: {many / one:.1f} times")
        hands, looks = await looking(_new(Path(name) / "looking"), endpoints, arguments.rounds)
        print(f"looking at {endpoints}: handshakes {hands:.2f} s, es-pki {looks:.2f} s: {looks / hands:.1f} times")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=50)
    parser.add_argument("--endpoints", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(main(parser.parse_args()))
