"""What a CRL costs, and a revocation beside many others: `python -m bench.crl [--entries N …] [--revoked N …]`.

First, rounds alternate between `cryptography` alone, whose builder gets the whole list at once, and our entries as they
lie in memory, built, signed and put together; both make a CRL of the same certificates with an EC P-256 key. Printed:
medians of the rounds and their ratio. Then an es-pki in this process, on SQLite, with so many revocations before: the
median of RevokeCertificate at the desk while CRLs are published, how long until the last one stands in the CRL, and
how long a start takes.
"""

import argparse
import asyncio
import gc
import itertools
import secrets
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import uvloop
from cryptography import x509

from es_pki.adapters import clock
from es_pki.adapters.crls import CRLPlan, Maker, Publisher
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


async def revoking(count: int) -> tuple[float, float, float]:
    """Return, after so many revocations, the seconds of another one, until it is published, and of a start."""
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
        publisher = Publisher(log, maker, FileLease(folder / "crls.lock"), clock.now)
        await publisher._lease.acquire()  # noqa: SLF001 - this process leads
        began = time.perf_counter()
        running = asyncio.ensure_future(publisher.run())
        await publisher.reached(600)
        started = time.perf_counter() - began
        await _settled(publisher)
        taken = []
        for each in names:
            began = time.perf_counter()
            await world.ask(RevokeCertificate(each))
            taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        last = (await log.head()).size
        while publisher.position < last or publisher.due or publisher.made(list_id(authority_id, 0)) is None:
            await asyncio.sleep(0.005)
        published = time.perf_counter() - began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
        await log.close()
        return median(taken), published, started


async def _settled(publisher: Publisher) -> None:
    """Wait until all that was revoked before stands in a CRL."""
    while publisher.due:
        await asyncio.sleep(0.01)


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
    print(f"{'revoked':>10}{'revoking ms':>16}{'published s':>13}{'start s':>9}")
    for count in options.revoked:
        revoking_takes, published, started = uvloop.run(revoking(count))
        print(f"{count:>10}{revoking_takes * 1e3:>16.2f}{published:>13.2f}{started:>9.1f}")


if __name__ == "__main__":
    main()
