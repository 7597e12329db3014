"""tls-alpn-01 through a real directory that looks at port 443, and what others see who look there."""

import asyncio
import contextlib
import functools
import hashlib
import ipaddress
import ssl

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.acme import tls_alpn_listener
from es_pki.adapters.acme.client_hello import ClientHello, HelloMalformed, read
from es_pki.adapters.acme.tls_alpn_listener import TLSALPNListener
from es_pki.adapters.http import server
from es_pki.adapters.intake.requests import AbandonACMEOrder, PlaceACMEOrder
from es_pki.values.acme import ChallengeType, server_name
from tests import openssl
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World

CUT_AFTER_PRESENTED = 3
"""The append that records that a challenge is answered, of an order with one name."""


@pytest.fixture
async def listening_by_tls(world, directory):
    """A listener where the directory looks, of somebody who knows only the log."""
    other = World(world.log, world.keys._store)
    listener = TLSALPNListener(other.acme.tls_alpn_01, server.bind("127.0.0.1", directory.tls_port))
    await listener.start()
    yield directory.tls_port
    await listener.close()


@pytest.fixture
async def port(world, directory, listening_by_tls):
    """The listener's port, for an account that is open."""
    await world.ask(registration(directory))
    return listening_by_tls


def order(name, *dns_names, **changes):
    names = () if changes.get("ip_addresses") else dns_names or (f"{name}.example.test",)
    return PlaceACMEOrder(name, "pebble", dns_names=names, challenge=ChallengeType.TLS_ALPN_01, **changes)


async def held(world, request):
    """Place an order in a process that dies when its challenge is answered; return the order's id."""
    broken = World(Failing(world.log, {"append"}, CUT_AFTER_PRESENTED, after=True), world.keys._store)
    with pytest.raises(Fault):
        await broken.ask(request)
    await broken.acme.close()
    return await world.aggregates.owner(f"certificate_name-{request.name}")


