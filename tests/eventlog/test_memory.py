import pytest

from eventlog import clock
from eventlog.memory import MemoryLog
from tests.eventlog.contract import LogContract


class Store:
    async def open(self, *, now=clock.now):
        return await MemoryLog.open(now=now)


class TestMemoryLog(LogContract):
    @pytest.fixture
    def store(self):
        return Store()
