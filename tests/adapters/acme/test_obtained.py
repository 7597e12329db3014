"""What a directory hands out: which chain, for whom, and when; and what is not taken from it."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from es_pki.adapters import clock
from es_pki.adapters.acme.problems import Trouble
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.adapters.intake.requests import PlaceACMEOrder
from tests.adapters.acme.conftest import registration
from tests.world import World


@pytest.fixture
async def account(world, proxy, listening):
    """An account at the proxied directory, whose challenges the world answers."""
    assert (await world.ask(registration(proxy))).result["status"] == "valid"


def order(name="www", **changes):
    told = {"account": "pebble", "dns_names": (f"{name}.example.test",)}
    return PlaceACMEOrder(name=name, **{**told, **changes})


async def test_a_preferred_chain_is_taken_where_it_is_offered(world, account, proxy):
    """This directory's intermediate has three roots above it, each with a chain of its own."""
    roots = [proxy.pebble.management(f"/roots/{number}").decode() for number in range(3)]
    for number, root in enumerate(roots):
        subject = x509.load_pem_x509_certificate(root.encode()).subject
        (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        answer = await world.ask(order(f"chain-{number}", preferred_chain=name.value))
        assert [is_above(each, answer) for each in roots] == [each == root for each in roots]
    answer = await world.ask(order(preferred_chain="nobody's"))
    assert is_above(roots[0], answer)


def is_above(root, answer):
    """Tell whether a root issued the last certificate of what came."""
    *_, last = x509.load_pem_x509_certificates(str(answer.result["certificate_pem"]).encode())
    return last.issuer == x509.load_pem_x509_certificate(root.encode()).subject


async def test_a_profile_is_asked_for(world, account, proxy):
    asked = []

    async def heard(request, body):
        if request.path == "/order-plz":
            asked.append(json.loads(urlsafe_b64decode(json.loads(body)["payload"] + "==")))

    proxy.rules.append(heard)
    assert (await world.ask(order(profile="shortlived"))).result["status"] == "issued"
    assert {told.get("profile") for told in asked} == {"shortlived"}


async def test_a_certificate_that_lacks_a_name_is_not_taken(world, account, proxy, monkeypatch):
    """The directory certifies one of two names, for the right key: what comes is not what was ordered."""
    is_forgetful = [True]

    async def forgetful(request, _body):
        if request.path.startswith("/certZ/") and is_forgetful:
            order_id = await world.aggregates.owner("certificate_name-www")
            state = (await world.aggregates.load(ACME_ORDER, order_id)).state
            return web.Response(body=lacking_a_name(state.placed.csr))
        return None

    proxy.rules.append(forgetful)
    answer = await world.ask(order(dns_names=("www.example.test", "two.example.test")))
    assert (answer.result["status"], answer.result["problem"].type) == ("pending", Trouble.MALFORMED)
    assert "two.example.test" in answer.result["problem"].detail
    is_forgetful.clear()
    again = World(world.log, world.keys._store)
    monkeypatch.setattr(again.acme.orders, "_now", lambda: clock.now() + timedelta(hours=1))
    assert (await again.acme.orders.advance(answer.result["order_id"])).version == 1
    await again.acme.close()


def lacking_a_name(csr):
    """Return what an authority made of a CSR that leaves one of its names out, in PEM."""
    parsed, key, now = x509.load_der_x509_csr(csr), ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forgetful")])
    builder = x509.CertificateBuilder(name, name, parsed.public_key(), 1, now, now + timedelta(days=1))
    named = x509.SubjectAlternativeName([x509.DNSName("www.example.test")])
    return builder.add_extension(named, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


async def test_a_directory_that_takes_its_time_is_asked_when_it_says(world, account, proxy):
    """It works on the order, and names a time: within our patience that is waited for, else it is the next attempt."""
    times, waits = [], ["1", "7200"]

    async def working(request, body):
        if not request.path.startswith("/my-order/") or not waits:
            return None
        answer = await proxy._passed_on(request, body)
        if answer.status == 200:
            nonce = answer.headers["Replay-Nonce"]
            told = {**json.loads(answer.body), "status": "pending"}
            answer = web.json_response(told, headers={"Replay-Nonce": nonce, "Retry-After": waits.pop(0)})
            times.append(clock.elapsed())
        return answer

    proxy.rules.append(working)
    answer = await world.ask(order())
    assert (answer.result["status"], answer.result["problem"].type) == ("pending", Trouble.SLOW)
    assert times[1] - times[0] >= 1.0
    assert answer.result["next_attempt"] - clock.now() > timedelta(minutes=119)


async def test_a_certificate_for_another_key_is_not_taken(world, account, proxy):
    """Somebody who has the account's key finalizes the order first: what comes is not ours."""
    first = await world.ask(order("first"))
    assert first.result["status"] == "issued"
    proxy.once("/certZ", lambda: web.Response(body=directory_chain(proxy)))
    answer = await world.ask(order("second"))
    assert (answer.result["status"], answer.result["problem"].type) == ("pending", Trouble.MALFORMED)


def directory_chain(proxy):
    return proxy.pebble.management("/roots/0")
