"""SignCSR over HTTPS, durable, beside a bare aiohttp handler that signs the same CSR and stores nothing.

`python -m bench.issue [--seconds S] [--rounds N]`: rounds alternate between the two in one run; what is printed are
the medians, and es-pki's as ratios of the bare handler's. P-256 throughout, keep-alive, one server process each
(then two es-pki processes on one data folder, beside one). Last comes IssueCertificate, which makes the key too, beside
SignCSR.
"""

import argparse
import asyncio
import contextlib
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

CONNECTIONS = (1, 16, 64)


class Outcome(NamedTuple):
    """What a round measured: certificates per second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Target(NamedTuple):
    """A server under load."""

    url: str
    authorization: str
    context: ssl.SSLContext


@contextlib.contextmanager
def served(*arguments: str, ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the context ends; wait for the file in which it says that it is ready."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not ready.exists() or json.loads(ready.read_text())["pid"] != process.pid:
            if process.poll() is not None:
                raise RuntimeError(f"{arguments} ended with {process.returncode}")
            time.sleep(0.05)
        time.sleep(0.3)
        yield process
    finally:
        process.terminate()
        process.wait()


def csr() -> str:
    """Return a CSR for a P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.example.test")])
    names = x509.SubjectAlternativeName([x509.DNSName("www.example.test")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(names, critical=False)
    return request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


async def load(
    targets: list[Target], connections: int, seconds: float, further: Mapping[str, object], command: str = "SignCSR"
) -> Outcome:
    """Keep connections busy with a command and its further fields, spread over the targets, for some seconds."""
    latencies: list[float] = []
    prefix, end = f"b{time.time_ns()}", time.perf_counter() + seconds

    async def work(number: int, session: aiohttp.ClientSession) -> None:
        target, sent = targets[number % len(targets)], 0
        while time.perf_counter() < end:
            body = {"name": f"{prefix}-{number}-{sent}", "authority": "intermediate", **further}
            sent += 1
            began = time.perf_counter()
            async with session.post(
                f"{target.url}/api/v1/commands/{command}",
                json=body,
                headers={"Authorization": target.authorization},
                ssl=target.context,
            ) as response:
                answer = await response.read()
                if response.status != 200:
                    raise RuntimeError(answer.decode())
            latencies.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(work(number, session) for number in range(connections)))
    ordered = sorted(latencies)
    return Outcome(len(ordered) / seconds, ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3)


def target_of(folder: Path) -> Target:
    """Return the server of a data folder."""
    url = json.loads((folder / "server.json").read_text())["url"]
    token = (folder / "admin.token").read_text().strip()
    return Target(url, f"Bearer {token}", ssl.create_default_context(cafile=str(folder / "ca.pem")))


def median(outcomes: list[Outcome]) -> Outcome:
    """Return the medians of some rounds."""
    return Outcome(*(statistics.median(column) for column in zip(*outcomes, strict=True)))


def compare(bare: Target, ours: list[Target], options: argparse.Namespace) -> None:
    """Load the two in turn; print a line for each number of connections."""
    request = {"csr": csr()}
    print(f"{'connections':>11} {'bare/s':>8} {'es-pki/s':>9} {'ratio':>6} {'p50 ms':>7} {'p99 ms':>7} {'p99/p50':>8}")
    for connections in CONNECTIONS:
        rounds: tuple[list[Outcome], list[Outcome]] = ([], [])
        for _ in range(options.rounds):
            rounds[0].append(uvloop.run(load([bare], connections, options.seconds, request)))
            rounds[1].append(uvloop.run(load(ours, connections, options.seconds, request)))
        theirs, own = median(rounds[0]), median(rounds[1])
        print(
            f"{connections:11} {theirs.rate:8.0f} {own.rate:9.0f} {own.rate / theirs.rate:6.2f} "
            f"{own.p50:7.2f} {own.p99:7.2f} {own.p99 / own.p50:8.2f}",
            flush=True,
        )


def compare_keys_made_here(ours: Target, options: argparse.Namespace) -> None:
    """Load one server with both commands in turn; print a line for each number of connections."""
    request, names = {"csr": csr()}, {"dns_names": ["www.example.test"]}
    for connections in CONNECTIONS:
        signed, issued = [], []
        for _ in range(options.rounds):
            signed.append(uvloop.run(load([ours], connections, options.seconds, request)))
            issued.append(uvloop.run(load([ours], connections, options.seconds, names, "IssueCertificate")))
        theirs, own = median(signed).rate, median(issued).rate
        print(
            f"{connections:11} SignCSR {theirs:.0f}/s, IssueCertificate {own:.0f}/s, ratio {own / theirs:.2f}",
            flush=True,
        )


def main() -> None:
    """Compare one process with the bare handler, then two processes with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name) / "data"
        first = ("-m", "es_pki", "serve", "--data-dir", str(folder))
        ports = ("--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0", "--public-url", "http://pki.test")
        stack.enter_context(served(*first, *ports, ready=folder / "server.json"))
        ours = target_of(folder)
        bare_file = folder / "bare.json"
        stack.enter_context(served("-m", "bench.bare_signer", str(bare_file), ready=bare_file))
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        bare = Target(json.loads(bare_file.read_text())["url"], ours.authorization, unchecked)
        print("one es-pki process")
        compare(bare, [ours], options)
        stack.enter_context(served(*first, *ports, ready=folder / "server.json"))
        print("two es-pki processes on one data folder")
        compare(bare, [ours, target_of(folder)], options)
        print("a key made here beside a CSR")
        compare_keys_made_here(ours, options)


if __name__ == "__main__":
    main()