async def seen_at(port, name, *options):
    """Return what openssl says about a handshake for a name."""
    command = ("s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *options)
    return await asyncio.to_thread(openssl.said, *command)


BY_PROTOCOL = ("-alpn", "acme-tls/1")


async def test_names_and_addresses_are_proved_by_tls(world, port):
    issued = (await world.ask(order("www", "www.example.test", "WWW2.example.test"))).result
    assert issued["status"] == "issued", issued["problem"]
    issued = (await world.ask(order("address", ip_addresses=("127.0.0.1",)))).result
    assert issued["status"] == "issued", issued["problem"]
    assert "IP Address:127.0.0.1" in openssl.text_of(str(issued["certificate_pem"]))
    assert (await world.examine()).findings == []


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_the_certificate_says_one_name_and_the_digest_of_the_answer_and_no_more(world, port, version):
    order_id = await held(world, order("cut", "cut.example.test"))
    shown = await seen_at(port, "CUT.example.test", *BY_PROTOCOL, version)
    assert "ALPN protocol: acme-tls/1" in shown
    answer = await world.acme.tls_alpn_01.answer_for("cut.example.test")
    assert answer.order_id == order_id
    certificate = x509.load_pem_x509_certificate(shown.encode())
    extensions = {extension.oid.dotted_string: extension for extension in certificate.extensions}
    assert set(extensions) == {"1.3.6.1.5.5.7.1.31", "2.5.29.17"}
    answered = extensions["1.3.6.1.5.5.7.1.31"]
    digest = hashlib.sha256(answer.key_authorization.encode()).digest()
    assert (answered.critical, answered.value.public_bytes()) == (True, b"\x04\x20" + digest)
    assert list(extensions["2.5.29.17"].value) == [x509.DNSName("cut.example.test")]


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
async def test_an_address_is_asked_for_by_its_reverse_name(world, port, address):
    await held(world, order("address", ip_addresses=(address,)))
    shown = await seen_at(port, ipaddress.ip_address(address).reverse_pointer, *BY_PROTOCOL)
    assert _listed(shown) == [x509.IPAddress(ipaddress.ip_address(address))]


def _listed(pem):
    """Return the names of a certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


@pytest.mark.parametrize(
    ("name", "options", "alert"),
    [
        ("other.example.test", BY_PROTOCOL, "unrecognized name"),
        ("cut.example.test", ("-alpn", "http/1.1"), "no application protocol"),
        ("cut.example.test", (), "no application protocol"),
        ("cut.example.test", (*BY_PROTOCOL, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "protocol version"),
    ],
)
async def test_nobody_else_sees_a_certificate(world, port, name, options, alert):
    await held(world, order("cut", "cut.example.test"))
    shown = await seen_at(port, name, *options)
    assert alert in shown
    assert "BEGIN CERTIFICATE" not in shown


async def test_what_is_over_is_answered_no_more(world, port):
    await held(world, order("cut", "cut.example.test"))
    assert "BEGIN CERTIFICATE" in await seen_at(port, "cut.example.test", *BY_PROTOCOL)
    await world.ask(AbandonACMEOrder("cut"))
    assert "unrecognized name" in await seen_at(port, "cut.example.test", *BY_PROTOCOL)


async def test_an_order_waits_while_another_one_answers_for_the_name(world, port):
    first = await held(world, order("first", "same.example.test"))
    waiting = (await world.ask(order("second", "same.example.test"))).result
    assert (waiting["status"], "same.example.test" in waiting["problem"].detail) == ("pending", True)
    assert waiting["next_attempt"] is not None
    assert (await world.acme.orders.advance(first)).version == 1
    assert (await world.examine()).findings == []


@pytest.mark.parametrize("after", [True, False], ids=["after it is recorded", "before it is recorded"])
@pytest.mark.parametrize("number", range(2, 9))
async def test_an_order_that_is_cut_short_at_any_step_is_finished(world, port, number, after):
    broken = World(Failing(world.log, {"append"}, number, after=after), world.keys._store)
    with pytest.raises(Fault):
        await broken.ask(order("cut", f"cut-{number}-{after}.example.test"))
    await broken.acme.close()
    again = World(world.log, world.keys._store)
    state = await again.acme.orders.advance(await again.aggregates.owner("certificate_name-cut"))
    assert (state.version, state.left_behind) == (1, ())
    assert await again.acme.tls_alpn_01.answer_for(f"cut-{number}-{after}.example.test") is None
    await again.acme.close()


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\x00\x04\x02abc", b"\x16"]
)
async def test_whoever_speaks_no_tls_is_sent_away(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_whoever_says_nothing_is_left_after_a_while(port, monkeypatch):
    monkeypatch.setattr(tls_alpn_listener, "PATIENCE_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()


async def test_a_crowd_is_sent_away_and_others_are_answered_when_it_has_gone(port, monkeypatch):
    monkeypatch.setattr(tls_alpn_listener, "MOST_CONNECTIONS", 2)
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    for _, each in (*waiting, (reader, writer)):
        each.close()
        with contextlib.suppress(OSError):
            await each.wait_closed()
    assert "unrecognized name" in await seen_at(port, "other.example.test", *BY_PROTOCOL)


@given(st.binary(max_size=300))
def test_no_octets_break_the_reader_in_another_way(body):
    with contextlib.suppress(HelloMalformed):
        assert isinstance(read(body), ClientHello)


@given(st.data())
def test_a_hello_that_is_cut_or_changed_is_read_or_refused(data):
    hello = bytearray(_hello())
    place = data.draw(st.integers(0, len(hello) - 1))
    hello[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(hello)))
    with contextlib.suppress(HelloMalformed):
        assert isinstance(read(bytes(hello[:cut])), ClientHello)


def test_a_hello_is_read_as_its_sender_meant_it():
    assert read(_hello()) == ClientHello("www.example.test", ("acme-tls/1", "h2"))


@functools.cache
def _hello():
    """Return the body of the ClientHello that OpenSSL sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["acme-tls/1", "h2"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="WWW.example.test").do_handshake()
    return outgoing.read()[9:]


def test_dns_names_stand_for_themselves():
    assert server_name("www.example.test") == "www.example.test"
    assert server_name("192.0.2.7") == "7.2.0.192.in-addr.arpa"
