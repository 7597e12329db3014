"""Lineages on real stores: renewed through a crash, renamed, deleted, and what the examination says of all that."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.adapters import clock
from es_pki.adapters.examination import examine
from es_pki.adapters.intake.first_run import FirstRun
from es_pki.adapters.intake.office import OWN_CERTIFICATE
from es_pki.adapters.intake.requests import (
    DeleteCertificate,
    ExportCertificate,
    IssueCertificate,
    RenameCertificate,
    RenewCertificate,
    RollBackCertificate,
    SelfSignCertificate,
)
from es_pki.adapters.recorded import happened
from es_pki.adapters.signing import Signer
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.certificate import CertificateMissing
from es_pki.commands.lineage import AlreadyDeleted, CertificateInUse
from es_pki.commands.refusals import NameTaken
from es_pki.events import codec
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    PrivateKeyExported,
    PrivateKeysDiscarded,
)
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values import ExportFormat
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests.world import Failing, Fault, Reacting, World, open_keys

PATIENCE = 20
WWW = IssueCertificate(name="www", authority="intermediate", dns_names=("www.example.test",))


@pytest.fixture
async def world(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    await world.keys.close()
    await log.close()


async def key_ids(world):
    """Return the ids of the certificates' keys that are in the key store."""
    return [entry.key_id for entry in await world.keys._store.entries() if entry.purpose == "certificate"]


async def is_whole(world):
    examination = await world.examine()
    assert (examination.findings, examination.outstanding) == ([], {})


async def test_a_renewal_that_was_cut_short_is_signed_when_it_is_asked_for_again(world, monkeypatch):
    await world.ask(WWW)

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(Signer, "sign_certificate", killed)
        with pytest.raises(Fault):
            await world.ask(RenewCertificate("www"), "renewal")
    ((_, prepared),) = (await world.examine()).outstanding.items()
    assert prepared.version == 2
    answer = await world.ask(RenewCertificate("www"), "renewal")
    assert (answer.result["version"], len(answer.events)) == (2, 1)
    assert await world.ask(RenewCertificate("www"), "renewal") == replace(answer, events=())
    await is_whole(world)


async def test_the_reactions_sign_a_renewal_that_another_process_prepared(world, tmp_path, monkeypatch):
    await world.ask(WWW)
    elsewhere = World(world.log, world.keys._store)

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(Signer, "sign_certificate", killed)
        with pytest.raises(Fault):
            await elsewhere.ask(RenewCertificate("www"))

    async def done():
        return not (await world.examine()).outstanding

    await react_until(world, tmp_path, done)
    await is_whole(world)


