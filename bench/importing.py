"""Importing certificates beside parsing them and appending them: `python -m bench.importing [--size N] [--rounds N]`.

Rounds alternate, in one run, between es-pki's desk (without HTTP: read by workers, decided, appended with the name and
the fingerprint reserved) and the least that anybody must do: parse every field with `cryptography` and append one
durable record to the same kind of log. Both take as many files at a time, so commits are shared alike.
"""

import argparse
import asyncio
import datetime
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from es_pki.__main__ import _opened
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.first_run import ITSELF
from es_pki.adapters.intake.requests import ImportCertificates, NamedCertificate
from es_pki.config import Settings
from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog

AT_A_TIME = 64
"""Appends that the bare work has under way."""

IN_A_REQUEST = 500

_numbers = itertools.count(1)


def certificates(size: int) -> list[str]:
    """Return so many certificates of an authority elsewhere, in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Elsewhere CA")])
    made = []
    for number in itertools.islice(_numbers, size):
        host = f"host-{number}.example.test"
        builder = x509.CertificateBuilder(
            issuer,
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]),
            key.public_key(),
            number,
            now,
            now + datetime.timedelta(days=90),
        ).add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        made.append(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    return made


def parsed(pem: str) -> bytes:
    """Parse a certificate, every field of it; return its DER."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    fields = (certificate.subject, certificate.issuer, certificate.serial_number, certificate.extensions)
    times = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_bytes(Encoding.DER) if fields and times else b""


async def rate(files: Sequence[str], take: Callable[[str], Awaitable[None]]) -> float:
    """Return how many files a second are taken, `AT_A_TIME` at a time."""
    waiting, began = iter(files), time.perf_counter()

    async def work() -> None:
        for file in waiting:
            await take(file)

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    return len(files) / (time.perf_counter() - began)


async def rate_of_requests(files: Sequence[str], take: Callable[[Sequence[str]], Awaitable[None]]) -> float:
    """Return how many files a second are taken, `IN_A_REQUEST` at once, one request after the other."""
    began = time.perf_counter()
    for start in range(0, len(files), IN_A_REQUEST):
        await take(files[start : start + IN_A_REQUEST])
    return len(files) / (time.perf_counter() - began)


async def compared(folder: Path, size: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return the rates of es-pki and of the bare work, round by round."""
    settings = Settings(data_dir=str(folder / "data"), listen="127.0.0.1:0", public_listen="127.0.0.1:0")
    stores, service = await _opened(settings)
    log = await SQLiteLog.open(folder / "bare.db")

    async def imported(pems: Sequence[str]) -> None:
        named = tuple(NamedCertificate(f"bench-{next(_numbers)}", pem) for pem in pems)
        answer = await service.parts.desk.take(ImportCertificates(named), Asked(ITSELF, service.parts.now()))
        if {item["outcome"] for item in answer.result["items"]} != {"imported"}:
            raise LookupError(f"not all were imported: {answer.result}")

    async def bare(pem: str) -> None:
        write = Write(f"certificate-{next(_numbers)}", 0, (NewEvent("certificate.imported.v1", _json(parsed(pem))),))
        await log.append([write], metadata=b"{}")

    ours, theirs = [], []
    try:
        await service.set_up()
        await imported(certificates(20))  # a worker is there from now on
        for _ in range(rounds):
            theirs.append(await rate(certificates(size), bare))
            ours.append(await rate_of_requests(certificates(size), imported))
    finally:
        service.close()
        await log.close()
        await stores.close()
    return ours, theirs


def _json(der: bytes) -> bytes:
    return b'{"certificate":"' + der.hex().encode() + b'"}'


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    gc.collect()  # as a server does when it starts
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = uvloop.run(compared(Path(name), options.size, options.rounds))
    own, bare = statistics.median(ours), statistics.median(theirs)
    print(f"imported {own:,.0f}/s, parsed and appended {bare:,.0f}/s, ratio {own / bare:.2f}")


if __name__ == "__main__":
    main()
