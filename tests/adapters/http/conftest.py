"""An API inside the test's process, where its clockwork can be looked at and hurried."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from es_pki.__main__ import _opened
from es_pki.adapters import clock
from es_pki.adapters.http.routes import management_application
from es_pki.adapters.service import _in_background
from es_pki.config import Settings
from tests.serving import PATIENCE


class Clock:
    """The time, some days ahead."""

    def __init__(self):
        self.days = 0

    def __call__(self):
        """Return it."""
        return datetime.now(UTC) + timedelta(days=self.days)


@pytest.fixture
def wall_clock(monkeypatch):
    """The clock of `inside`."""
    ours = Clock()
    monkeypatch.setattr(clock, "now", ours)
    return ours


@pytest.fixture
async def inside(tmp_path, wall_clock):
    """A client of an API in this process, in plain HTTP, with the administrator's token."""
    folder = tmp_path / "data"
    settings = Settings(data_dir=str(folder), listen="127.0.0.1:0", public_listen="127.0.0.1:0")
    stores, service = await _opened(settings)
    try:
        await service.set_up()
        headers = {"Authorization": f"Bearer {settings.token_file.read_text().strip()}"}
        async with _in_background(service.parts.follower.run):
            assert await service.parts.follower.reached(0, PATIENCE)
            async with TestClient(TestServer(management_application(service.parts)), headers=headers) as client:
                yield client
    finally:
        service.close()
        await stores.close()
