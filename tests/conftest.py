"""Fixtures of all tests."""

import signal
import tempfile
from pathlib import Path

import pytest

from tests import addresses, openssl, postgres, serving

# A shell that starts the tests in the background has them ignore an interrupt, and with them whatever they interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server():
    """The URL of a PostgreSQL server of this test process."""
    with postgres.running() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template():
    """A folder with the data of a PostgreSQL server that never ran, to be copied."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        postgres.Server(Path(name), 0).make()
        yield Path(name)


@pytest.fixture
async def postgres_url(postgres_server):
    """The URL of a fresh database."""
    async with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running es-pki of this test process, on the embedded stores."""
    with serving.running(tmp_path_factory.mktemp("es-pki") / "data") as server:
        addresses.furnish(server)
        yield server


@pytest.fixture(scope="session")
def csrs():
    """CSRs for www.example.test made by openssl, by key type, in PEM."""
    return openssl.csrs("/CN=www.example.test", "DNS:www.example.test")
