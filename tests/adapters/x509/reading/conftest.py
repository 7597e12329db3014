"""What openssl makes, once for all tests of a process."""

import pytest

from tests.adapters.x509.reading.made import Made


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A chain with its keys; tests that make more take names of their own."""
    return Made(tmp_path_factory.mktemp("made"))
