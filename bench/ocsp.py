"""OCSP answers over HTTP, beside an aiohttp handler that answers with static octets of the same size, and openssl's.

`python -m bench.ocsp [--seconds S] [--rounds N]`: rounds alternate in one run, each server in one process on plain
HTTP; printed are medians. es-pki is asked by GET without a nonce (about one certificate, and about each of some in
turn), and by POST with one, which it signs for each. `openssl ocsp` takes one question a connection and signs each
answer, so it is measured with keys of several kinds; whatever the key, es-pki gives an answer without a nonce from
memory. What a revocation takes to show is measured with questions that never stop.
"""

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohttp
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from bench.issue import Target, csr, served, target_of
from bench.plain_http import Server, get, post, rate

CONNECTIONS = 16
CERTIFICATES = 200
REQUEST = "application/ocsp-request"
BASE = "/pki/intermediate/ocsp"
OPENSSL_KEYS = {
    "openssl ocsp, P-256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "openssl ocsp, RSA-2048": ("-newkey", "rsa:2048"),
    "openssl ocsp, RSA-4096": ("-newkey", "rsa:4096"),
}


Issued = tuple[x509.Certificate, x509.Certificate]
"""A certificate and its issuer."""


async def command(session: aiohttp.ClientSession, target: Target, name: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Send a command; return its result."""
    async with session.post(
        f"{target.url}/api/v1/commands/{name}",
        json=body,
        headers={"Authorization": target.authorization},
        ssl=target.context,
    ) as response:
        answer = await response.json()
        if response.status != 200:
            raise RuntimeError(answer)
        return answer["result"]


async def issued(target: Target) -> list[Issued]:
    """Have certificates issued; return each with its issuer."""
    request = csr()
    async with aiohttp.ClientSession() as session:
        bodies = ({"name": f"c{n}", "authority": "intermediate", "csr": request} for n in range(CERTIFICATES))
        results = await asyncio.gather(*(command(session, target, "SignCSR", body) for body in bodies))
    chains = [x509.load_pem_x509_certificates(result["certificate_pem"].encode()) for result in results]
    return [(chain[0], chain[1]) for chain in chains]


def question(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes = b"") -> bytes:
    """Return a request about a certificate."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303 - as most ask
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def in_path(base: str, request: bytes) -> str:
    """Return the path of the question as a GET."""
    return f"{base}/{quote(base64.b64encode(request), safe='')}"


def server_at(url: str) -> Server:
    """Return where a URL leads."""
    parts = urlsplit(url)
    return Server(parts.hostname or "", parts.port or 0)


@contextlib.contextmanager
def openssl_responder(folder: Path, issuer: x509.Certificate, number: int) -> Iterator[str]:
    """Run `openssl ocsp` as responder for an issuer of that name, with a key of its own; yield its URL."""
    key, signer, index, ca = (folder / f"openssl-{number}{end}" for end in (".key", ".pem", ".txt", "-ca.pem"))
    index.touch()
    ca.write_bytes(issuer.public_bytes(Encoding.PEM))
    made = ["openssl", "req", "-x509", *list(OPENSSL_KEYS.values())[number], "-nodes", "-subj", "/CN=responder"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(signer)], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["openssl", "ocsp", "-index", str(index), "-port", str(port), "-CA", str(ca), "-rsigner", str(signer)]
    process = subprocess.Popen(
        [*command, "-rkey", str(key), "-ndays", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def until_revoked(target: Target, asked: str, name: str) -> float:
    """Revoke a certificate about which is asked all the time; return the seconds until its answer says so."""
    async with aiohttp.ClientSession() as session:

        async def is_good() -> bool:
            async with session.get(asked) as response:
                status = ocsp.load_der_ocsp_response(await response.read()).certificate_status
            return status is ocsp.OCSPCertStatus.GOOD

        if not await is_good():
            raise RuntimeError("revoked before its time")
        await command(session, target, "RevokeCertificate", {"certificate": name, "reason": "superseded"})
        began = time.perf_counter()
        while await is_good():
            await asyncio.sleep(0)
        return time.perf_counter() - began


class Round(NamedTuple):
    """What one server is asked in a round. Without `keep_alive` each question has its own connection."""

    server: Server
    questions: Callable[[], bytes]
    keep_alive: bool = True


def compare(rounds: int, seconds: float, asked: dict[str, Round]) -> dict[str, float]:
    """Ask in turn; return the medians of the answers per second."""
    found: dict[str, list[float]] = {title: [] for title in asked}
    for _, (title, (server, questions, keep_alive)) in itertools.product(range(rounds), asked.items()):
        measured = rate(server, questions, connections=CONNECTIONS, seconds=seconds, keep_alive=keep_alive)
        found[title].append(uvloop.run(measured))
    return {title: statistics.median(rates) for title, rates in found.items()}


def servers(
    stack: contextlib.ExitStack, folder: Path, public: str, issued: list[Issued]
) -> tuple[int, dict[str, Round]]:
    """Start the rivals; return the octets of an answer, and what each server is asked."""
    paths = [in_path(BASE, question(*certificate)) for certificate in issued]
    size, ready = uvloop.run(size_of(public + paths[0])), folder / "static.json"
    stack.enter_context(served("-m", "bench.static", str(ready), str(size), ready=ready))
    static, ours = server_at(json.loads(ready.read_text())["public_url"]), server_at(public)
    one, each = get(paths[0]), itertools.cycle([get(path) for path in paths])
    nonced = post(BASE, REQUEST, question(*issued[0], b"n" * 32))
    asked = {
        "static aiohttp": Round(static, lambda: one),
        "es-pki, one certificate": Round(ours, lambda: one),
        "es-pki, 200 certificates": Round(ours, lambda: next(each)),
        "es-pki, with a nonce": Round(ours, lambda: nonced),
        "static, new connections": Round(static, lambda: one, keep_alive=False),
        "es-pki, new connections": Round(ours, lambda: one, keep_alive=False),
    }
    theirs = post("/", REQUEST, question(*issued[0]), version="1.0")
    for number, title in enumerate(OPENSSL_KEYS):
        url = stack.enter_context(openssl_responder(folder, issued[0][1], number))
        asked[title] = Round(server_at(url), lambda: theirs, keep_alive=False)
    return size, asked


def main() -> None:
    """Compare es-pki with static answers and with openssl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name) / "data"
        addresses = ("--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0")
        stack.enter_context(
            served("-m", "es_pki", "serve", "--data-dir", str(folder), *addresses, ready=folder / "server.json")
        )
        target, public = target_of(folder), json.loads((folder / "server.json").read_text())["public_url"]
        certificates = uvloop.run(issued(target))
        size, asked = servers(stack, folder, public, certificates)
        medians = compare(options.rounds, options.seconds, asked)
        paths = [in_path(BASE, question(*certificate)) for certificate in certificates[:9]]
        shown = [uvloop.run(until_revoked(target, public + path, f"c{n}")) for n, path in enumerate(paths)]
    print(f"{f'answers of {size} octets':<28}{'per second':>11}{'to static':>11}{'es-pki to it':>14}")
    for title, median in medians.items():
        # openssl's responder may stand still for a whole short round when the machine is busy.
        to_it = f"{medians['es-pki, one certificate'] / median:.2f}" if median else "it stood still"
        print(f"{title:<28}{median:>11.0f}{median / medians['static aiohttp']:>11.2f}{to_it:>14}")
    print(f"a revocation shows after {statistics.median(shown) * 1e3:.0f} ms, at most {max(shown) * 1e3:.0f} ms")


async def size_of(asked: str) -> int:
    """Return the octets of an answer."""
    async with aiohttp.ClientSession() as session, session.get(asked) as response:
        return len(await response.read())


if __name__ == "__main__":
    main()
