"""Renewals at a real directory: on demand and by themselves, by its suggestion or by the lifetime, after failures."""

from datetime import timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters import clock
from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.intake.deciders import ACME_ORDER, ACME_RENEWAL
from es_pki.adapters.intake.requests import (
    DeleteCertificate,
    RenewACME,
    SelfSignCertificate,
)
from es_pki.commands.acme_order import ACMEOrderUnderWay
from es_pki.commands.acme_renewal import NotObtainedByACME
from es_pki.commands.refusals import Malformed
from es_pki.values import KeyType
from tests import pebble
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import versions_of
from tests.adapters.acme.renewing import account_of, suggesting


@pytest.fixture(scope="module")
def directory():
    """A running Pebble that forgets that a name was proved."""
    with pebble.running(PEBBLE_AUTHZREUSE="0") as running:
        yield running


async def test_a_renewal_makes_the_next_version_with_a_new_key(world, ordered):
    answer = await world.ask(RenewACME("www"))
    assert (answer.result["status"], answer.result["version"]) == ("issued", 2)
    first, second = (await versions_of(world, ordered)).values()
    assert first.prepared.public_key_hash != second.prepared.public_key_hash
    assert second.prepared.subject_alt_names == first.prepared.subject_alt_names
    assert (await world.examine()).findings == []


async def test_a_key_is_used_again_only_when_that_is_asked_for(world, ordered):
    answer = await world.ask(RenewACME("www", reuse_key=True))
    assert answer.result["status"] == "issued"
    first, second = (await versions_of(world, ordered)).values()
    assert first.prepared.key_id == second.prepared.key_id
    with pytest.raises(Malformed):
        await world.ask(RenewACME("www", reuse_key=True, key_type=KeyType.EC_P384))


async def test_only_what_came_from_a_directory_is_ordered_again(world, ordered):
    await world.ask(SelfSignCertificate("own", dns_names=("own.example.test",)))
    with pytest.raises(NotObtainedByACME):
        await world.ask(RenewACME("own"))


async def test_a_certificate_is_renewed_once_at_a_time(world, ordered, proxy):
    proxy.once("/order-plz", problem("serverInternal", status=500))
    assert (await world.ask(RenewACME("www"))).result["status"] == "pending"
    with pytest.raises(ACMEOrderUnderWay):
        await world.ask(RenewACME("www"))


async def test_without_a_suggestion_the_lifetime_decides(world, ordered, looking):
    await looking.look()
    row = await looking.row()
    first = (await versions_of(world, ordered))[1].prepared
    life = first.not_after - first.not_before
    assert row.window_start <= row.planned_at <= row.window_end
    assert abs(row.window_start - (first.not_before + life * 2 / 3)) < timedelta(seconds=2)
    await looking.look(3)
    assert (await looking.row()).planned_at == row.planned_at
    assert len(await versions_of(world, ordered)) == 1


async def test_the_moment_comes_and_the_certificate_is_renewed(world, ordered, looking):
    await looking.look()
    await looking.at((await looking.row()).planned_at - timedelta(minutes=1))
    await looking.look(2)
    assert len(await versions_of(world, ordered)) == 1
    await looking.at((await looking.row()).planned_at + timedelta(minutes=1))
    await looking.look()
    assert len(await versions_of(world, ordered)) == 2
    await looking.at(clock.now())
    await looking.look(2)
    assert len(await versions_of(world, ordered)) == 2
    assert (await looking.row()).version == 2


async def test_what_the_directory_suggests_is_followed_and_told_in_the_order(world, ordered, looking, proxy):
    now = clock.now()
    suggesting(proxy, now - timedelta(days=1), now - timedelta(hours=1))
    directory = world.acme.directories.transport((await account_of(world)).state)
    await directory.directory(afresh=True)
    proxy.once("/order-plz", problem("alreadyReplaced", "another order replaces it", status=409))
    await looking.look()
    assert (await looking.row()).problem is None
    certificate = (await versions_of(world, ordered))[1].certificate
    (asked, *_) = [path for path in proxy.done if path.startswith("/renewal-info/")]
    assert asked.removeprefix("/renewal-info/") == ari_identifier(certificate)
    order_id = (await versions_of(world, ordered))[2].prepared.order_id
    order = (await world.aggregates.load(ACME_ORDER, order_id)).state
    assert order.placed.replaces == ari_identifier(certificate)


async def test_a_suggestion_is_asked_for_as_often_as_the_directory_wants(world, ordered, looking, proxy):
    start = clock.now() + timedelta(days=20)
    suggesting(proxy, start, start + timedelta(days=1), **{"Retry-After": "7200"})
    await world.acme.directories.transport((await account_of(world)).state).directory(afresh=True)
    await looking.look(3)
    row = await looking.row()
    assert (row.suggested, row.explanation) == (True, "https://a.test/why")
    assert start <= row.planned_at + timedelta(seconds=1) <= start + timedelta(days=1, seconds=1)
    assert proxy.count("/renewal-info/") == 1
    looking.time.ahead = timedelta(hours=2, minutes=1)
    await looking.look()
    assert proxy.count("/renewal-info/") == 2


@pytest.mark.parametrize("info", ["<html>", '{"suggestedWindow": {"start": "tomorrow", "end": "later"}}'])
async def test_a_suggestion_that_makes_no_sense_is_none(world, ordered, looking, proxy, info):
    proxy.further["renewalInfo"] = proxy.url.replace("/dir", "/renewal-info")
    proxy.once("/renewal-info/", lambda: web.Response(text=info), times=99)
    await world.acme.directories.transport((await account_of(world)).state).directory(afresh=True)
    await looking.look()
    row = await looking.row()
    assert row.planned_at is not None
    assert not row.suggested


async def test_a_deleted_certificate_is_renewed_no_more(world, ordered, looking):
    await looking.look()
    planned = (await looking.row()).planned_at
    await world.ask(DeleteCertificate("www"))
    await looking.at(planned)
    await looking.look(2)
    assert len(await versions_of(world, ordered)) == 1
    state = (await world.aggregates.load(ACME_RENEWAL, ordered)).state
    assert state.failure is None
    with pytest.raises(IndexError):
        await looking.row()


def test_a_certificate_is_known_to_its_directory_by_its_authority_and_serial_number():
    """The example of RFC 9773 section 4.1."""
    key_id = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4".lower())
    number = bytes.fromhex("0087654321")
    assert ari_identifier(made_with(key_id, int.from_bytes(number, "big"))) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def made_with(key_id: bytes, serial_number: int) -> bytes:
    """Return a DER certificate with this authority key identifier and serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial_number, clock.now(), clock.now())
    identifier = x509.AuthorityKeyIdentifier(key_id, None, None)
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
