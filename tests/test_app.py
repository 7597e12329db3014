"""The write side on a real log: read, fold, decide, append, and again when others were faster."""

import asyncio

import pytest
from msgspec.structs import replace

from es_pki.app import Aggregates
from es_pki.commands import authority, certificate, key_compromise
from es_pki.commands.authority import RecordAuthoritySignature, SetIssuancePolicy, issuer_of
from es_pki.commands.key_compromise import ReportKeyCompromise
from es_pki.commands.refusals import KeyCompromised, NameTaken, RulesBroken
from es_pki.values import Attribute, AttributeType, IssuancePolicy, KeyType, Locations, PublicKey
from eventlog import Conflict, NewEvent, Write
from eventlog.memory import MemoryLog
from tests.builders import CERTIFICATE_ID, KEY, ROOT_ID, create_authority, self_sign, sign_csr
from tests.spec import encode

AUTHORITY = authority.decider(encode)
CERTIFICATE = certificate.decider(encode)
OTHER_ID = "018f0000-0000-7000-8000-000000000003"
WHERE = Locations("http://pki.example.test/ca.crt", "http://pki.example.test/crl")


def always(command):
    async def ask():
        return command

    return ask


@pytest.fixture
async def log():
    log = await MemoryLog.open()
    yield log
    await log.close()


@pytest.fixture
async def aggregates(log):
    """An es-pki with a signed root."""
    aggregates = Aggregates(log)
    await aggregates.handle(AUTHORITY, ROOT_ID, always(create_authority()), actor="alice")
    await aggregates.handle(AUTHORITY, ROOT_ID, always(RecordAuthoritySignature(b"der")), actor="alice")
    return aggregates


def signing(aggregates, **changes):
    async def ask():
        loaded = await aggregates.load(AUTHORITY, ROOT_ID)
        by = issuer_of(loaded.state, authority_id=ROOT_ID, version=loaded.version, locations=WHERE)
        return sign_csr(by, **changes)

    return ask


async def streams(log):
    return [r.stream async for page in log.read_all() for r in page.records]


async def test_a_command_becomes_events_and_reservations_in_one_append(aggregates, log):
    before = (await log.head()).size
    handled = await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates), actor="bob")
    assert handled.position == before + 3
    assert (await streams(log))[before:] == [
        f"certificate-{CERTIFICATE_ID}",
        "certificate_name-www",
        f"serial_number-{ROOT_ID}-1234",
    ]
    assert await aggregates.owner("certificate_name-www") == CERTIFICATE_ID


async def test_the_same_command_again_appends_nothing_and_answers_the_same(aggregates, log):
    first = await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates), actor="bob")
    size = (await log.head()).size
    again = await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates), actor="bob")
    assert (again.state, again.events) == (first.state, ())
    assert (await log.head()).size == size


async def test_the_same_command_sent_twice_at_once_is_done_once(aggregates, log):
    size = (await log.head()).size
    both = await asyncio.gather(
        *(aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates), actor="bob") for _ in range(2))
    )
    assert sorted(len(handled.events) for handled in both) == [0, 1]
    assert (await log.head()).size == size + 3


async def test_a_taken_name_is_refused_and_nothing_is_appended(aggregates, log):
    await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates), actor="bob")
    size = (await log.head()).size
    with pytest.raises(NameTaken):
        await aggregates.handle(
            CERTIFICATE, OTHER_ID, signing(aggregates, certificate_id=OTHER_ID, serial_number=7), actor="bob"
        )
    assert (await log.head()).size == size


async def test_nothing_is_issued_under_a_policy_that_another_process_has_replaced(aggregates, log):
    await aggregates.load(AUTHORITY, ROOT_ID)
    strict = IssuancePolicy(maximum_validity_days=10)
    await Aggregates(log).handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(strict)), actor="carol")
    with pytest.raises(RulesBroken):
        await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates, validity_days=90), actor="bob")


async def test_a_refusal_is_never_given_on_a_remembered_state(aggregates, log):
    elsewhere = Aggregates(log)
    policy = IssuancePolicy(maximum_validity_days=10)
    await aggregates.handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(policy)), actor="alice")
    await elsewhere.handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(IssuancePolicy())), actor="carol")
    handled = await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates, validity_days=90), actor="bob")
    assert handled.events


