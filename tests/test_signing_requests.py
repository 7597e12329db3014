"""Signing requests on real stores: answered once however many answer at once, and what the examination says."""

import asyncio
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from msgspec.structs import replace

from es_pki.adapters.examination import examine
from es_pki.adapters.intake.requests import (
    CompleteCSR,
    CreateCSR,
    DeleteCertificate,
    ExportCertificate,
    ImportCSR,
    RejectCSR,
    SignCSR,
)
from es_pki.adapters.recorded import happened
from es_pki.adapters.x509.reading.private_keys import PassphraseWrong
from es_pki.commands.reactions import react as react_to
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.signing_request import AlreadyAnswered, AlreadyImported, KeyMismatched
from es_pki.events import codec
from es_pki.events.certificate import CertificatePrepared
from es_pki.events.reservation import NameReserved
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import KeyType, SubjectAltNames
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests import openssl
from tests.world import World, open_keys

PASSPHRASE = "the passphrase of a test"  # noqa: S105 - made for this test
ANSWERS = (SigningRequestApproved, SigningRequestSigned, SigningRequestRejected)


@pytest.fixture
async def world(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    await world.workers.close()
    await world.keys.close()
    await log.close()


async def events_of(world, *kinds):
    """Return what happened of these kinds."""
    found = [happened(record) async for page in world.log.read_all() for record in page.records]
    return [each for each in found if isinstance(each.event, kinds)]


async def findings(world):
    return [finding.problem for finding in (await examine(world.log)).findings]


async def test_of_many_answers_at_once_one_counts(world, csrs):
    await world.ask(ImportCSR(name="www", csr=csrs["ec-p256"]))
    returned = openssl.signed_elsewhere(csrs["ec-p256"])
    wishes = [
        *(SignCSR(name=f"www-{n}", authority="intermediate", signing_request="www") for n in range(3)),
        CompleteCSR("www", returned),
        RejectCSR("www", "nobody knows this host"),
    ]
    outcomes = await asyncio.gather(*map(world.ask, wishes), return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(refusal) for refusal in refusals] == [AlreadyAnswered] * (len(wishes) - 1)
    (answer,) = await events_of(world, *ANSWERS)
    prepared = [each for each in await events_of(world, CertificatePrepared) if each.event.name.startswith("www-")]
    approved = answer.event.certificate_id if isinstance(answer.event, SigningRequestApproved) else None
    assert [each.id for each in prepared] == ([approved] if approved else [])
    assert await findings(world) == []


async def test_what_another_process_answered_is_not_signed_here(world, csrs):
    await world.ask(ImportCSR(name="www", csr=csrs["ec-p256"]))
    elsewhere = World(world.log, world.keys._store)
    await elsewhere.ask(RejectCSR("www", "nobody knows this host"))
    with pytest.raises(AlreadyAnswered):
        await world.ask(SignCSR(name="www", authority="intermediate", signing_request="www"))
    assert await world.aggregates.owner("certificate_name-www") is None


async def test_the_process_that_signed_knows_that_it_answered(world, csrs):
    await world.ask(ImportCSR(name="www", csr=csrs["ec-p256"]))
    await world.ask(SignCSR(name="www", authority="intermediate", signing_request="www"))
    with pytest.raises(AlreadyAnswered):
        await world.ask(RejectCSR("www", "too late"))
    assert len(await events_of(world, *ANSWERS)) == 1


async def test_a_csr_is_judged_before_its_key_is_made(world):
    keys = await world.keys._store.entries()
    with pytest.raises(RulesBroken):
        await world.ask(CreateCSR(name="no name", dns_names=("_",)))
    assert await world.keys._store.entries() == keys


async def keys_of(world, purpose):
    """Return who owns the kept keys of a purpose, except those of the first set-up."""
    return [entry.owner for entry in await world.keys._store.entries() if entry.purpose == purpose]


async def react(world):
    """Do what the answers of signing requests make due."""
    for answered in await events_of(world, *ANSWERS):
        for due in react_to(answered):
            await world.performer.perform(due.effect)


@pytest.mark.parametrize("brought", [True, False])
async def test_the_key_of_a_csr_that_is_signed_here_is_the_certificates_from_then_on(world, brought):
    if brought:
        named = ("-nodes", "-addext", "subjectAltName=DNS:www.example.test")
        csr, key = openssl.new_csr_and_key("/CN=www.example.test", *named)
        await world.ask(ImportCSR(name="www", csr=csr, private_key=key))
    else:
        await world.ask(CreateCSR(name="www", dns_names=("www.example.test",)))
    before = await keys_of(world, "certificate")
    wish = SignCSR(name="www", authority="intermediate", signing_request="www")
    for _ in range(2):  # the same again changes nothing
        answer = await world.ask(wish, "a key")
        await react(world)
    assert await keys_of(world, "signing_request") == []
    assert await keys_of(world, "certificate") == [*before, answer.result["certificate_id"]]
    exported = await world.ask(ExportCertificate("www", format="pkcs12", passphrase=PASSPHRASE, reason="moving"))
    _, certificate, _ = load_key_and_certificates(b64decode(exported.result["content"]), PASSPHRASE.encode())
    assert certificate.serial_number == int(answer.result["serial_number"], 16)
    await world.ask(DeleteCertificate("www"))
    assert await keys_of(world, "certificate") == before
    assert await findings(world) == []


async def test_the_key_of_a_rejected_csr_is_discarded(world):
    csr, key = openssl.new_csr_and_key("/CN=www.example.test")
    await world.ask(ImportCSR(name="www", csr=csr, private_key=key))
    assert len(await keys_of(world, "signing_request")) == 1
    await world.ask(RejectCSR("www", "nobody knows this host"))
    for _ in range(2):
        await react(world)
    assert await keys_of(world, "signing_request") == []
    assert len(await events_of(world, SigningRequestKeyDiscarded)) == 1
    assert await findings(world) == []


async def test_the_key_of_a_csr_that_another_authority_answered_is_the_certificates(world):
    csr, key = openssl.new_csr_and_key("/CN=www.example.test")
    await world.ask(ImportCSR(name="www", csr=csr, private_key=key))
    completed = CompleteCSR("www", openssl.signed_elsewhere(csr))
    for _ in range(2):
        await world.ask(completed)
        await react(world)
    assert await keys_of(world, "signing_request") == []
    owner = await world.aggregates.owner("certificate_name-www")
    assert owner in await keys_of(world, "certificate")
    assert await findings(world) == []


async def test_a_key_comes_with_its_csr_and_opens_with_its_passphrase(world):
    csr, key = openssl.new_csr_and_key("/CN=www", "-passout", f"pass:{PASSPHRASE}")
    _, other = openssl.new_csr_and_key("/CN=www")
    with pytest.raises(KeyMismatched):
        await world.ask(ImportCSR(name="www", csr=csr, private_key=other))
    for passphrase in (None, "wrong"):
        with pytest.raises(PassphraseWrong):
            await world.ask(ImportCSR(name="www", csr=csr, private_key=key, passphrase=passphrase))
    assert await keys_of(world, "signing_request") == []
    await world.ask(ImportCSR(name="www", csr=csr, private_key=key, passphrase=PASSPHRASE))
    with pytest.raises(AlreadyImported):
        await world.ask(ImportCSR(name="again", csr=csr, private_key=key, passphrase=PASSPHRASE))
    assert len(await keys_of(world, "signing_request")) == 1


async def test_the_key_of_a_csr_is_kept_for_it_alone(world):
    answer = await world.ask(CreateCSR(name="www", dns_names=("www.example.test",)))
    (entry,) = [each for each in await world.keys._store.entries() if each.purpose == "signing_request"]
    assert entry.owner == answer.result["signing_request_id"]


IMPORTED = SigningRequestImported("www", (), SubjectAltNames(), KeyType.EC_P256, "ab" * 32, b"csr", b"digest")


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([SigningRequestRejected("why")], "a CSR was answered that nobody kept"),
        (
            [IMPORTED, NameReserved("1"), SigningRequestRejected("why"), SigningRequestApproved("2")],
            "a CSR was answered twice",
        ),
        (
            [replace(IMPORTED, key_id="key"), NameReserved("1"), SigningRequestRejected("why")],
            "a CSR was answered with a key that is not its own",
        ),
        (
            [replace(IMPORTED, key_id="key"), NameReserved("1"), SigningRequestKeyDiscarded(("key",))],
            "a private key was discarded that is not that of an answered CSR",
        ),
        ([IMPORTED], "'signing_request_name-www' was not reserved with it"),
    ],
)
async def test_the_examination_finds_what_can_not_be(world, events, problem):
    version = 0
    for event in events:
        stream, expected = "signing_request-1", version
        if isinstance(event, NameReserved):
            stream, expected = "signing_request_name-www", 0
        else:
            version += 1
        await world.log.append([Write(stream, expected, (NewEvent(*codec.encode(event)),))])
    assert problem in await findings(world)
