"""Orders at a Pebble, each step recorded durably, beside PyPI's `acme` with quick polling, which records nothing.

`python -m bench.acme [--orders N] [--rounds N]`: rounds alternate between the two in one run; what is printed are the
medians. First one order after the other, then four at a time: es-pki's commands over HTTPS, the library in four threads
with a client each (one that is shared loses orders). EC keys throughout; both answer http-01 for real.
"""

import argparse
import asyncio
import http.server
import json
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import ClassVar

import aiohttp
import josepy
from acme import challenges, client, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests import pebble, serving

AT_ONCE = 4

_names = count(1)


def host() -> str:
    """Return a name that was never ordered."""
    return f"host-{next(_names)}.example.test"


class Library:
    """The `acme` library: a client with its own account, and somebody who answers for all of them at port 80."""

    answers: ClassVar[dict[str, str]] = {}

    def __init__(self, directory: pebble.Pebble) -> None:
        key = josepy.JWKEC(key=josepy.ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
        self._key = key
        self._network = client.ClientNetwork(
            key, alg=josepy.ES256, verify_ssl=str(directory.folder / "certificate.pem")
        )
        told = client.ClientV2.get_directory(directory.url, self._network)
        self._client = client.ClientV2(told, self._network)
        self._client.new_account(messages.NewRegistration(terms_of_service_agreed=True))

    def order(self) -> None:
        """Order a certificate, polling quickly."""
        private, name = ec.generate_private_key(ec.SECP256R1()), host()
        builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        csr = builder.sign(private, hashes.SHA256()).public_bytes(Encoding.PEM)
        placed = self._client.new_order(csr)
        for authorization in placed.authorizations:
            for body in authorization.body.challenges:
                if isinstance(body.chall, challenges.HTTP01):
                    response, validation = body.response_and_validation(self._key)
                    self.answers[body.chall.path] = validation
                    self._client.answer_challenge(body, response)
            _wait(lambda url=authorization.uri: self._status(url) == "valid")  # type: ignore[misc] # bound at once
        self._client._post(placed.body.finalize, messages.CertificateRequest(csr=_parsed(csr)))  # noqa: SLF001 - as below
        _wait(lambda: self._status(placed.uri) == "valid")
        url = self._client._post_as_get(placed.uri).json()["certificate"]  # noqa: SLF001 - the library's own polls slowly
        self._client._post_as_get(url)  # noqa: SLF001 - as above

    def _status(self, url: str) -> str:
        return str(self._client._post_as_get(url).json()["status"])  # noqa: SLF001 - as above


def _parsed(csr: bytes) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(csr)


def _wait(is_done: Callable[[], bool]) -> None:
    seconds = 0.02
    while not is_done():
        time.sleep(seconds)
        seconds *= 1.6


class Responder(http.server.BaseHTTPRequestHandler):
    """Answers for the library."""

    def do_GET(self) -> None:
        """Answer a challenge."""
        body = Library.answers.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


async def es_pki(server: serving.Server, account: str, orders: int, at_once: int) -> float:
    """Return how long a server took for this many orders."""
    context = ssl.create_default_context(cafile=str(server.folder / "ca.pem"))
    headers = {"Authorization": f"Bearer {server.token}"}
    turns = asyncio.Semaphore(at_once)

    async def one(session: aiohttp.ClientSession) -> None:
        name = host()
        body = {"name": name, "account": account, "dns_names": [name]}
        async with turns, session.post(f"{server.url}/api/v1/commands/PlaceACMEOrder", json=body) as answer:
            told = await answer.json()
            if told.get("result", {}).get("status") != "issued":
                raise RuntimeError(json.dumps(told))

    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=context)) as session:
        begun = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(orders)))
        return time.perf_counter() - begun


def library(clients: list[Library], orders: int) -> float:
    """Return how long the library took for this many orders, a thread for each client."""
    with ThreadPoolExecutor(len(clients)) as threads:
        begun = time.perf_counter()
        shares = [orders // len(clients) + (index < orders % len(clients)) for index in range(len(clients))]
        list(threads.map(lambda pair: [pair[0].order() for _ in range(pair[1])], zip(clients, shares, strict=True)))
        return time.perf_counter() - begun


def measured(server: serving.Server, at_once: int, orders: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of es-pki and of the library for the orders of a round, a fresh Pebble for each."""
    ours, theirs = [], []
    for _ in range(rounds):
        with pebble.running(PEBBLE_WFE_NONCEREJECT="0", PEBBLE_AUTHZREUSE="0") as directory:
            directory.answers_at(server.public_url)
            told = {"directory": directory.url, "ca_bundle": directory.ca_bundle, "terms_of_service_agreed": True}
            account = f"account-{next(_names)}"
            server.done("RegisterACMEAccount", name=account, **told)
            ours.append(asyncio.run(es_pki(server, account, orders, at_once)))
        with pebble.running(PEBBLE_WFE_NONCEREJECT="0", PEBBLE_AUTHZREUSE="0") as directory:
            responder = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Responder)
            threading.Thread(target=responder.serve_forever, daemon=True).start()
            directory.answers_at(f"http://127.0.0.1:{responder.server_port}")
            clients = [Library(directory) for _ in range(at_once)]
            theirs.append(library(clients, orders))
            responder.shutdown()
    return statistics.median(ours), statistics.median(theirs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.acme")
    parser.add_argument("--orders", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(sys.argv[1:])
    with tempfile.TemporaryDirectory() as name, serving.running(Path(name) / "data") as server:
        for at_once, orders in ((1, max(arguments.orders // 5, 1)), (AT_ONCE, arguments.orders)):
            ours, theirs = measured(server, at_once, orders, arguments.rounds)
            print(
                f"{at_once} at a time: es-pki {orders / ours:.1f} orders/s ({1000 * ours / orders:.0f} ms each), "
                f"acme {orders / theirs:.1f} ({1000 * theirs / orders:.0f} ms): {theirs / ours:.2f} of its rate"
            )


if __name__ == "__main__":
    main()