async def test_nothing_to_do_is_never_concluded_from_a_remembered_state(aggregates, log):
    """Two servers set policies in turn: the second one's wish counts although the first remembers it as kept."""
    elsewhere = Aggregates(log)
    ours, theirs = IssuancePolicy(maximum_validity_days=10), IssuancePolicy(maximum_validity_days=20)
    await aggregates.handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(ours)), actor="alice")
    await elsewhere.handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(theirs)), actor="carol")
    handled = await aggregates.handle(AUTHORITY, ROOT_ID, always(SetIssuancePolicy(ours)), actor="alice")
    assert handled.state.policy == ours
    assert handled.events


def report(key):
    return always(ReportKeyCompromise(key.hash, "stolen"))


async def test_a_compromised_key_is_certified_by_nobody(aggregates, log):
    """Another process hears of it; this one has read nothing: the append itself is refused."""
    await aggregates.load(AUTHORITY, ROOT_ID)
    await Aggregates(log).handle(key_compromise.decider, KEY.hash, report(KEY), actor="carol")
    size = (await log.head()).size
    asked = signing(aggregates, public_key=PublicKey(KeyType.EC_P256, b"another key"))
    with pytest.raises(KeyCompromised) as caught:
        await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, asked, actor="bob", is_new=True)
    assert caught.value.violations[0].field == "authority"
    with pytest.raises(KeyCompromised):
        await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, always(self_sign()), actor="bob")
    other = create_authority(name="other", subject=(Attribute(AttributeType.COMMON_NAME, "Other CA"),))
    with pytest.raises(KeyCompromised):
        await aggregates.handle(AUTHORITY, OTHER_ID, always(other), actor="bob")
    assert (await log.head()).size == size


async def test_a_report_and_a_certificate_sent_at_once_come_one_after_the_other(aggregates, log):
    """Whoever is appended first is first: a certificate of before the report, or none."""
    own = PublicKey(KeyType.EC_P256, b"another key")
    outcomes = await asyncio.gather(
        aggregates.handle(CERTIFICATE, CERTIFICATE_ID, signing(aggregates, public_key=own), actor="bob"),
        aggregates.handle(key_compromise.decider, own.hash, report(own), actor="carol"),
        return_exceptions=True,
    )
    names = await streams(log)
    reported = names.index(f"key_compromise-{own.hash}")
    if isinstance(outcomes[0], KeyCompromised):
        assert f"certificate-{CERTIFICATE_ID}" not in names
    else:
        assert names.index(f"certificate-{CERTIFICATE_ID}") < reported


async def test_a_preview_appends_nothing(aggregates, log):
    size = (await log.head()).size
    assert await aggregates.preview(CERTIFICATE, CERTIFICATE_ID, signing(aggregates))
    assert (await log.head()).size == size


async def test_a_race_that_is_lost_again_and_again_ends_as_a_conflict(aggregates, log):
    async def outrun():
        loaded = await Aggregates(log).load(AUTHORITY, ROOT_ID)
        by = issuer_of(loaded.state, authority_id=ROOT_ID, version=loaded.version, locations=WHERE)
        noise = NewEvent("authority.issuance_policy_adopted.v1", b'{"policy":{}}')
        await log.append([Write(f"authority-{ROOT_ID}", loaded.version, (noise,))])
        return sign_csr(replace(by, version=loaded.version))

    with pytest.raises(Conflict):
        await aggregates.handle(CERTIFICATE, CERTIFICATE_ID, outrun, actor="bob")


async def test_commands_on_one_aggregate_take_turns_in_a_process(aggregates):
    """However many come at once, none is told that others were faster."""

    async def policy(days):
        return await aggregates.handle(
            AUTHORITY, ROOT_ID, always(SetIssuancePolicy(IssuancePolicy(maximum_validity_days=days))), actor="bob"
        )

    handled = await asyncio.gather(*(policy(days) for days in range(1, 41)))
    assert sorted(one.position for one in handled) == [one.position for one in handled]
