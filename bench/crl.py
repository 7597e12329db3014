"""What a CRL costs, and a revocation beside many others: `python -m bench.crl [--entries N …] [--revoked N …]`.

First, rounds alternate between `cryptography` alone, whose builder gets the whole list at once, and our entries as they
lie in memory, built, signed and put together; both make a CRL of the same certificates with an EC P-256 key. Printed:
medians of the rounds and their ratio. Then an es-pki in this process, on SQLite, with so many revocations before: the
median of RevokeCertificate at the desk while CRLs are published, how long until the last one stands in the CRL, and
how long a start takes, the first one and one that goes on from what the first one kept.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

import uvloop
from cryptography import x509

from es_pki.adapters import clock
from es_pki.adapters.crls import CRLPlan, Maker, Publisher
from es_pki.adapters.crls.publisher import KEEP_AFTER
from es_pki.adapters.entropy import serial_number, uuid7
from es_pki.adapters.intake.requests import IssueCertificate, RevokeCertificate
from es_pki.adapters.lease import FileLease
from es_pki.adapters.x509 import keys
from es_pki.adapters.x509.crl import assembled, entry, to_be_signed
from es_pki.commands.revocation_list import list_id
from es_pki.events import codec
from es_pki.events.certificate import CertificateRevoked
from es_pki.events.revocation_list import CRLPrepared
from es_pki.values import CRLReason, KeyType, Locations, serial_hex
from eventlog import NewEvent, Write
from eventlog.sqlite import SQLiteLog
from tests.adapters.x509.test_encode import root
from tests.world import World, open_keys

BATCH = 2_000
MEASURED = 100


def compared(count: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a CRL of so many entries, by `cryptography` and by us."""
    key, _, certificate = root(KeyType.EC_P256)
    signing, issuer = keys.load(key.pkcs8), x509.load_der_x509_certificate(certificate)
    now = clock.now().replace(microsecond=0)
    prepared = CRLPrepared(1, now, now + timedelta(days=7), "")
    numbers = [secrets.randbits(159) | 1 << 158 for _ in range(count)]
    reason = x509.CRLReason(x509.ReasonFlags.superseded)
    builder = x509.RevokedCertificateBuilder().revocation_date(now).add_extension(reason, critical=False)
    theirs = [builder.serial_number(number).build() for number in numbers]
    ours = {number: entry(serial_hex(number), now, CRLReason.SUPERSEDED, None) for number in numbers}
    private = keys._generated(KeyType.EC_P256)  # noqa: SLF001 - a key of the kind that ours is

    def by_cryptography() -> bytes:
        crl = x509.CertificateRevocationListBuilder(issuer.subject, now, prepared.next_update, [], theirs)
        return crl.sign(private, keys.signature_hash(KeyType.EC_P256)).signature  # type: ignore[arg-type] # no EC curve

    def by_us() -> bytes:
        tbs = to_be_signed(certificate, KeyType.EC_P256, prepared, tuple(ours.values()))
        return assembled(tbs, KeyType.EC_P256, signing.sign(tbs))

    taken: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _, (name, make) in itertools.product(range(rounds), (("theirs", by_cryptography), ("ours", by_us))):
        began = time.perf_counter()
        make()
        taken[name].append(time.perf_counter() - began)
    return median(taken["theirs"]), median(taken["ours"])


async def fill(log: SQLiteLog, authority_id: str, count: int) -> None:
    """Record so many revocations of certificates that nobody ever issued: a CRL asks for no more."""
    now = clock.now().replace(microsecond=0)
    for start in range(0, count, BATCH):
        events = [
            CertificateRevoked(
                1, "x", authority_id, serial_hex(serial_number()), now + timedelta(days=90), now, CRLReason.SUPERSEDED
            )
            for _ in range(min(BATCH, count - start))
        ]
        await log.append([Write(f"certificate-{uuid7(now)}", 0, (NewEvent(*codec.encode(e)),)) for e in events])


class Taken(NamedTuple):
    """The seconds of a revocation, until the last of some is published, and of two starts."""

    revoking: float
    published: float
    first_start: float
    next_start: float


async def revoking(count: int) -> Taken:
    """Return what revoking takes after so many revocations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, store = await SQLiteLog.open(folder / "log.db"), await open_keys(folder)
        world = World(log, store)
        await world.set_up()
        authority_id = await world.aggregates.owner("authority_name-intermediate") or ""
        await fill(log, authority_id, count)
        names = [f"www-{number}" for number in range(MEASURED)]
        for each in names:
            await world.ask(IssueCertificate(name=each, authority="intermediate", dns_names=("www.example.test",)))
        maker = Maker(world.aggregates, world.keys, lambda _: Locations("http://a", "http://b"), CRLPlan())
        async with publishing(log, maker, folder) as (_, first_start):
            pass
        async with publishing(log, maker, folder) as (publisher, next_start):
            revoking, published = await _revoked(world, publisher, list_id(authority_id, 0), names)
        await store.close()
        await log.close()
        return Taken(revoking, published, first_start, next_start)


@contextlib.asynccontextmanager
async def publishing(log: SQLiteLog, maker: Maker, folder: Path) -> AsyncIterator[tuple[Publisher, float]]:
    """Run a publisher while the context lasts; yield it, all CRLs published, and the seconds that its start took."""
    file = folder / "crls.kept"
    publisher = Publisher(log, maker, FileLease(folder / "crls.lock"), clock.now, file)
    await publisher._lease.acquire()  # noqa: SLF001 - this process leads
    began = time.perf_counter()
    running = asyncio.ensure_future(publisher.run())
    await publisher.reached(600)
    started = time.perf_counter() - began
    while publisher.due or (publisher._unkept >= KEEP_AFTER and not file.exists()):  # noqa: SLF001 - nobody else asks
        await asyncio.sleep(0.01)
    try:
        yield publisher, started
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await publisher._lease.release()  # noqa: SLF001 - as above


async def _revoked(world: World, publisher: Publisher, aggregate_id: str, names: list[str]) -> tuple[float, float]:
    """Revoke certificates one after the other; return the median seconds, and those until the last is published."""
    taken = []
    for each in names:
        began = time.perf_counter()
        await world.ask(RevokeCertificate(each))
        taken.append(time.perf_counter() - began)
    began = time.perf_counter()
    last = (await world.log.head()).size
    while publisher.position < last or publisher.due or publisher.made(aggregate_id) is None:
        await asyncio.sleep(0.005)
    return median(taken), time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--revoked", type=int, nargs="*", default=[10, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    gc.set_threshold(50_000, 20, 50)  # as the server does
    print(f"{'entries':>10}{'cryptography s':>16}{'es-pki s':>10}{'ratio':>8}")
    for count in options.entries:
        theirs, ours = compared(count, options.rounds)
        print(f"{count:>10}{theirs:>16.3f}{ours:>10.3f}{ours / theirs:>8.2f}")
    print(f"{'revoked':>10}{'revoking ms':>16}{'published s':>13}{'first start s':>15}{'next start s':>14}")
    for count in options.revoked:
        taken = uvloop.run(revoking(count))
        starts = f"{taken.first_start:>15.1f}{taken.next_start:>14.1f}"
        print(f"{count:>10}{taken.revoking * 1e3:>16.2f}{taken.published:>13.2f}{starts}")


if __name__ == "__main__":
    main()
