"""Renewals at a real directory: on demand and by themselves, by its suggestion or by the lifetime, after failures."""

import json
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters import clock
from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.acme.renewals import Renewals
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, ACME_RENEWAL
from es_pki.adapters.intake.requests import (
    DeactivateACMEAccount,
    DeleteCertificate,
    PlaceACMEOrder,
    RenewACME,
    ReportKeyCompromise,
    RevokeCertificate,
    RollBackCertificate,
    SelfSignCertificate,
)
from es_pki.adapters.views import Query
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.acme_order import ACMEOrderUnderWay
from es_pki.commands.acme_renewal import NotObtainedByACME
from es_pki.commands.refusals import Malformed
from es_pki.projections import acme_renewals, inventory
from es_pki.values import CRLReason, KeyType
from es_pki.values.acme import ACME_REFUSED_HERE
from tests import pebble
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import versions_of


@pytest.fixture(scope="module")
def directory():
    """A running Pebble that forgets that a name was proved."""
    with pebble.running(PEBBLE_AUTHZREUSE="0") as running:
        yield running


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead


class Looking:
    """The renewals of a world, on views that are brought up to date before each look."""

    def __init__(self, world, views) -> None:
        self.world, self.views, self.time = world, views, Clock()
        self.renewals = Renewals(world.aggregates, views, world.acme.directories, world.desk.take, self.time)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await rebuild(self.world.log, self.views, inventory.view)
            await self.renewals.look()
            await self.renewals.settle()

    async def row(self, name: str = "www"):
        await rebuild(self.world.log, self.views, acme_renewals.view)
        found = await self.views.find(acme_renewals.view, Query(filters={"name": name}))
        return found.rows[0]

    async def at(self, moment: datetime) -> None:
        self.time.ahead = moment - clock.now()


@pytest.fixture
async def looking(world, tmp_path):
    views = await SQLiteViews.open(tmp_path / "views.db")
    looking = Looking(world, views)
    yield looking
    await looking.renewals.close()
    await views.close()


def suggesting(proxy, start, end, **headers):
    """Have the directory suggest a window, whatever certificate it is asked about."""
    proxy.further["renewalInfo"] = proxy.url.replace("/dir", "/renewal-info")
    told = {
        "suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()},
        "explanationURL": "https://a.test/why",
    }

    async def rule(request, _body):
        if request.path.startswith("/renewal-info/"):
            proxy.done.append(request.path)
            return web.json_response(told, headers=headers)
        return None

    proxy.rules.insert(0, rule)


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


async def account_of(world):
    account_id = await world.aggregates.owner("acme_account_name-pebble")
    return await world.aggregates.load(ACME_ACCOUNT, account_id)


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


async def named(world, name):
    return await world.aggregates.owner(f"certificate_name-{name}")


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
