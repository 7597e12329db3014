"""Requests to directories that are slow, broken, strict about nonces, or none at all."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import josepy
import pytest
from acme import jws as reference
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters import clock
from es_pki.adapters.acme import pacing, transport
from es_pki.adapters.acme.directory import Client
from es_pki.adapters.acme.jws import AccountKey, decoded, encoded
from es_pki.adapters.acme.messages import Directory, Identifier, Order, read
from es_pki.adapters.acme.problems import AnswerMalformed, DirectoryFailed, RateLimited, Trouble
from es_pki.adapters.acme.transport import Transport
from es_pki.values import KeyType
from tests import pebble
from tests.acme_proxy import problem

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
async def key(world):
    made = await world.keys.make(KeyType.EC_P256, purpose="acme_account", owner="somebody")
    return AccountKey(world.keys, "somebody", made.key_id, made.public_key)


@pytest.fixture
async def way(proxy):
    """A transport to the proxy."""
    way = Transport(proxy.url, proxy.ca_bundle, clock.now, clock.elapsed)
    yield way
    await way.close()


@pytest.fixture
async def client(way, key):
    """An account that is open."""
    url = await Client(way, key).register((), terms_of_service_agreed=True, binding=None)
    return Client(way, key, url)


IDENTIFIERS = (Identifier("dns", "www.example.test"),)


async def test_no_request_is_lost_when_half_of_the_nonces_are_refused(key):
    with pebble.running(PEBBLE_WFE_NONCEREJECT="50") as strict:
        way = Transport(strict.url, strict.ca_bundle, clock.now, clock.elapsed)
        url = await Client(way, key).register((), terms_of_service_agreed=True, binding=None)
        client = Client(way, key, url)
        accounts = await asyncio.gather(*(client.account() for _ in range(40)))
        assert {account.status for account in accounts} == {"valid"}
        await way.close()


async def test_a_nonce_is_asked_for_only_when_none_is_at_hand(client, proxy):
    before = proxy.count("/nonce-plz")
    for _ in range(10):
        await client.account()
    assert proxy.count("/nonce-plz") == before


@pytest.mark.parametrize("after", ["120", "Sun, 03 May 2099 12:00:00 GMT"])
async def test_a_rate_limit_says_when_to_come_back(client, proxy, after):
    proxy.once("/order-plz", problem("rateLimited", "too many", status=429, Retry_After=after))
    begun = clock.now()
    with pytest.raises(RateLimited) as limited:
        await client.place(IDENTIFIERS)
    assert (limited.value.is_final, limited.value.problem.detail) == (False, "too many")
    wait = limited.value.retry_at - begun
    assert timedelta(seconds=119) < wait <= (timedelta(seconds=121) if after == "120" else timedelta(days=1, seconds=1))


async def test_a_problem_is_kept_whole(client, proxy):
    subproblems = [{"type": "urn:ietf:params:acme:error:caa", "identifier": {"type": "dns", "value": "a.test"}}]
    document = {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "no", "subproblems": subproblems}
    proxy.once("/order-plz", lambda: web.json_response(document, status=403))
    with pytest.raises(DirectoryFailed) as failed:
        await client.place(IDENTIFIERS)
    assert failed.value.is_final
    assert json.loads(failed.value.problem.document) == document


MALFORMED = {
    "no JSON": lambda: web.Response(text="<html>Log in to the hotel's network</html>"),
    "no order": lambda: web.json_response({"status": "pending"}, headers={"Location": "https://a.test/1"}),
    "a status that nobody knows": lambda: web.json_response({**ORDER, "status": "wondering"}),
    "an authorization that is no URL": lambda: web.json_response({**ORDER, "authorizations": ["javascript:alert(1)"]}),
    "authorizations in clear": lambda: web.json_response({**ORDER, "authorizations": ["http://a.test/1"]}),
    "no location": lambda: web.json_response(ORDER),
    "a location in clear": lambda: web.json_response(ORDER, headers={"Location": "http://a.test/1"}),
    "too much": lambda: web.Response(body=b"x" * (transport.LARGEST_ANSWER + 1)),
    "a million brackets": lambda: web.Response(body=b"[" * 1_000_000),
}
ORDER = {
    "status": "pending",
    "identifiers": [{"type": "dns", "value": "www.example.test"}],
    "authorizations": ["https://a.test/1"],
    "finalize": "https://a.test/2",
}


@pytest.mark.parametrize("answer", MALFORMED)
async def test_an_answer_that_is_no_acme_is_refused_and_may_pass(client, proxy, answer):
    proxy.once("/order-plz", MALFORMED[answer])
    with pytest.raises(AnswerMalformed) as failed:
        await client.place(IDENTIFIERS)
    assert (failed.value.is_final, failed.value.problem.type) == (False, Trouble.MALFORMED)
    assert (await client.place(IDENTIFIERS)).order.status == "pending"


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_directory_that_fails_may_come_back(client, proxy, status):
    proxy.once("/order-plz", lambda: web.Response(status=status, headers={"Retry-After": "7"}))
    with pytest.raises(DirectoryFailed) as failed:
        await client.place(IDENTIFIERS)
    assert (failed.value.is_final, failed.value.problem.type) == (False, Trouble.FAILING)
    assert failed.value.retry_at is not None


async def test_a_directory_that_says_nothing_is_left_after_a_while(client, proxy, way, monkeypatch):
    async def silent(request, _body):
        if request.path == "/order-plz":
            await asyncio.sleep(30)

    proxy.rules.append(silent)
    monkeypatch.setattr(way._session, "_timeout", transport.aiohttp.ClientTimeout(total=0.2))
    with pytest.raises(DirectoryFailed) as failed:
        await client.place(IDENTIFIERS)
    assert failed.value.problem.type == Trouble.SLOW


async def test_an_order_that_nobody_recorded_is_found_at_the_directory(client):
    async def unknown(_url):
        return False

    placed = await client.place(IDENTIFIERS)
    found = await client.placed_before(IDENTIFIERS, unknown)
    assert found is not None
    assert found.url == placed.url
    assert await client.placed_before((Identifier("dns", "other.example.test"),), unknown) is None


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
async def test_the_reference_client_takes_what_is_signed_here(world, key_type):
    made = await world.keys.make(key_type, purpose="acme_account", owner="somebody")
    key = AccountKey(world.keys, "somebody", made.key_id, made.public_key)
    signed = await key.signed(b'{"a":1}', nonce=encoded(b"nonce"), url="https://a.test/", jwk=key.jwk)
    parsed = reference.JWS.from_json(json.loads(signed))
    assert parsed.verify()
    assert (parsed.payload, parsed.signature.combined.nonce) == (b'{"a":1}', b"nonce")
    jwk = josepy.JWK.from_json(key.jwk)
    assert key.thumbprint == encoded(jwk.thumbprint())


@given(st.binary(max_size=100))
def test_decoding_is_the_inverse_of_encoding(data):
    assert decoded(encoded(data)) == data
    assert "=" not in encoded(data)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_in_another_way(data):
    for kind in (Directory, Order):
        with pytest.raises(AnswerMalformed):
            read(data, kind)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("99999999999999999999", 86_400),
        ("Sun, 03 May 2026 12:01:00 GMT", 60),
        ("Sun, 03 May 2026 14:01:00 +0200", 60),
        ("Sun, 03 May 2026 12:01:00 -0000", 60),
        ("Sat, 02 May 2026 12:00:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert pacing.retry_after(header, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "Sun, 99 May 2026 12:00:00 GMT"])
def test_a_retry_after_that_says_nothing_is_none(header):
    assert pacing.retry_after(header, NOW) is None


def test_polling_begins_at_once_and_slows_down():
    waits = [wait for wait, _ in zip(pacing.polls(), range(30), strict=False)]
    assert waits[0] < 0.03
    assert max(waits) <= pacing.LONGEST_POLL_SECONDS * 1.25
    assert sum(waits[-5:]) > 15
