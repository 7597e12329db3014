"""CRLs as they are published: at once, complete and delta, through crashes, by any process, again from the log."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from cryptography import x509

from es_pki.adapters import clock
from es_pki.adapters.crls import CRLPlan, Maker, Publisher
from es_pki.adapters.crls.again import made_again
from es_pki.adapters.intake import key_compromise
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, REVOCATION_LIST
from es_pki.adapters.intake.requests import (
    HoldCertificate,
    IssueCertificate,
    IssueCRL,
    ReleaseCertificate,
    ReportKeyCompromise,
    RevokeAuthority,
    RevokeCertificate,
)
from es_pki.adapters.lease import FileLease
from es_pki.adapters.recorded import happened
from es_pki.commands.reactions import RevokeKeyUses
from es_pki.commands.revocation_list import list_id
from es_pki.events.revocation_list import CRLIssued, CRLPrepared
from es_pki.values import CRLReason
from tests.adapters.crls.conftest import SHARDS, locations
from tests.world import ALICE, Fault

PATIENCE = 20


def publisher_of(world, folder, *, plan=None, now=clock.now, file=None):
    maker = Maker(world.aggregates, world.keys, locations, plan or CRLPlan())
    return Publisher(world.log, maker, FileLease(folder / "crls.lock"), now, file)


@contextlib.asynccontextmanager
async def publishing(world, folder, *, leads=True, **options):
    """Run a publisher while the context lasts; `leads`: it has the lease."""
    publisher = publisher_of(world, folder, **options)
    if leads:
        await publisher._lease.acquire()
    running = asyncio.ensure_future(publisher.run())
    try:
        assert await publisher.reached(PATIENCE)
        yield publisher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await publisher._lease.release()


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def issuing_list(world, shard=0, name="intermediate"):
    return list_id(await world.aggregates.owner(f"authority_name-{name}"), shard)


async def issued(world, name):
    answer = await world.ask(IssueCertificate(name=name, authority="intermediate", dns_names=("www.example.test",)))
    return int(answer.result["serial_number"], 16)


def serials(der):
    return {one.serial_number for one in x509.load_der_x509_crl(der)}


def reason_of(der, serial_number):
    revoked = x509.load_der_x509_crl(der).get_revoked_certificate_by_serial_number(serial_number)
    return revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason.value


def number_of(der):
    crl = x509.load_der_x509_crl(der)
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


async def prepared_numbers(world, aggregate_id):
    records = await world.log.read_stream(REVOCATION_LIST.stream(aggregate_id))
    events = [happened(record).event for record in records]
    return [event.crl_number for event in events if isinstance(event, CRLPrepared)]


async def test_a_revocation_is_published_at_once(world, tmp_path):
    aggregate_id, number = await issuing_list(world), await issued(world, "www")
    async with publishing(world, tmp_path) as publisher:
        first = publisher.made(aggregate_id)
        assert serials(first.complete) == set()
        await world.ask(RevokeCertificate("www", reason=CRLReason.SUPERSEDED))
        await until(lambda: serials(publisher.made(aggregate_id).complete) == {number})
        assert reason_of(publisher.made(aggregate_id).complete, number) == "superseded"
    assert (await world.examine()).findings == []


async def test_what_is_revoked_within_a_moment_is_published_together(world, tmp_path):
    aggregate_id = await issuing_list(world)
    numbers = {await issued(world, f"www-{n}") for n in range(20)}
    async with publishing(world, tmp_path) as publisher:
        before = len(await prepared_numbers(world, aggregate_id))
        await asyncio.gather(*(world.ask(RevokeCertificate(f"www-{n}")) for n in range(20)))
        await until(lambda: serials(publisher.made(aggregate_id).complete) == numbers)
        assert len(await prepared_numbers(world, aggregate_id)) - before <= 5


async def test_a_hold_ends_in_the_next_crl_and_the_delta_says_so(world, tmp_path):
    aggregate_id, number = await issuing_list(world), await issued(world, "www")
    async with publishing(world, tmp_path) as publisher:
        await world.ask(HoldCertificate("www"))
        await until(lambda: serials(publisher.made(aggregate_id).complete) == {number})
        made = publisher.made(aggregate_id)
        assert reason_of(made.complete, number) == reason_of(made.delta, number) == "certificateHold"
        await world.ask(ReleaseCertificate("www"))
        await until(lambda: serials(publisher.made(aggregate_id).complete) == set())
        assert reason_of(publisher.made(aggregate_id).delta, number) == "removeFromCRL"
        await world.ask(RevokeCertificate("www", reason=CRLReason.SUPERSEDED))
        await until(lambda: serials(publisher.made(aggregate_id).complete) == {number})
        assert reason_of(publisher.made(aggregate_id).delta, number) == "superseded"


async def test_base_and_delta_make_the_complete_crl(world, tmp_path):
    aggregate_id = await issuing_list(world)
    for name in ("a", "b", "c"):
        await issued(world, name)
    await world.ask(HoldCertificate("a"))
    async with publishing(world, tmp_path, plan=CRLPlan()) as publisher:
        base = publisher.made(aggregate_id)
        for request in (RevokeCertificate("b"), ReleaseCertificate("a"), HoldCertificate("c")):
            before = number_of(publisher.made(aggregate_id).complete)
            await world.ask(request)
            await until(lambda before=before: number_of(publisher.made(aggregate_id).complete) > before)
        made = publisher.made(aggregate_id)
        delta = x509.load_der_x509_crl(made.delta)
        indicator = delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
        assert indicator.critical
        assert indicator.value.crl_number <= number_of(base.complete)
        assert number_of(made.delta) == number_of(made.complete)
        removed = {one.serial_number for one in delta if reason_is_removal(one)}
        together = (serials(base.complete) | serials(made.delta)) - removed
        assert together == serials(made.complete)


def reason_is_removal(revoked):
    with contextlib.suppress(x509.ExtensionNotFound):
        reason = revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason
        return reason is x509.ReasonFlags.remove_from_crl
    return False


async def test_a_certificate_belongs_to_the_list_that_it_names(world, tmp_path):
    world.desk._office = type(world.desk._office)(
        *(
            locations if field == "locations" else getattr(world.desk._office, field)
            for field in world.desk._office.__struct_fields__
        )
    )
    number = await issued(world, "www")
    shard = number % SHARDS + 1
    async with publishing(world, tmp_path, plan=CRLPlan(shards=SHARDS)) as publisher:
        await publisher.look()
        await world.ask(RevokeCertificate("www"))
        for each in (0, shard):
            aggregate_id = await issuing_list(world, each)
            await until(lambda of=aggregate_id: publisher.made(of) and serials(publisher.made(of).complete) == {number})
        await until(lambda: publisher.due == 0)
        other = publisher.made(await issuing_list(world, shard % SHARDS + 1))
        assert serials(other.complete) == set()
        mine = x509.load_der_x509_crl(publisher.made(await issuing_list(world, shard)).complete)
    scope = mine.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    (point,) = await named_in(world, "www")
    assert (scope.critical, [name.value for name in scope.value.full_name]) == (True, [point])
    assert point.endswith(f"/crl/{shard}")


async def named_in(world, name):
    owner = await world.aggregates.owner(f"certificate_name-{name}")
    served = (await world.aggregates.load(CERTIFICATE, owner)).state.served
    certificate = x509.load_der_x509_certificate(served.certificate)
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return [name.value for point in points for name in point.full_name]


async def test_what_has_expired_leaves_after_one_more_crl(world, tmp_path):
    aggregate_id = await issuing_list(world)
    short = IssueCertificate(name="www", authority="intermediate", dns_names=("a.test",), validity_days=1)
    number = int((await world.ask(short)).result["serial_number"], 16)
    await world.ask(RevokeCertificate("www"))
    found = []
    for days in (0, 2, 4):
        plan = CRLPlan(overlap=timedelta(days=7))
        late = publisher_of(world, tmp_path, plan=plan, now=lambda days=days: clock.now() + timedelta(days=days))
        await late._lease.acquire()
        running = asyncio.ensure_future(late.run())
        assert await late.reached(PATIENCE)
        before = number_of(late.made(aggregate_id).complete)
        await late.look()
        await until(lambda late=late, before=before: number_of(late.made(aggregate_id).complete) > before)
        found.append(serials(late.made(aggregate_id).complete))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await late._lease.release()
    assert found == [{number}, {number}, set()]


async def test_the_next_crl_comes_before_the_end_of_the_newest_and_the_last_ends_with_its_issuer(world, tmp_path):
    aggregate_id = await issuing_list(world)
    state = (await world.aggregates.load(AUTHORITY, await world.aggregates.owner("authority_name-intermediate"))).state
    for now, issued_then in (
        (clock.now() + timedelta(days=5), 0),
        (clock.now() + timedelta(days=6, minutes=1), 1),
        (state.prepared.not_after - timedelta(hours=1), 1),
        (state.prepared.not_after - timedelta(minutes=50), 0),
        (state.prepared.not_after + timedelta(minutes=1), 0),
    ):
        before = len(await prepared_numbers(world, aggregate_id))
        async with publishing(world, tmp_path, now=lambda now=now: now) as publisher:
            await publisher.look()
            await until(lambda publisher=publisher: publisher.due == 0)
        assert len(await prepared_numbers(world, aggregate_id)) - before == issued_then


async def test_a_crl_that_was_cut_short_is_signed_after_a_restart_under_its_number(world, tmp_path, monkeypatch):
    aggregate_id, number = await issuing_list(world), await issued(world, "www")
    await world.ask(RevokeCertificate("www"))

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(Maker, "sign", killed)
        maker = Maker(world.aggregates, world.keys, locations, CRLPlan())
        await maker.prepare(aggregate_id, clock.now(), request_id="torn", actor="alice")
    before, torn_number = await prepared_numbers(world, aggregate_id)
    async with publishing(world, tmp_path, leads=False) as publisher:
        assert number_of(publisher.made(aggregate_id).complete) == before
        assert publisher.due == 1
    async with publishing(world, tmp_path) as publisher:
        await until(lambda: number_of(publisher.made(aggregate_id).complete) == torn_number)
        assert serials(publisher.made(aggregate_id).complete) == {number}
    assert (await prepared_numbers(world, aggregate_id))[-1] == torn_number
    assert (await world.examine()).findings == []


async def test_every_crl_is_made_again_byte_for_byte(world, tmp_path):
    aggregate_id, kept = await issuing_list(world), []
    async with publishing(world, tmp_path) as publisher:
        kept.append(publisher.made(aggregate_id))
        for name in ("a", "b", "c"):
            await issued(world, name)
            await world.ask(RevokeCertificate(name) if name != "b" else HoldCertificate(name))
            before = kept[-1].prepared.crl_number
            await until(lambda before=before: publisher.made(aggregate_id).prepared.crl_number > before)
            kept.append(publisher.made(aggregate_id))
    for made in kept:
        again = await made_again(world.log, publisher.maker, aggregate_id, made.prepared.crl_number)
        assert (again.complete, again.delta) == (made.complete, made.delta)
    assert await made_again(world.log, publisher.maker, aggregate_id, 7) is None


async def test_a_process_that_does_not_lead_serves_the_same_bytes(world, tmp_path):
    aggregate_id, number = await issuing_list(world), await issued(world, "www")
    async with publishing(world, tmp_path) as leader, publishing(world, tmp_path, leads=False) as other:
        await world.ask(RevokeCertificate("www"))
        await until(lambda: serials(other.made(aggregate_id).complete) == {number})
        await until(lambda: other.made(aggregate_id) == leader.made(aggregate_id))
        assert other.due == 0


async def test_crls_are_issued_on_demand_and_their_numbers_grow(world, tmp_path):
    async with publishing(world, tmp_path):
        answers = [await world.ask(IssueCRL("intermediate")) for _ in range(3)]
    numbers = [crl["crl_number"] for answer in answers for crl in answer.result["crls"]]
    assert numbers == sorted(set(numbers))


async def test_a_compromised_authority_signs_no_crl_and_a_revoked_one_does(world, tmp_path):
    async with publishing(world, tmp_path) as publisher:
        await world.ask(RevokeAuthority("intermediate", reason=CRLReason.CESSATION_OF_OPERATION))
        of_root = await issuing_list(world, name="root")
        await until(lambda: len(serials(publisher.made(of_root).complete)) == 1)
        await world.ask(IssueCRL("intermediate"))
        await world.ask(ReportKeyCompromise("stolen", authority="root"))
        before = await prepared_numbers(world, of_root)
        await publisher.look()
        assert await prepared_numbers(world, of_root) == before
        assert publisher.due == 0


async def test_alice_is_named_as_who_asked(world, tmp_path):
    async with publishing(world, tmp_path):
        await world.ask(IssueCRL("root"))
    records = await world.log.read_stream(REVOCATION_LIST.stream(await issuing_list(world, name="root")))
    told = [(type(happened(record).event), happened(record).actor) for record in records]
    assert told[-2:] == [(CRLPrepared, ALICE.name), (CRLIssued, "es-pki")]


async def test_the_reactions_revoke_what_uses_a_key_whose_report_was_cut_short(world, monkeypatch):
    await issued(world, "www")

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(key_compromise, "revoke_uses", killed)
        with pytest.raises(Fault):
            await world.ask(ReportKeyCompromise("stolen", certificate="www"))
    owner = await world.aggregates.owner("certificate_name-www")
    of_key = (await world.aggregates.load(CERTIFICATE, owner)).state.served.prepared.public_key_hash
    for _ in range(2):
        await world.performer.perform(RevokeKeyUses(of_key))
        served = (await world.aggregates.load(CERTIFICATE, owner)).state.served
        assert served.revoked.reason is CRLReason.KEY_COMPROMISE
