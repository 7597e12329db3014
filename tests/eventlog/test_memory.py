import pytest

from eventlog import clock
from eventlog.memory import MemoryLog
from tests.eventlog.contract import LogContract
from tests.eventlog.restoring import RestoringContract


class Store:
    async def open(self, *, now=clock.now):
        return await MemoryLog.open(now=now)


class TestMemoryLog(LogContract, RestoringContract):
    @pytest.fixture
    def store(self):
        return Store()
