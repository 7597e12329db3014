"""Orders at a real directory: from the wish to the certificate, and what goes wrong on the way."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.acme import orders
from es_pki.adapters.acme.problems import Trouble
from es_pki.adapters.intake.deciders import ACME_ORDER, CERTIFICATE
from es_pki.adapters.intake.requests import (
    AbandonACMEOrder,
    DeactivateACMEAccount,
    DeleteCertificate,
    ExportCertificate,
    PlaceACMEOrder,
)
from es_pki.adapters.postponed import Postponed
from es_pki.commands.acme_account import ACMEAccountUnusable
from es_pki.commands.acme_order import ACMEOrderMissing, ACMEOrderOver
from es_pki.commands.reactions import AdvanceACMEOrder
from es_pki.commands.refusals import NameTaken, RulesBroken
from es_pki.values import ExportFormat, KeyType
from es_pki.values.acme import ACME_GIVEN_UP
from tests import openssl
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World

STEPS = (
    "acme_order.placed.v1",
    "acme_order.created.v1",
    "acme_order.challenge_presented.v1",
    "acme_order.challenge_seen.v1",
    "acme_order.authorization_validated.v1",
    "acme_order.challenge_cleaned_up.v1",
    "acme_order.finalized.v1",
    "acme_order.certificate_obtained.v1",
)


@pytest.fixture
async def account(world, proxy, listening):
    """An account at the proxied directory, whose challenges the world answers."""
    assert (await world.ask(registration(proxy))).result["status"] == "valid"
    proxy.done.clear()


def order(name="www", **changes):
    told = {"account": "pebble", "dns_names": (f"{name}.example.test",)}
    return PlaceACMEOrder(name=name, **{**told, **changes})


async def steps(world):
    return [r.type async for page in world.log.read_all() for r in page.records if r.type.startswith("acme_order.")]


async def state_of(world, order_id):
    return (await world.aggregates.load(ACME_ORDER, order_id, afresh=True)).state


async def findings(world):
    examination = await world.examine()
    return examination.findings


async def test_every_step_is_recorded_in_its_order(world, account):
    answer = await world.ask(order())
    assert (answer.result["status"], answer.result["problem"]) == ("issued", None)
    assert tuple(await steps(world)) == STEPS
    assert await findings(world) == []


async def test_several_names_and_addresses_are_proved_at_once(world, account):
    names = tuple(f"{number}.example.test" for number in range(5))
    answer = await world.ask(order(dns_names=names, ip_addresses=("127.0.0.1",)))
    assert answer.result["status"] == "issued", answer.result


async def cut_short(world, number, *, after):
    """Order in a process that dies at its number-th append; return whether it did."""
    broken = World(Failing(world.log, {"append"}, number, after=after), world.keys._store)
    died = False
    try:
        await broken.ask(order(f"cut-{number}", dns_names=(f"cut-{number}-{after}.example.test",)))
    except Fault:
        died = True
    await broken.acme.close()
    return died


@pytest.mark.parametrize("after", [True, False], ids=["after it is recorded", "before it is recorded"])
async def test_an_order_that_is_cut_short_at_any_step_is_finished_without_a_second_one(world, account, proxy, after):
    number = 0
    while await cut_short(world, number := number + 1, after=after):
        if number == 1 and not after:
            continue  # nothing was recorded, so nothing was begun
        again = World(world.log, world.keys._store)
        order_id = await again.aggregates.owner(f"certificate_name-cut-{number}")
        state = await again.acme.orders.advance(order_id)
        assert (state.version, state.left_behind) == (1, ())
        await again.acme.close()
    assert number == len(STEPS) + 1
    assert proxy.count("/order-plz") == (number if after else number - 1)
    assert await findings(world) == []


async def test_everybody_who_comes_for_an_order_waits_for_the_same_work(world, account, proxy):
    answer = await world.ask(order())
    order_id = answer.result["order_id"]
    await asyncio.gather(*(world.acme.orders.advance(order_id) for _ in range(5)))
    assert proxy.count("/order-plz") == 1
    assert tuple(await steps(world)) == STEPS


async def test_the_same_request_again_orders_nothing_more(world, account, proxy):
    first = await world.ask(order(), "key")
    again = await world.ask(order(), "key")
    assert (again.result, again.events) == (first.result, ())
    assert proxy.count("/order-plz") == 1


async def test_an_order_waits_for_a_directory_that_is_away_and_says_so(world, account, proxy):
    proxy.once("/order-plz", problem("serverInternal", "we are moving", status=503, Retry_After="3600"))
    answer = await world.ask(order())
    assert (answer.result["status"], answer.result["problem"].detail) == ("pending", "we are moving")
    assert answer.result["next_attempt"] > clock.now() + timedelta(minutes=59)
    with pytest.raises(Postponed):
        await world.performer.perform(AdvanceACMEOrder(answer.result["order_id"]))
    assert (await steps(world)).count("acme_order.hindered.v1") == 1


async def later(world, monkeypatch, **delay):
    """Go on in another process, some time later."""
    again = World(world.log, world.keys._store)
    monkeypatch.setattr(again.acme.orders, "_now", lambda: clock.now() + timedelta(**delay))
    return again


async def test_what_hindered_an_order_is_tried_later_and_later_until_it_passes(world, account, proxy, monkeypatch):
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429), times=4)
    answer = await world.ask(order())
    order_id, waits = answer.result["order_id"], []
    for attempt in range(3):
        again = await later(world, monkeypatch, hours=attempt + 1)
        with pytest.raises(Postponed) as postponed:
            await again.acme.orders.advance(order_id)
        waits.append(postponed.value.until - again.acme.orders._now())
        await again.acme.close()
    assert waits[0] < waits[1] < waits[2] * 1.3
    again = await later(world, monkeypatch, hours=24)
    assert (await again.acme.orders.advance(order_id)).version == 1
    await again.acme.close()


async def test_an_order_that_is_hindered_for_a_week_fails(world, account, proxy, monkeypatch):
    monkeypatch.setattr(orders, "MOST_HINDRANCES", 1)
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429), times=2)
    answer = await world.ask(order())
    again = await later(world, monkeypatch, days=7)
    assert (await again.acme.orders.advance(answer.result["order_id"])).failure.detail == "too many orders"
    await again.acme.close()


REFUSALS = {
    "caa": problem("caa", "CAA record for www.example.test prevents issuance", status=403),
    "rejectedIdentifier": problem("rejectedIdentifier", "that is no public suffix", status=400),
    "unauthorized": problem("unauthorized", "the account may not", status=403),
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_what_the_directory_refuses_fails_the_order_and_frees_the_name(world, account, proxy, kind):
    proxy.once("/order-plz", REFUSALS[kind])
    answer = await world.ask(order())
    assert (answer.result["status"], answer.result["problem"].type) == ("failed", f"urn:ietf:params:acme:error:{kind}")
    assert (await world.ask(order())).result["status"] == "issued"
    assert await findings(world) == []


async def test_a_name_that_is_not_ours_fails_the_order_and_leaves_nothing_behind(world, account, directory):
    directory.answers_at("http://127.0.0.1:1")
    answer = await world.ask(order())
    assert answer.result["status"] == "failed"
    assert answer.result["problem"].type.startswith("urn:ietf:params:acme:error:")
    state = await state_of(world, answer.result["order_id"])
    assert state.left_behind == ()
    (challenge,) = state.challenges.values()
    assert await world.acme.http_01.answer_to(challenge.presented.token) is None
    entries = [entry for entry in await world.keys._store.entries() if entry.purpose == "certificate"]
    assert [entry.owner for entry in entries] == [answer.result["certificate_id"]]  # its key is not lost


async def test_one_name_that_fails_among_several_is_named(world, account, directory, listening):
    directory.dns_says("set-servfail", host="broken.example.test")
    answer = await world.ask(order(dns_names=("fine.example.test", "broken.example.test")))
    assert answer.result["status"] == "failed"
    assert "broken.example.test" in answer.result["problem"].detail
    assert (await state_of(world, answer.result["order_id"])).left_behind == ()


async def test_an_order_that_takes_long_goes_on_by_itself(world, account, proxy, monkeypatch):
    from es_pki.adapters.intake import acme_ordering as intake  # noqa: PLC0415 - only this test changes its patience

    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.2)
    released = asyncio.Event()

    async def slow(request, _body):
        if request.path.startswith("/finalize-order"):
            await released.wait()

    proxy.rules.append(slow)
    answer = await world.ask(order())
    assert answer.result["status"] == "pending"
    released.set()
    assert (await world.acme.orders.advance(answer.result["order_id"])).version == 1


async def test_an_order_is_called_off_while_it_is_under_way(world, account, proxy):
    reached = asyncio.Event()

    async def silent(request, _body):
        if request.path.startswith("/finalize-order"):
            reached.set()
            await asyncio.sleep(30)

    proxy.rules.append(silent)
    asking = asyncio.create_task(world.ask(order()))
    await reached.wait()
    called_off = await world.ask(AbandonACMEOrder("www", "no longer needed"))
    assert (called_off.result["status"], called_off.result["problem"].type) == ("failed", ACME_GIVEN_UP)
    assert (await asking).result["status"] != "issued"
    with pytest.raises(ACMEOrderMissing):
        await world.ask(AbandonACMEOrder("www"))
    assert (await world.ask(AbandonACMEOrder(called_off.result["order_id"]))).events == ()


async def test_what_is_over_can_not_be_called_off(world, account):
    answer = await world.ask(order())
    with pytest.raises(ACMEOrderOver):
        await world.ask(AbandonACMEOrder(answer.result["order_id"]))


async def test_a_name_is_ordered_once_at_a_time(world, account, proxy):
    proxy.once("/order-plz", problem("serverInternal", status=500))
    assert (await world.ask(order())).result["status"] == "pending"
    with pytest.raises(NameTaken):
        await world.ask(order())


async def test_a_closed_account_orders_nothing(world, account):
    await world.ask(DeactivateACMEAccount("pebble"))
    with pytest.raises(ACMEAccountUnusable):
        await world.ask(order())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dns_names": ()}, "dns_names"),
        ({"dns_names": ("*.example.test",)}, "dns_names[0]"),
        ({"dns_names": ("_.example.test",)}, "dns_names[0]"),
        ({"common_name": "other.example.test"}, "common_name"),
        ({"key_type": KeyType.ED25519}, "key_type"),
        ({"name": "no name", "dns_names": ("www.example.test",)}, "name"),
        ({"profile": "a b"}, "profile"),
        ({"preferred_chain": "a\nb"}, "preferred_chain"),
    ],
)
async def test_what_no_directory_could_do_is_refused_before_anything_is_recorded(world, account, changes, field):
    with pytest.raises(RulesBroken) as refused:
        await world.ask(order(**changes))
    assert [violation.field for violation in refused.value.violations] == [field]
    assert await steps(world) == []


async def test_an_answer_that_makes_no_sense_hinders_and_does_not_fail(world, account, proxy):
    proxy.once("/finalize-order", lambda: web.Response(text="<html>"))
    answer = await world.ask(order())
    assert (answer.result["status"], answer.result["problem"].type) == ("pending", Trouble.MALFORMED)


async def test_what_was_ordered_is_a_certificate_like_any_other(world, account):
    answer = await world.ask(order(common_name="www.example.test"))
    certificate_id = answer.result["certificate_id"]
    state = (await world.aggregates.load(CERTIFICATE, certificate_id)).state
    assert (state.name, state.current) == ("www", 1)
    prepared = state.versions[1].prepared
    assert prepared.order_id == answer.result["order_id"]
    assert prepared.subject_alt_names.dns_names == ("www.example.test",)
    leaf, *issuers = answer.result["certificate_pem"].split("-----END CERTIFICATE-----\n")[:-1]
    assert len(issuers) == 1  # Pebble's intermediate; its root is left out
    assert "CN = www.example.test" in openssl.run(
        "x509", "-noout", "-subject", text=f"{leaf}-----END CERTIFICATE-----\n".encode()
    )
    passphrase = "correct horse battery"  # noqa: S105 - made for this test
    exported = await world.ask(ExportCertificate("www", ExportFormat.PEM, passphrase, "a test"))
    assert exported.result["public_key_hash"] == prepared.public_key_hash
    await world.ask(DeleteCertificate("www"))
    assert (await world.ask(order())).result["status"] == "issued"
    assert await findings(world) == []
