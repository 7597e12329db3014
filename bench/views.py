"""The inventory rebuilt from its log, beside a scan of that log: `python -m bench.views [--events N …] [--rounds N]`.

The log is made of real-looking requests, four events each: prepared, name and serial number reserved, issued. Each
work runs in a process of its own, whose peak of resident memory is printed; rounds are interleaved. The scan reads
every record and decodes nothing; the replay decodes and folds in memory, and keeps no row; the rebuild writes every
version of every row with its indexes, and swaps. Ratios are of the scan's rate, and of its processor time, which a
busy machine changes less.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import uvloop

from es_pki.adapters.recorded import encode_metadata, happened
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.events import codec
from es_pki.events.certificate import CertificateIssued, CertificatePrepared
from es_pki.events.reservation import NameReserved, SerialNumberReserved
from es_pki.projections import inventory
from es_pki.values import Attribute, AttributeType, KeyType, SubjectAltNames
from eventlog import Log, NewEvent, Write
from eventlog.sqlite import SQLiteLog

AT_ONCE = 250
"""Requests whose events are appended together."""

EVENTS_OF_A_REQUEST = 4
NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
AUTHORITY = "018f0000-0000-7000-8000-000000000001"
METADATA = encode_metadata("bench", "SignCSR")
TO_BE_SIGNED, CERTIFICATE = bytes(range(256)) * 2, bytes(range(200)) * 3
"""As long as those of a P-256 server certificate, about."""

WORKS = ("scan", "replay", "rebuild")


def prepared(number: int) -> CertificatePrepared:
    """Return the intention of a request."""
    host = f"host-{number:07}.example.test"
    return CertificatePrepared(
        version=1,
        name=host,
        issuer_id=AUTHORITY,
        profile="server",
        subject=(Attribute(AttributeType.COMMON_NAME, host),),
        subject_alt_names=SubjectAltNames(dns_names=(host,)),
        key_type=KeyType.EC_P256,
        key_id=None,
        serial_number=f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 127):x}",
        not_before=NOW,
        not_after=NOW + timedelta(days=90),
        to_be_signed=TO_BE_SIGNED,
        request_digest=bytes(32),
    )


async def ask(log: Log, number: int) -> None:
    """Append what a request leads to."""
    event, owner = prepared(number), str(UUID(int=(0x0190_0000_0000 + number // 8 << 80) | 7 << 76 | 2 << 62 | number))
    stream = f"certificate-{owner}"
    writes = [
        Write(stream, 0, (NewEvent(*codec.encode(event)),)),
        Write(f"certificate_name-{event.name}", 0, (NewEvent(*codec.encode(NameReserved(owner))),)),
        Write(
            f"serial_number-{AUTHORITY}-{event.serial_number}",
            0,
            (NewEvent(*codec.encode(SerialNumberReserved(owner))),),
        ),
    ]
    await log.append(writes, metadata=METADATA)
    issued = NewEvent(*codec.encode(CertificateIssued(1, CERTIFICATE)))
    await log.append([Write(stream, 1, (issued,))], metadata=METADATA)


async def make(path: Path, events: int) -> None:
    """Make the log."""
    log = await SQLiteLog.open(path)
    requests = events // EVENTS_OF_A_REQUEST
    for first in range(0, requests, AT_ONCE):
        await asyncio.gather(*(ask(log, number) for number in range(first, min(first + AT_ONCE, requests))))
    await log.close()


async def work(what: str, folder: Path) -> int:
    """Do one of the works; return how many positions it went through."""
    log = await SQLiteLog.open(folder / "log.db")
    try:
        match what:
            case "scan":
                return sum([len(page.records) async for page in log.read_all()])
            case "replay":
                return max([position async for position in folding(log)])
            case _:
                views = await SQLiteViews.open(folder / "views.db")
                await rebuild(log, views, inventory.view)
                position = await views.checkpoint(inventory.view)
                await views.close()
                return position or 0
    finally:
        await log.close()


async def folding(log: Log) -> AsyncIterator[int]:
    """Decode and fold page by page; yield the positions reached. Rows are forgotten with their page."""
    view = inventory.view
    async for page in log.read_all(types=view.types):
        rows: dict[str, inventory.Row | None] = {}
        for record in page.records:
            event = happened(record)
            key = view.key(event)
            rows[key] = view.evolve(rows.get(key), event)
        yield page.position


class Outcome(NamedTuple):
    """Positions a second, and a second of processor time; the peak of resident memory in MiB."""

    rate: float
    of_processor: float
    memory: float


def measured(what: str, folder: Path) -> Outcome:
    """Do a work in a child process."""
    for left in folder.glob("views.db*"):
        left.unlink()
    command = [sys.executable, "-m", "bench.views", "--work", what, "--folder", str(folder)]
    return Outcome(*json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def compare(folder: Path, events: int, rounds: int) -> None:
    """Measure all works on a log of so many events; print their medians."""
    uvloop.run(make(folder / "log.db", events))
    outcomes: dict[str, list[Outcome]] = {what: [] for what in WORKS}
    for _ in range(rounds):
        for what in WORKS:
            outcomes[what].append(measured(what, folder))
    print(f"{events:,} events\n{'':<10}{'records/s':>12}{'of scan':>9}{'of its CPU':>12}{'MiB':>7}")
    for what, runs in outcomes.items():
        beside = list(zip(runs, outcomes["scan"], strict=True))
        rate = statistics.median(run.rate for run in runs)
        ratio = statistics.median(run.rate / scan.rate for run, scan in beside)
        of_processor = statistics.median(run.of_processor / scan.of_processor for run, scan in beside)
        memory = max(run.memory for run in runs)
        print(f"{what:<10}{rate:>12,.0f}{ratio:>9.2f}{of_processor:>12.2f}{memory:>7.0f}", flush=True)


def main() -> None:
    """Compare, or do one work for the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder by default")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        started, processor = time.perf_counter(), time.process_time()
        positions = uvloop.run(work(arguments.work, arguments.folder))
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(Outcome(positions / seconds, positions / processor, memory)))
        return
    for events in arguments.events:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            compare(Path(folder), events, arguments.rounds)


if __name__ == "__main__":
    main()
