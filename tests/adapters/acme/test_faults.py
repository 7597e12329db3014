"""Whatever goes wrong at the directory: an order says why and when it goes on, and leaves nothing half done."""

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.acme import transport
from es_pki.adapters.acme.problems import Trouble
from es_pki.adapters.acme.tls_alpn_listener import TLSALPNListener
from es_pki.adapters.http import server
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.adapters.intake.requests import AbandonACMEOrder, PlaceACMEOrder, RenewACME
from es_pki.values.acme import ChallengeType
from tests import pebble
from tests.acme_proxy import Proxy, problem
from tests.adapters.acme.conftest import registration
from tests.world import World

PATHS = {
    "the order": "/order-plz",
    "an authorization": "/authZ/",
    "a challenge": "/chalZ/",
    "the order's progress": "/my-order/",
    "finalizing": "/finalize-order/",
    "the certificate": "/certZ/",
}


@pytest.fixture
async def account(world, proxy, listening):
    """An account at the proxied directory, whose challenges the world answers."""
    assert (await world.ask(registration(proxy))).result["status"] == "valid"
    proxy.done.clear()


def order(name="www"):
    return PlaceACMEOrder(name, "pebble", dns_names=(f"{name}.example.test",))


async def goes_on(world, answer, monkeypatch):
    """Go on with an order in another process when its next attempt is due; return its state."""
    again = World(world.log, world.keys._store)
    monkeypatch.setattr(again.acme.orders, "_now", lambda: answer.result["next_attempt"] + timedelta(seconds=1))
    state = await again.acme.orders.advance(answer.result["order_id"])
    await again.acme.close()
    return state


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize(
    ("answered", "trouble"),
    [
        (lambda: web.Response(text="<html>Log in to the network</html>"), Trouble.MALFORMED),
        (lambda: web.json_response({"status": 7}), Trouble.MALFORMED),
        (lambda: web.Response(status=502, text="<html>"), Trouble.FAILING),
    ],
    ids=["a captive portal", "no ACME", "a broken gateway"],
)
async def test_an_answer_that_is_none_hinders_an_order_wherever_it_comes(
    world, account, proxy, monkeypatch, what, answered, trouble
):
    proxy.once(PATHS[what], answered)
    waiting = await world.ask(order())
    assert (waiting.result["status"], waiting.result["problem"].type) == ("pending", trouble)
    assert waiting.result["next_attempt"] > clock.now()
    state = await goes_on(world, waiting, monkeypatch)
    assert (state.version, state.left_behind) == (1, ())
    assert proxy.count("/order-plz") == 1
    assert (await world.examine()).findings == []


@pytest.mark.parametrize("what", PATHS)
async def test_a_directory_that_is_too_slow_hinders_an_order_wherever_it_is(world, account, proxy, monkeypatch, what):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 1.0)
    patient = World(world.log, world.keys._store)
    slow = [True]

    async def silent(request, _body):
        if request.path.startswith(PATHS[what]) and slow:
            await asyncio.sleep(20)

    proxy.rules.append(silent)
    waiting = await patient.ask(order())
    assert (waiting.result["status"], waiting.result["problem"].type) == ("pending", Trouble.SLOW)
    slow.clear()
    assert (await goes_on(world, waiting, monkeypatch)).version == 1
    await patient.acme.close()


async def test_a_directory_that_is_down_hinders_an_order(world, directory, listening):
    async with Proxy(directory).running() as proxy:
        await world.ask(registration(proxy))
    waiting = await world.ask(order())
    assert (waiting.result["status"], waiting.result["problem"].type) == ("pending", Trouble.UNREACHABLE)
    assert waiting.result["next_attempt"] > clock.now()
    given_up = await world.ask(AbandonACMEOrder("www"))
    assert given_up.result["status"] == "failed"
    assert (await world.aggregates.owner("certificate_name-www")) is None
    assert (await world.examine()).findings == []


async def test_somebody_else_in_the_directorys_place_hinders_an_order(world, account, proxy, tmp_path, monkeypatch):
    proxy.be_somebody_else(tmp_path)
    other = World(world.log, world.keys._store)  # with no connection from before
    waiting = await other.ask(order())
    assert (waiting.result["status"], waiting.result["problem"].type) == ("pending", Trouble.UNTRUSTED)
    assert waiting.result["next_attempt"] > clock.now()
    await other.acme.close()


async def test_a_caa_record_that_forbids_fails_an_order_when_it_is_finalized(world, account, proxy):
    proxy.once("/finalize-order/", problem("caa", "CAA record for www.example.test prevents issuance", status=403))
    failed = await world.ask(order())
    assert failed.result["status"] == "failed"
    assert failed.result["problem"].type == "urn:ietf:params:acme:error:caa"
    assert (await state_of(world, failed)).left_behind == ()
    assert (await world.ask(order())).result["status"] == "issued"


async def test_an_order_that_turns_invalid_fails_with_its_problem(world, account, proxy):
    async def spoiled(request, body):
        if not request.path.startswith("/finalize-order/"):
            return None
        answer = await proxy._passed_on(request, body)
        if answer.status != 200:
            return answer
        reported = {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids it", "status": 403}
        told = {**json.loads(answer.body), "status": "invalid", "error": reported}
        reply = web.json_response(told)
        reply.headers["Replay-Nonce"] = answer.headers["Replay-Nonce"]
        return reply

    proxy.rules.append(spoiled)
    failed = await world.ask(order())
    assert (failed.result["status"], failed.result["problem"].detail) == ("failed", "CAA forbids it")
    assert "403" in failed.result["problem"].document
    assert (await state_of(world, failed)).left_behind == ()
    assert (await world.examine()).findings == []


async def state_of(world, answer):
    return (await world.aggregates.load(ACME_ORDER, answer.result["order_id"], afresh=True)).state


async def test_an_order_comes_before_a_date_that_a_directory_names_to_no_attempt(world, account, proxy, monkeypatch):
    back = (clock.now() + timedelta(hours=3)).replace(microsecond=0)
    header = {"Retry_After": format_datetime(back, usegmt=True)}
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429, **header))
    waiting = await world.ask(order())
    assert waiting.result["next_attempt"] == back
    assert (await goes_on(world, waiting, monkeypatch)).version == 1


async def test_orders_come_to_their_ends_where_half_of_the_nonces_are_refused(world):
    with pebble.running(PEBBLE_WFE_NONCEREJECT="50") as strict:
        listener = TLSALPNListener(world.acme.tls_alpn_01, server.bind("127.0.0.1", strict.tls_port))
        await listener.start()
        await world.ask(registration(strict))
        names = tuple(f"{number}.example.test" for number in range(3))
        request = PlaceACMEOrder("www", "pebble", dns_names=names, challenge=ChallengeType.TLS_ALPN_01)
        issued = await world.ask(request)
        assert issued.result["status"] == "issued", issued.result["problem"]
        assert (await world.ask(RenewACME("www"))).result["version"] == 2
        await listener.close()
        await world.acme.close()
