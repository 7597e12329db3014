"""What lint costs: `python -m bench.lint [--seconds S] [--rounds N]`.

First a certificate: bare parsing with `cryptography` to the last extension, the own rules on the to-be-signed bytes,
and pkilint, in rounds that alternate in one process; every certificate is another one, so nothing is remembered.
Then how calm /healthz stays while clients have certificates linted by the server as fast as it can, beside rest.
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median as middle

import aiohttp
import uvloop
from cryptography import x509

from bench.issue import Outcome, Target, median, served, target_of
from bench.keys import health
from es_pki.adapters.lint.own import refuse_errors
from es_pki.adapters.lint.pkilint_work import judge

CLIENTS = 2
DER = "application/pkix-cert"


async def fetched(target: Target, path: str, media_type: str = DER) -> bytes:
    """Return what the server answers."""
    headers = {"Authorization": target.authorization, "Accept": media_type}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{target.url}/api/v1/{path}", headers=headers, ssl=target.context) as response,
    ):
        return await response.read()


def others(certificate: bytes, count: int) -> list[bytes]:
    """Return certificates like this one, with other serial numbers; their signatures don't hold."""
    number = x509.load_der_x509_certificate(certificate).serial_number
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    drawn = (octets[:1] + os.urandom(len(octets) - 1) for _ in range(count))
    return [certificate.replace(octets, other, 1) for other in drawn]


def parse(certificate: bytes) -> None:
    """Read a certificate as one does who looks at all of it."""
    parsed = x509.load_der_x509_certificate(certificate)
    _ = parsed.subject, parsed.issuer, parsed.public_key(), list(parsed.extensions)


def microseconds(work: Callable[[bytes], object], certificates: Sequence[bytes]) -> float:
    """Return what a certificate takes."""
    began = time.perf_counter()
    for certificate in certificates:
        work(certificate)
    return (time.perf_counter() - began) / len(certificates) * 1e6


def costs(leaf: bytes, issuer: bytes, rounds: int) -> None:
    """Print what a certificate takes, and its ratio to bare parsing."""
    found: dict[str, list[float]] = {"parsing": [], "own rules": [], "pkilint": []}
    for _ in range(rounds):
        certificates = others(leaf, 2000)
        to_be_signed = [x509.load_der_x509_certificate(each).tbs_certificate_bytes for each in certificates]
        found["parsing"].append(microseconds(parse, certificates))
        found["own rules"].append(microseconds(lambda tbs: refuse_errors(tbs, issuer), to_be_signed))
        found["pkilint"].append(microseconds(judge, certificates[:100]))
    for title, taken in found.items():
        print(f"{title:<22}{middle(taken):>8.0f} µs{middle(taken) / middle(found['parsing']):>9.1f} x parsing")


async def watched(target: Target, seconds: float, clients: int) -> tuple[Outcome, int]:
    """Watch /healthz while clients have certificates linted; return its latencies and how many were."""
    linted = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal linted
        headers = {"Authorization": target.authorization}
        while True:
            url = f"{target.url}/api/v1/certificates/es-pki-api/lint"
            async with session.get(url, headers=headers, ssl=target.context) as response:
                await response.read()
                if response.status != 200:
                    raise RuntimeError(f"lint answered {response.status}")
            linted += 1

    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(work(session)) for _ in range(clients)]
        calm = await health(session, target, seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return calm, linted


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        addresses = ("--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0", "--public-url", "http://pki.test")
        command = ("-m", "es_pki", "serve", "--data-dir", str(folder), *addresses)
        with served(*command, ready=folder / "server.json"):
            target = target_of(folder)
            leaf = uvloop.run(fetched(target, "certificates/es-pki-api/pem"))
            issuer = uvloop.run(fetched(target, "certificates/es-pki-api/chain"))
            costs(leaf, issuer, options.rounds)
            found: dict[int, list[Outcome]] = {0: [], CLIENTS: []}
            linted = 0
            for _, clients in itertools.product(range(options.rounds), found):
                calm, done = uvloop.run(watched(target, options.seconds, clients))
                found[clients].append(calm)
                linted += done
    rest, load = median(found[0]), median(found[CLIENTS])
    print(
        f"{linted / options.rounds / options.seconds:.0f} certificates a second linted by the server, {CLIENTS} clients"
    )
    print(f"/healthz p99: {rest.p99:.2f} ms at rest, {load.p99:.2f} ms meanwhile, {load.p99 / rest.p99:.2f} times")


if __name__ == "__main__":
    main()
