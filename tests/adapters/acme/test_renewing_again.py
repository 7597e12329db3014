"""Renewals that fail, that a revocation calls for, or that come too late, at a real directory."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest

from es_pki.adapters import clock
from es_pki.adapters.acme.orders import Orders
from es_pki.adapters.acme.renewing import TOLERATED
from es_pki.adapters.intake.requests import (
    DeactivateACMEAccount,
    PlaceACMEOrder,
    RenewACME,
    ReportKeyCompromise,
    RevokeCertificate,
    RollBackCertificate,
)
from es_pki.adapters.postponed import Postponed
from es_pki.values import CRLReason
from es_pki.values.acme import ACME_REFUSED_HERE
from tests import pebble
from tests.acme_proxy import Proxy, problem
from tests.adapters.acme.conftest import registration, versions_of
from tests.adapters.acme.renewing import account_of, named, suggesting


@pytest.fixture(scope="module")
def directory():
    """A running Pebble that forgets that a name was proved."""
    with pebble.running(PEBBLE_AUTHZREUSE="0") as running:
        yield running


async def test_one_that_fails_is_tried_later_and_holds_up_no_other(world, ordered, looking, directory):
    await world.ask(PlaceACMEOrder("other", "pebble", dns_names=("other.example.test",)))
    await looking.look()
    directory.dns_says("set-servfail", host="www.example.test")
    await looking.at(max((await looking.row("www")).planned_at, (await looking.row("other")).planned_at))
    await looking.look()
    failed = await looking.row("www")
    assert (failed.version, failed.attempts) == (1, 1)
    assert [len(await versions_of(world, await named(world, name))) for name in ("www", "other")] == [1, 2]
    assert failed.problem.type.startswith("urn:ietf:params:acme:error:")
    assert failed.next_attempt > looking.time()
    directory.dns_says("clear-servfail", host="www.example.test")
    await looking.look()
    assert len(await versions_of(world, ordered)) == 1
    await looking.at(failed.next_attempt)
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2


async def test_what_can_not_be_renewed_is_recorded_and_tried_a_day_later(world, ordered, looking):
    await looking.look()
    await world.ask(DeactivateACMEAccount("pebble"))
    await looking.at((await looking.row()).planned_at)
    await looking.look()
    row = await looking.row()
    assert (row.attempts, row.problem.type) == (1, ACME_REFUSED_HERE)
    assert row.next_attempt - looking.time() > timedelta(hours=17)


async def test_what_was_revoked_is_replaced_at_once_with_another_key(world, ordered, looking):
    await looking.look()
    await world.ask(RevokeCertificate("www", reason=CRLReason.KEY_COMPROMISE))
    await looking.look()
    first, second = (await versions_of(world, ordered)).values()
    assert first.prepared.public_key_hash != second.prepared.public_key_hash
    assert (first.revoked.reason, second.holds) == (CRLReason.KEY_COMPROMISE, True)
    await looking.look(3)
    assert len(await versions_of(world, ordered)) == 2


async def test_a_compromised_key_brings_another_certificate_though_the_directory_has_not_revoked_yet(
    world, ordered, looking
):
    await looking.look()
    await world.ask(ReportKeyCompromise(certificate="www", reason="it lay in a bucket"))
    await looking.look()
    first, second = (await versions_of(world, ordered)).values()
    assert (first.revoked, second.holds) == (None, True)
    assert first.prepared.public_key_hash != second.prepared.public_key_hash
    assert (await looking.row()).revoked


async def test_a_window_that_the_directory_moves_into_the_past_means_now(world, ordered, looking, proxy):
    later = clock.now() + timedelta(days=20)
    suggesting(proxy, later, later + timedelta(days=1))
    await world.acme.directories.transport((await account_of(world)).state).directory(afresh=True)
    await looking.look()
    assert (await looking.row()).planned_at > later - timedelta(seconds=1)
    proxy.rules.clear()
    suggesting(proxy, clock.now() - timedelta(days=2), clock.now() - timedelta(days=1))
    looking.time.ahead = timedelta(hours=8)
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2


async def test_no_storm_comes_of_a_revocation_when_the_renewal_fails(world, ordered, looking, directory, proxy):
    await looking.look()
    await world.ask(RevokeCertificate("www"))
    directory.dns_says("set-servfail", host="www.example.test")
    placed = proxy.count("/order-plz")
    await looking.look(5)
    directory.dns_says("clear-servfail", host="www.example.test")
    failed = await looking.row()
    assert (failed.attempts, failed.status) == (1, "failing")
    assert proxy.count("/order-plz") == placed + 1
    await looking.at(failed.next_attempt)
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2


async def test_what_waits_for_its_directory_keeps_no_other_from_its_turn(world, ordered, looking, proxy, directory):
    """Eight that are hindered, at a directory where four may go on at a time, and one that could be renewed."""
    for number in range(8):
        await world.ask(PlaceACMEOrder(f"stuck-{number}", "pebble", dns_names=(f"stuck-{number}.example.test",)))
    await looking.look()

    async def rule(request, body):
        wanted = json.loads(body or b"{}").get("payload", "") if request.path == "/order-plz" else ""
        is_stuck = b"stuck" in urlsafe_b64decode(wanted + "==")
        return problem("serverInternal", status=500)() if is_stuck else None

    proxy.rules.append(rule)
    await looking.at(max([(await looking.row(f"stuck-{number}")).planned_at for number in range(8)]))
    await looking.at(max(looking.time(), (await looking.row()).planned_at) + timedelta(minutes=1))
    for _ in range(4):
        await looking.look()
        looking.time.ahead += timedelta(minutes=3)
    assert len(await versions_of(world, ordered)) > 1
    assert (await looking.row("stuck-0")).attempts == 0


async def test_after_a_failure_it_is_rehearsed_before_the_directory_is_asked_again(
    world, proxy, looking, listening, directory
):
    async with Proxy(directory).running() as tests:
        await world.ask(registration(tests, "tests"))
        await world.ask(registration(proxy, test_account="tests"))
        await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))
        await looking.look()
        directory.dns_says("set-servfail", host="www.example.test")
        await looking.at((await looking.row()).planned_at)
        await looking.look()
        asked = proxy.count("/order-plz")
        assert tests.count("/order-plz") == 0
        await looking.at((await looking.row()).next_attempt)
        await looking.look()
        row = await looking.row()
        assert (row.attempts, row.problem.type) == (2, "urn:ietf:params:acme:error:connection")
        assert (proxy.count("/order-plz"), tests.count("/order-plz")) == (asked, 1)
        directory.dns_says("clear-servfail", host="www.example.test")
        await looking.at(row.next_attempt)
        await looking.look()
        assert (proxy.count("/order-plz"), tests.count("/order-plz")) == (asked + 1, 2)
        assert len(await versions_of(world, await named(world, "www"))) == 2


async def test_a_directory_for_tests_that_is_away_keeps_nothing_from_being_renewed(
    world, proxy, looking, listening, directory
):
    async with Proxy(directory).running() as tests:
        await world.ask(registration(tests, "tests"))
        await world.ask(registration(proxy, test_account="tests"))
        await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))
        await looking.look()
        proxy.once("/order-plz", problem("rejectedIdentifier", "not now"), times=2)
        await looking.at((await looking.row()).planned_at)
        await looking.look()
        tests.once("/order-plz", problem("serverInternal", status=500))
        await looking.at((await looking.row()).next_attempt)
        await looking.look()
        assert tests.count("/order-plz") == 0
        assert len(await versions_of(world, await named(world, "www"))) == 2


async def test_what_ends_without_another_in_its_place_is_told_and_still_attempted(world, ordered, looking, proxy):
    await looking.look()
    not_after = (await looking.row()).not_after
    # What may come of `replaces` is asked for once more without it.
    proxy.once("/order-plz", problem("rejectedIdentifier", "not here"), times=2)
    await looking.at(not_after - timedelta(hours=2))
    await looking.look()
    assert (await looking.row()).status == "failing"
    await looking.at(not_after - timedelta(minutes=4))
    proxy.once("/order-plz", problem("rejectedIdentifier", "not here"), times=2)
    await looking.look(2)
    missed = await looking.row()
    assert (missed.status, missed.problem.detail) == ("missed", "not here")
    await looking.at(missed.next_attempt + timedelta(minutes=1))
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2


async def test_a_certificate_that_ended_while_nothing_ran_is_renewed_after_all(world, ordered, looking):
    first = (await versions_of(world, ordered))[1].prepared
    await looking.at(first.not_after + timedelta(days=2))
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2


async def test_an_earlier_version_that_is_current_again_is_renewed_in_its_time(world, ordered, looking):
    await looking.look()
    await looking.at((await looking.row()).planned_at + timedelta(minutes=1))
    await looking.look()
    before = len(await versions_of(world, ordered))
    await world.ask(RollBackCertificate("www", version=1))
    await looking.look(2)
    assert len(await versions_of(world, ordered)) > before


async def test_an_order_that_somebody_placed_is_no_failure(world, ordered, looking, proxy):
    await looking.look()
    proxy.once("/order-plz", problem("serverInternal", status=500))
    assert (await world.ask(RenewACME("www"))).result["status"] == "pending"
    await looking.at((await looking.row()).planned_at)
    await looking.look()
    assert (await looking.row()).attempts == 0


async def test_an_order_that_is_hindered_for_long_is_told_as_a_failure_and_goes_on(world, ordered, looking, proxy):
    await looking.look()
    proxy.once("/order-plz", problem("serverInternal", status=500), times=TOLERATED)
    await looking.at((await looking.row()).planned_at)
    await looking.look()
    order_id = await world.aggregates.owner(f"acme_order_for-{ordered}")
    at = clock.now()
    for hindered in range(1, TOLERATED):
        assert (await looking.row()).attempts == 0, hindered
        at += timedelta(hours=7)
        with pytest.raises(Postponed):
            await orders_at(world, at).advance(order_id)
        await looking.look()
    await looking.look(3)
    row = await looking.row()
    assert (row.status, row.attempts, row.problem.detail) == ("failing", 1, "serverInternal")
    state = await orders_at(world, at + timedelta(hours=7)).advance(order_id)
    assert state.version == 2


def orders_at(world, moment):
    """Return the orders as they go on at a time."""
    acme = world.acme
    return Orders(world.aggregates, acme.directories, (acme.http_01,), acme.orders._deliver, lambda: moment)
