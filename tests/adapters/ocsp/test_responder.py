"""The responder on real stores: keys of every kind, its own renewal, and what it keeps."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus, load_der_ocsp_response

from es_pki.adapters import clock
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.first_run import ITSELF
from es_pki.adapters.intake.requests import (
    CreateAuthority,
    IssueCertificate,
    ReportKeyCompromise,
    RevokeCertificate,
    SignCSR,
)
from es_pki.adapters.ocsp import responder as module
from es_pki.adapters.ocsp.responder import Responder
from es_pki.commands.authority import AuthorityMissing
from es_pki.commands.ocsp_responder import CATEGORY
from es_pki.values import KeyType
from eventlog.memory import MemoryLog
from tests import ml_dsa, openssl
from tests.ocsp import check_delegate, question, question_about, read, together
from tests.world import Failing, Fault, World, open_keys

TRY_LATER, UNAUTHORIZED = OCSPResponseStatus.TRY_LATER, OCSPResponseStatus.UNAUTHORIZED
GOOD, REVOKED = OCSPCertStatus.GOOD, OCSPCertStatus.REVOKED
WWW = IssueCertificate(name="www", authority="intermediate", dns_names=("www.example.test",))


class Clock:
    """The time, some days ahead."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        """Return it."""
        return datetime.now(UTC) + self.ahead


class Asking:
    """A world, its responder, and its clock."""

    def __init__(self, world, now):
        self.world, self.now = world, now
        self.responder = Responder(world.log, world.aggregates, world.keys, self.certify, now)

    async def certify(self, authority_id):
        """Have an authority certify a responder if one is due."""
        await self.world.desk.certify_ocsp_responder(authority_id, Asked(ITSELF, self.now()))

    async def issued(self, request):
        """Have something issued."""
        return read((await self.world.ask(request)).result["certificate_pem"])

    async def authority_id(self, name="intermediate"):
        """Return an authority's id."""
        return await self.world.aggregates.owner(f"authority_name-{name}")

    async def answer(self, asked, authority="intermediate"):
        """Return the response to a request."""
        answer = await self.responder.answer(await self.authority_id(authority), asked)
        return load_der_ocsp_response(answer.body)

    async def keys(self):
        """Return the ids of the responders' keys that are in the key store."""
        return [entry.key_id for entry in await self.world.keys._store.entries() if entry.purpose == CATEGORY]

    async def following(self):
        """Follow the log until the task is cancelled; return it once it does."""
        task = asyncio.ensure_future(self.responder.run())
        while not self.responder._is_following:
            await asyncio.sleep(0)
        return task


@pytest.fixture
def now(monkeypatch):
    """The clock of `asking`."""
    ours = Clock()
    monkeypatch.setattr(clock, "now", ours)
    return ours


