"""A process that appends to the SQLite log `argv[1]` until it is killed, and prints what it was answered."""

import asyncio
import itertools
import sys

from eventlog import Write
from eventlog.sqlite import SQLiteLog
from tests.eventlog.contract import ISSUED


async def append(log, name):
    for version in itertools.count():
        (position,) = await log.append([Write(name, version, (ISSUED,))])
        print(position, name, flush=True)


async def main():
    log = await SQLiteLog.open(sys.argv[1])
    await asyncio.gather(*(append(log, f"{sys.argv[2]}-{task}") for task in range(16)))


asyncio.run(main())
