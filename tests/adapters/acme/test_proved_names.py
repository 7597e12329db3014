"""A directory that remembers which names an account has proved: nothing is proved twice there."""

import pytest

from es_pki.adapters.intake.requests import PlaceACMEOrder
from tests import pebble
from tests.adapters.acme.conftest import registration


@pytest.fixture(scope="module")
def directory():
    """A running Pebble that always remembers; by itself it does so half of the time."""
    with pebble.running(PEBBLE_AUTHZREUSE="100") as running:
        yield running


@pytest.mark.usefixtures("listening")
async def test_a_name_that_was_proved_is_not_proved_again(world, proxy):
    assert (await world.ask(registration(proxy))).result["status"] == "valid"
    for name in ("first", "again"):
        answer = await world.ask(PlaceACMEOrder(name, "pebble", dns_names=("same.example.test",)))
        assert answer.result["status"] == "issued", answer.result
    types = [record.type async for page in world.log.read_all() for record in page.records]
    assert types.count("acme_order.challenge_presented.v1") == 1
    assert types.count("acme_order.certificate_obtained.v1") == 2