@pytest.fixture
async def asking(tmp_path, now):
    """A world with a responder."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    asking = Asking(World(log, keys), now)
    await asking.world.set_up()
    yield asking
    examination = await asking.world.examine()
    assert (examination.findings, examination.outstanding) == ([], {})
    await asking.world.keys.close()
    await log.close()


@pytest.mark.parametrize(
    "key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.EC_P521, KeyType.ED25519, KeyType.RSA_2048, *ml_dsa.KEYS]
)
async def test_authorities_of_every_key_type_have_delegates_that_answer(asking, csrs, key_type):
    authority = CreateAuthority(
        name="ca", subject={"common_name": "CA"}, issuer="root", key_type=KeyType(key_type), path_length=0
    )
    await asking.world.ask(authority)
    about = await asking.issued(SignCSR(name="www", authority="ca", csr=csrs["ec-p256"]))
    asked = question(about)
    response = await asking.answer(asked, "ca")
    check_delegate(response, about.issuer)
    assert response.certificate_status is GOOD
    (delegate,) = response.certificates
    assert type(delegate.public_key()) is type(about.issuer.public_key())


async def test_a_certificate_that_has_expired_is_answered_for_with_an_archive_cutoff(asking, now, tmp_path):
    about = await asking.issued(WWW)
    asked = question(about)
    assert "Archive Cutoff" not in await shown(asking, asked, tmp_path)
    now.ahead = timedelta(days=120)
    began = about.issuer.not_valid_before_utc
    assert f"OCSP Archive Cutoff: \n                {began:%b} {began.day:2} {began:%T %Y} GMT" in await shown(
        asking, asked, tmp_path
    )


async def shown(asking, asked, folder):
    """Return what openssl reads in the response to a request."""
    answer = await asking.responder.answer(await asking.authority_id(), asked)
    (folder / "response.der").write_bytes(answer.body)
    return openssl.run("ocsp", "-respin", str(folder / "response.der"), "-resp_text", "-noverify")


async def test_a_responder_is_followed_by_the_next_before_its_end_and_old_keys_go(asking, now):
    asked = question(await asking.issued(WWW))
    serials, kept = [], []
    for days in (0, 10, 21, 42, 63):
        now.ahead = timedelta(days=days)
        await asking.certify(await asking.authority_id())
        (delegate,) = (await asking.answer(asked)).certificates
        assert delegate.not_valid_after_utc - now() > timedelta(days=9)
        serials.append(delegate.serial_number)
        kept.append(len(await asking.keys()))
    assert serials[0] == serials[1]
    assert len(set(serials)) == 4
    assert kept == [1, 1, 2, 2, 2]


async def test_after_a_long_sleep_the_first_question_brings_a_new_responder(asking, now):
    asked = question(await asking.issued(WWW))
    (first,) = (await asking.answer(asked)).certificates
    now.ahead = timedelta(days=80)
    response = await asking.answer(asked)
    assert response.certificates[0].serial_number != first.serial_number
    assert response.certificates[0].not_valid_after_utc > now()


async def test_many_who_ask_first_get_one_responder(asking):
    asked, authority_id = question(await asking.issued(WWW)), await asking.authority_id()
    answers = await asyncio.gather(*(asking.responder.answer(authority_id, asked) for _ in range(20)))
    assert len({answer.body for answer in answers}) == 1
    assert len(await asking.keys()) == 1


async def test_two_servers_answer_by_the_same_responder(asking, now):
    other = Asking(World(asking.world.log, asking.world.keys._store), now)
    asked = question(await asking.issued(WWW))
    await asyncio.gather(asking.answer(asked), other.answer(asked))
    first, second = [await one.answer(asked) for one in (asking, other)]
    assert first.certificates == second.certificates
    assert len(await asking.keys()) == 1


async def test_a_revocation_by_another_server_shows_at_once_though_the_answer_was_kept(asking, now):
    other = Asking(World(asking.world.log, asking.world.keys._store), now)
    following = await other.following()
    asked = question(await asking.issued(WWW))
    assert (await other.answer(asked)).certificate_status is GOOD
    assert (await other.answer(asked)).certificate_status is GOOD
    assert other.responder.kept == 1
    await asking.world.ask(RevokeCertificate("www", reason="keyCompromise"))
    async with asyncio.timeout(20):
        while (await other.answer(asked)).certificate_status is GOOD:
            await asyncio.sleep(0)
    following.cancel()


async def test_an_answer_that_was_made_while_the_certificate_was_revoked_is_not_kept(asking, monkeypatch):
    following = await asking.following()
    asked = question(await asking.issued(WWW))
    await asking.answer(question(await asking.issued(IssueCertificate("b", "intermediate", dns_names=("b.test",)))))
    sign, waiting, revoked = asking.world.keys.sign, asyncio.Event(), asyncio.Event()

    async def slowly(*arguments, **options):
        if options["purpose"] == CATEGORY and not revoked.is_set():
            waiting.set()
            await revoked.wait()
        return await sign(*arguments, **options)

    monkeypatch.setattr(asking.world.keys, "sign", slowly)
    making = asyncio.ensure_future(asking.answer(asked))
    await waiting.wait()
    changes = asking.responder._changes
    await asking.world.ask(RevokeCertificate("www", reason="superseded"))
    while asking.responder._changes == changes:
        await asyncio.sleep(0)
    late = asyncio.ensure_future(asking.answer(asked))
    await asyncio.sleep(0)
    revoked.set()
    assert (await making).certificate_status is GOOD
    assert (await late).certificate_status is REVOKED
    assert (await asking.answer(asked)).certificate_status is REVOKED
    following.cancel()


async def test_nothing_is_kept_while_the_log_is_not_followed(asking):
    asked = question(await asking.issued(WWW))
    for _ in range(3):
        await asking.answer(asked)
    following = await asking.following()
    await asking.answer(asked)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await asking.answer(asked)
    assert asking.responder.kept == 0


async def test_more_than_can_be_signed_is_asked_to_try_later(asking, monkeypatch):
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 0)
    asked = question(await asking.issued(WWW), nonce=b"n" * 32)
    assert (await asking.answer(asked)).response_status is TRY_LATER


async def test_an_authority_whose_key_is_compromised_has_no_delegate(asking):
    about = await asking.issued(WWW)
    await asking.world.ask(ReportKeyCompromise(authority="intermediate", reason="stolen"))
    assert (await asking.answer(question(about))).response_status is UNAUTHORIZED


async def test_an_authority_that_can_have_no_delegate_is_tried_again_only_after_a_while(asking, now, monkeypatch):
    asked = question(await asking.issued(WWW))
    await asking.world.ask(ReportKeyCompromise(authority="intermediate", reason="stolen"))
    tried = []
    certify = asking.responder._certify

    async def counted(authority_id):
        tried.append(authority_id)
        await certify(authority_id)

    monkeypatch.setattr(asking.responder, "_certify", counted)
    for _ in range(5):
        await asking.answer(asked)
    now.ahead = timedelta(minutes=2)
    await asking.answer(asked)
    assert len(tried) == 2


async def test_a_responder_serves_until_its_end_when_none_can_follow_it(asking, now):
    asked = question(await asking.issued(WWW))
    (delegate,) = (await asking.answer(asked)).certificates
    await asking.world.ask(ReportKeyCompromise(authority="intermediate", reason="stolen"))
    now.ahead = delegate.not_valid_after_utc - now() - timedelta(hours=1)
    response = await asking.answer(asked)
    assert response.certificates == [delegate]
    assert response.next_update_utc <= delegate.not_valid_after_utc
    now.ahead += timedelta(hours=2)
    assert (await asking.answer(asked)).response_status is UNAUTHORIZED


async def test_an_authority_that_is_not_there_is_missing(asking):
    about = await asking.issued(WWW)
    with pytest.raises(AuthorityMissing):
        await asking.responder.answer("018f0000-0000-7000-8000-000000000009", question(about))


async def test_what_the_answers_said_is_counted(asking):
    following = await asking.following()
    about = await asking.issued(WWW)
    never = question_about(about.issuer, 5)
    for asked in (question(about), question(about), never, together([question(about), never]), b"nonsense"):
        await asking.answer(asked)
    assert asking.responder.answered == {"good": 3, "unknown": 2, "malformed_request": 1}
    assert asking.responder.kept == 1
    following.cancel()


async def test_a_responders_own_certificate_is_good(asking):
    about = await asking.issued(WWW)
    (delegate,) = (await asking.answer(question(about))).certificates
    response = await asking.answer(question_about(about.issuer, delegate.serial_number))
    assert response.certificate_status is GOOD
    assert isinstance(delegate, x509.Certificate)


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize(("store", "method"), [("log", "append"), ("log", "read_stream"), ("keys", "put")])
async def test_a_responder_that_was_cut_short_is_finished_by_the_next_question(asking, now, store, method, after):
    world = asking.world
    asked, number = question(await asking.issued(WWW)), 0
    while True:
        number += 1
        now.ahead += timedelta(days=40)
        log = Failing(world.log, {method}, number, after=after) if store == "log" else world.log
        keys = Failing(world.keys._store, {method}, number, after=after) if store == "keys" else world.keys._store
        torn = Asking(World(log, keys), now)
        try:
            await torn.answer(asked)
        except Fault:
            assert (await asking.answer(asked)).certificates
        else:
            break
    assert number > 1
