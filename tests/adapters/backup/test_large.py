"""A large log is backed up, checked and restored a piece at a time: in a process that has no room for all of it."""

import asyncio
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from es_pki.adapters import clock
from es_pki.adapters.backup.restoring import restore
from es_pki.adapters.backup.verifying import verify
from es_pki.adapters.backup.writing import Sources, create
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.keystore.sqlite import SQLiteSealedKeys
from es_pki.app import restore_target
from es_pki.config import Settings
from eventlog import Record
from eventlog.sqlite import SQLiteLog
from tests.adapters.backup.conftest import more

RECORDS = 100_000
RECORD_BYTES = 1_200
ROOM = 40 << 20
"""Bytes of memory above what the imported program has: a third of the log's."""


async def enlarge(folder: Path) -> None:
    """Make a log of many more records by restoring them behind those of an installation that was just set up."""
    small = folder.with_name("small")
    small.mkdir()
    await more(small)
    source = await SQLiteLog.open(small / "log.db")
    own = [record async for page in source.read_all() for record in page.records]
    await source.close()
    (small / "checkpoint.db").unlink()
    for file in small.iterdir():
        if not file.name.startswith("log.db"):
            file.rename(folder / file.name)

    async def pages():
        yield own
        padding = b'{"actor":"%s"}' % (b"a" * RECORD_BYTES)
        data, stream = b'{"policy":{}}', next(record.stream for record in own if record.stream.startswith("authority-"))
        version = sum(record.stream == stream for record in own)
        for start in range(0, RECORDS, 1_000):
            yield [
                Record(
                    len(own) + number + 1,
                    stream,
                    version + number + 1,
                    "authority.issuance_policy_adopted.v1",
                    own[-1].time,
                    padding,
                    data,
                    b"",
                )
                for number in range(start, start + 1_000)
            ]

    log = await SQLiteLog.open(folder / "log.db")
    await log.restore(pages())
    await log.close()


def run(work: str, *arguments: object) -> None:
    """Run a work of this module in a process whose memory is limited."""
    command = [sys.executable, "-c", "from tests.adapters.backup.test_large import main; main()", work]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]


def main() -> None:
    """Limit the memory of this process, then work."""
    work, folder, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    threading.stack_size(1 << 18)  # stacks of threads count, used or not
    resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + ROOM, resource.RLIM_INFINITY))
    with pytest.raises(MemoryError):
        bytearray(RECORDS * RECORD_BYTES)
    asyncio.run(WORKS[work](folder, file))


def _data_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) * 1024


async def _create(folder: Path, file: Path) -> None:
    log, keys = await SQLiteLog.open(folder / "log.db"), await SQLiteSealedKeys.open(folder / "keys.db")
    checkpoints = await SQLiteCheckpoints.open(folder / "checkpoint.db")
    signed = await checkpoints.last()
    assert signed is not None
    await create(file, Sources(log, keys, signed), clock.now(), None)


async def _restore(folder: Path, file: Path) -> None:
    found = await verify(file, str)
    async with restore_target(Settings(data_dir=str(folder))) as target:
        await restore(file, str, found, target, ending=None, heard=lambda _done, _total: None)


WORKS = {"create": _create, "restore": _restore}


def test_a_log_larger_than_memory_goes_round(tmp_path):
    folder, file = tmp_path / "data", tmp_path / "a.backup"
    folder.mkdir()
    asyncio.run(enlarge(folder))
    asyncio.run(more(folder))  # signs a checkpoint
    run("create", folder, file)
    run("restore", tmp_path / "new", file)
    assert asyncio.run(size_of(tmp_path / "new")) > RECORDS


async def size_of(folder):
    log = await SQLiteLog.open(folder / "log.db")
    try:
        return (await log.head()).size
    finally:
        await log.close()