async def react_until(world, tmp_path, done):
    """Run the reactions until something holds."""
    views = await SQLiteViews.open(tmp_path / "views.db")
    reacting = Reacting(world, views, tmp_path)
    await reacting.lease.acquire()
    running = asyncio.ensure_future(reacting.runner.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while not await done() or await reacting.runner.pending():
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await reacting.lease.release()
        await views.close()


async def test_the_first_answer_is_given_again_after_a_renewal(world):
    first = await world.ask(WWW, "issue")
    await world.ask(RenewCertificate("www"))
    again = await world.ask(WWW, "issue")
    assert again.result == first.result


async def test_a_deleted_certificates_keys_are_removed(world):
    await world.ask(WWW)
    await world.ask(RenewCertificate("www"))
    await world.ask(replace(WWW, name="other"))
    first, second, other = await key_ids(world)
    answer = await world.ask(DeleteCertificate("www"))
    assert await key_ids(world) == [other]
    last = (await world.log.read_stream(answer.stream))[-1]
    assert last.position == answer.position
    assert codec.decode(last.type, last.data) == PrivateKeysDiscarded((first, second))
    await is_whole(world)


async def test_keys_that_a_crash_left_are_removed_by_the_reactions(world, tmp_path, monkeypatch):
    answer = await world.ask(WWW)
    await world.ask(RenewCertificate("www"))
    await world.ask(replace(WWW, name="other"))
    kept = await key_ids(world)
    assert len(kept) == 3

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(world.keys, "discard", killed)
        with pytest.raises(Fault):
            await world.ask(DeleteCertificate("www"))
    assert await key_ids(world) == kept

    async def done():
        return len(await key_ids(world)) == 1

    await react_until(world, tmp_path, done)
    last = (await world.log.read_stream(answer.stream))[-1]
    assert codec.decode(last.type, last.data) == PrivateKeysDiscarded(tuple(kept[:2]))
    await is_whole(world)


async def test_a_released_name_may_be_had_by_another_certificate_which_may_release_it_too(world):
    ids = []
    for _ in range(3):
        ids.append((await world.ask(WWW)).result["certificate_id"])
        with pytest.raises(NameTaken):
            await world.ask(WWW)
        await world.ask(DeleteCertificate("www"))
        with pytest.raises(CertificateMissing):
            await world.ask(RenewCertificate("www"))
    assert len(set(ids)) == 3
    with pytest.raises(AlreadyDeleted):
        await world.ask(RenewCertificate(ids[0]))
    await is_whole(world)


async def test_a_former_name_leads_to_the_certificate_and_can_be_its_name_again(world):
    certificate_id = (await world.ask(WWW)).result["certificate_id"]
    await world.ask(RenameCertificate("www", "web"))
    with pytest.raises(NameTaken):
        await world.ask(WWW)
    assert (await world.ask(RenewCertificate("www"))).result["certificate_id"] == certificate_id
    back = await world.ask(RenameCertificate("web", "www"))
    assert (back.result["name"], back.result["aliases"]) == ("www", ("web",))
    await world.ask(RenameCertificate("www", "web", keep_former_name=False))
    assert (await world.ask(WWW)).result["certificate_id"] != certificate_id
    await is_whole(world)


async def test_a_name_is_never_taken_from_another_certificate(world):
    await world.ask(WWW)
    await world.ask(replace(WWW, name="web"))
    with pytest.raises(NameTaken):
        await world.ask(RenameCertificate("www", "web"))
    await is_whole(world)


async def test_two_who_want_a_released_name_at_once_do_not_both_get_it(world):
    await world.ask(WWW)
    await world.ask(DeleteCertificate("www"))
    elsewhere = World(world.log, world.keys._store)
    outcomes = await asyncio.gather(world.ask(WWW), elsewhere.ask(WWW), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Answer", "NameTaken"]
    await is_whole(world)


async def test_a_name_that_changed_hands_leads_to_its_new_owner_in_every_process(world):
    elsewhere = World(world.log, world.keys._store)
    await world.ask(WWW)
    await elsewhere.ask(RenewCertificate("www"))
    await world.ask(RenameCertificate("www", "web", keep_former_name=False))
    new = (await world.ask(WWW)).result["certificate_id"]
    assert (await elsewhere.ask(RenewCertificate("www"))).result["certificate_id"] == new


async def test_what_signs_for_itself_is_renewed_by_its_own_new_key(world):
    await world.ask(SelfSignCertificate(name="self", dns_names=("self.test",)))
    answer = await world.ask(RenewCertificate("self"))
    assert answer.result["version"] == 2
    await is_whole(world)


# es-pki's own certificate

HOSTS = frozenset({"pki.example.test"})
LOOPBACK = frozenset({"127.0.0.1"})


def first_run(world, now=clock.now):
    return FirstRun(world.desk, world.aggregates, world.signer, now)


async def own_versions(world, certificate_id):
    records = await world.log.read_stream(f"certificate-{certificate_id}")
    events = [happened(record).event for record in records]
    return [event for event in events if isinstance(event, CertificatePrepared)]


async def test_es_pkis_own_certificate_is_one_lineage_renewed_in_time_and_reissued_for_other_names(world):
    own = await first_run(world).server_certificate(HOSTS, LOOPBACK)
    assert await first_run(world).server_certificate(HOSTS, LOOPBACK) == own
    assert len(await own_versions(world, own)) == 1
    later = first_run(world, lambda: clock.now() + timedelta(days=61))
    assert await later.server_certificate(HOSTS, LOOPBACK) == own
    assert await later.server_certificate(HOSTS | {"nas.test"}, LOOPBACK) == own
    first, renewed, reissued = await own_versions(world, own)
    assert first.subject_alt_names == renewed.subject_alt_names
    assert set(reissued.subject_alt_names.dns_names) == HOSTS | {"nas.test"}
    await is_whole(world)


async def test_a_start_that_was_cut_short_while_renewing_is_gone_on_with(world, monkeypatch):
    own = await first_run(world).server_certificate(HOSTS, LOOPBACK)

    async def killed(*_arguments, **_options):
        raise Fault

    with monkeypatch.context() as torn:
        torn.setattr(Signer, "sign_certificate", killed)
        with pytest.raises(Fault):
            await world.ask(RenewCertificate(OWN_CERTIFICATE))
    again = World(world.log, world.keys._store)
    assert await first_run(again).server_certificate(HOSTS, LOOPBACK) == own
    assert len(await own_versions(world, own)) == 2
    await is_whole(world)


async def test_es_pkis_own_certificate_can_be_renamed_but_neither_deleted_nor_made_nameless(world):
    own = await first_run(world).server_certificate(HOSTS, LOOPBACK)
    for request in (
        DeleteCertificate(OWN_CERTIFICATE),
        RenameCertificate(OWN_CERTIFICATE, "api", keep_former_name=False),
    ):
        with pytest.raises(CertificateInUse) as caught:
            await world.ask(request)
        assert "es-pki itself" in caught.value.detail
    await world.ask(RenameCertificate(OWN_CERTIFICATE, "api"))
    assert await first_run(world).server_certificate(HOSTS, LOOPBACK) == own
    with pytest.raises(CertificateInUse):
        await world.ask(DeleteCertificate("api"))


# A key leaves

EXPORT = ExportCertificate("www", ExportFormat.PEM, "a passphrase of this test", "a move")


async def test_that_a_key_leaves_is_durable_before_the_key_is_even_read(world):
    answer = await world.ask(WWW)
    untouched = Failing(world.keys._store, {"get"}, 1, after=False)
    with pytest.raises(Fault, match="append"):
        await World(Failing(world.log, {"append"}, 1, after=False), untouched).ask(EXPORT)
    assert not untouched.failed
    with pytest.raises(Fault, match="get"):
        await World(world.log, untouched).ask(EXPORT)
    *_, last = await world.log.read_stream(answer.stream)
    assert last.type == "certificate.private_key_exported.v1"
    await is_whole(world)


# What can't be true is found

IMPOSSIBLE = [
    (CertificateRolledBack(3), "never issued"),
    (PrivateKeyExported(3, ExportFormat.PEM, "why", "", "id", b""), "was exported, which was never issued"),
    (CertificateIssued(7, b"der"), "version 7"),
    (CertificateRenamed("web", "never-its-name"), "it is called 'www'"),
    (CertificateRenamed("web", "www"), "not reserved with it"),
    (CertificateDeleted(names=("web",)), "other names than its own"),
    (CertificateDeleted(names=("www",)), "not released with it"),
    (CertificateDeleted(names=("www",), key_ids=("x",)), "other keys than its own"),
    (PrivateKeysDiscarded(("x",)), "not those of a deleted certificate"),
]


@pytest.mark.parametrize(("event", "problem"), IMPOSSIBLE, ids=[problem for _, problem in IMPOSSIBLE])
async def test_the_examination_finds_what_can_not_have_happened(world, event, problem):
    answer = await world.ask(WWW)
    await append(world, answer.stream, event)
    await append(world, "serial_number-x-01", NameReserved("x"))  # whatever follows shows what was left out before it
    await world.ask(replace(WWW, name="next"))
    assert any(problem in finding.problem for finding in (await world.examine()).findings)


async def test_the_examination_finds_a_version_left_out(world):
    answer = await world.ask(WWW)
    record = (await world.log.read_stream(answer.stream))[0]
    prepared = codec.decode(record.type, record.data)
    await append(world, answer.stream, replace(prepared, version=3))
    assert any("after version 1" in finding.problem for finding in (await examine(world.log)).findings)


async def test_the_examination_finds_names_released_or_reserved_by_nobody(world):
    await world.ask(WWW)
    for event in (NameReleased("x"), NameReserved("x"), NameReserved("y")):
        await append(world, "certificate_name-www", event)
    problems = " ".join(finding.problem for finding in (await world.examine()).findings)
    assert "didn't give it up" in problems
    assert "no use for it" in problems
    assert "reserved twice" in problems


async def append(world, stream, event):
    """Append an event behind es-pki's back."""
    version = len(await world.log.read_stream(stream))
    await world.log.append([Write(stream, version, (NewEvent(*codec.encode(event)),))])


async def test_rolling_back_changes_what_is_served(world):
    first = await world.ask(WWW)
    await world.ask(RenewCertificate("www"))
    answer = await world.ask(RollBackCertificate("www", 1))
    assert answer.result["current_version"] == 1
    renewed = await world.ask(RenewCertificate("www", reuse_key=True))
    assert renewed.result["version"] == 3
    versions = await own_versions(world, first.result["certificate_id"])
    assert versions[2].key_id == versions[0].key_id
    await is_whole(world)
