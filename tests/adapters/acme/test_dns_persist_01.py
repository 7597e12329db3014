"""dns-persist-01: a standing record that is looked for, asked for in full, and left where it is."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from es_pki.adapters import clock
from es_pki.adapters.acme.debug.debugger import Debugger, Looks
from es_pki.adapters.acme.debug.names import DNS
from es_pki.adapters.acme.debug.report import Verdict
from es_pki.adapters.acme.messages import Challenge, Identifier
from es_pki.adapters.acme.problems import AnswerMalformed, Trouble
from es_pki.adapters.acme.standing import Known, hashed, record_of
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.intake.requests import AbandonACMEOrder, PlaceACMEOrder, RenewACME
from es_pki.values.acme import ChallengeType
from eventlog.memory import MemoryLog
from tests import bind, openssl, pebble
from tests.acme_proxy import Proxy
from tests.adapters.acme.conftest import registration
from tests.adapters.acme.persisting import HASH_PREFIX, ISSUER, Persisting
from tests.world import World, open_keys

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def name_server():
    """A running BIND of this module."""
    with bind.running({"example.test": ""}) as running:
        yield running


@pytest.fixture(scope="module")
def directory(name_server):
    """A running Pebble of this module that resolves at the name server, and forgets what was proved."""
    with pebble.running(name_server.address, PEBBLE_AUTHZREUSE="0") as running:
        yield running


@pytest.fixture(params=[1, 2])
async def offering(request, directory, name_server):
    """The directory with dns-persist-01, as two versions of the draft have it."""
    async with Proxy(directory).running() as proxy:
        yield Persisting(proxy, name_server, request.param)


@pytest.fixture
async def world(tmp_path, name_server, offering):
    """An es-pki without listeners that resolves at the name server, with an account."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, lookup=Lookup([name_server.address], name_server.port, seconds=2.0))
    await world.ask(registration(offering._proxy))
    yield world
    await world.acme.close()
    await world.keys.close()
    await log.close()


def order(name, *names):
    return PlaceACMEOrder(name, "pebble", dns_names=names, challenge=ChallengeType.DNS_PERSIST_01)


def publish(name_server, detail):
    """Do what an order asks for: publish each record that it names, to the letter."""
    for line in detail.split(" and "):
        wanted = line.partition("TXT record: ")[2].partition(" (")[0]
        name, _, value = wanted.partition(". IN TXT ")
        name_server.add("example.test", name, "TXT", value)


async def went_on(world, answer, monkeypatch):
    """Go on with an order when its next attempt is due."""
    monkeypatch.setattr(world.acme.orders, "_now", lambda: answer.result["next_attempt"] + timedelta(seconds=1))
    return await world.acme.orders.advance(answer.result["order_id"])


async def test_an_order_says_what_to_publish_and_goes_on_when_it_is_there(world, offering, name_server, monkeypatch):
    names = (f"www-{offering._draft}.example.test", f"two-{offering._draft}.example.test")
    waiting = await world.ask(order("www", *names))
    assert (waiting.result["status"], waiting.result["problem"].type) == ("pending", Trouble.NOT_PUBLISHED)
    publish(name_server, waiting.result["problem"].detail)
    state = await went_on(world, waiting, monkeypatch)
    assert (state.version, state.left_behind) == (1, ())
    standing = [name_server.values(f"_validation-persist.{name}") for name in names]
    assert {value for values in standing for value in values} == offering.looked
    renewed = await world.ask(RenewACME("www"))
    assert renewed.result["status"] == "issued", renewed.result["problem"]
    assert [name_server.values(f"_validation-persist.{name}") for name in names] == standing
    assert (await world.examine()).findings == []


async def test_one_record_is_good_for_a_name_and_its_wildcard(world, offering, name_server, monkeypatch):
    name = f"wild-{offering._draft}.example.test"
    waiting = await world.ask(order("wild", name, f"*.{name}"))
    lines = waiting.result["problem"].detail.split(" and ")
    assert len({line for line in lines if "policy=wildcard" in line}) == 1
    publish(name_server, lines[0])
    assert (await went_on(world, waiting, monkeypatch)).version == 1


async def test_a_record_for_somebody_else_is_told_from_the_one_that_is_wanted(world, offering, name_server):
    name = f"other-{offering._draft}.example.test"
    for value in ("other.example.test; accounturi=https://a.test/1", f"{ISSUER}; accounturi=https://a.test/1"):
        name_server.add("example.test", f"_validation-persist.{name}", "TXT", f'"{value}"')
    waiting = await world.ask(order("other", name))
    assert "it is for the account 'https://a.test/1'" in waiting.result["problem"].detail
    assert (await world.ask(AbandonACMEOrder("other"))).result["status"] == "failed"
    assert len(name_server.values(f"_validation-persist.{name}")) == 2


async def test_a_directory_that_does_not_offer_it_says_so(world, offering):
    offering._proxy.rules.clear()
    failed = await world.ask(order("www", "www.example.test"))
    assert (failed.result["status"], failed.result["problem"].type) == ("failed", Trouble.NO_CHALLENGE)


KNOWN = Known("https://ca.example/acct/123", "thumbprint")
CHALLENGE = Challenge("dns-persist-01", "https://ca.example/1", issuers_before=Raw(b'["authority.example"]'))
NAME = Identifier("dns", "example.com")
GOOD = "authority.example; accounturi=https://ca.example/acct/123"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (GOOD, ""),
        (GOOD.replace("; ", " ;\t"), ""),
        (GOOD.replace("authority", "Authority"), ""),
        (f"{GOOD}; policy=WILDCARD; persistUntil=1777809601; new=1", ""),
        (f"{GOOD};", ""),
        ("another.example; accounturi=https://ca.example/acct/123", None),
        ("", None),
        ("authority.example", "it has no accounturi"),
        (GOOD.replace("123", "12"), "it is for the account"),
        (GOOD.replace("acct", "ACCT"), "it is for the account"),
        (f"{GOOD}; accounturi=https://ca.example/acct/123", "given twice"),
        (f"{GOOD}; policy", "is no parameter"),
        (f"{GOOD}; persistUntil=soon", "is no number"),
        (f"{GOOD}; persistUntil=1777809600", "is over"),
    ],
)
def test_a_record_is_read_as_the_draft_says(value, fault):
    found = record_of(CHALLENGE, NAME, KNOWN, is_wildcard=False).fault(value, NOW)
    assert (found is None) if fault is None else (fault in found and bool(fault) == bool(found))


def test_a_wildcard_wants_its_policy():
    record = record_of(CHALLENGE, NAME, KNOWN, is_wildcard=True)
    assert record.fault(GOOD, NOW) == "it has no policy=wildcard"
    assert record.wanted == f'_validation-persist.example.com. IN TXT "{GOOD}; policy=wildcard"'
    assert record.fault(record.value, NOW) == ""


@pytest.mark.parametrize("issuers", [b"[]", b"1", b'["A.example"]', b'[""]', b'["a"' + b',"a"' * 10 + b"]", b""])
def test_a_challenge_without_good_issuers_is_refused(issuers):
    with pytest.raises(AnswerMalformed):
        record_of(
            Challenge("dns-persist-01", "https://a.test/", issuers_before=Raw(issuers)), NAME, KNOWN, is_wildcard=False
        )


def test_an_account_is_hashed_as_the_draft_says():
    """SHA-256 over the length of the name, the name, the thumbprint and the address, by openssl's digest."""
    known = Known("https://ca.example/acct/123", "t" * 43, HASH_PREFIX)
    told = b"\x0bexample.com" + b"t" * 43 + b"https://ca.example/acct/123"
    digest = openssl.run("dgst", "-sha256", "-hex", text=told).split()[-1]
    value = hashed("example.com", known).removeprefix(f"{HASH_PREFIX}sha-256/")
    assert urlsafe_b64decode(value + "=").hex() == digest


def test_where_accounts_are_hashed_the_hash_of_a_former_key_is_the_directorys_to_judge():
    challenge = Challenge("dns-persist-01", "https://a.test/", issuers=Raw(b'["authority.example"]'))
    record = record_of(challenge, NAME, Known(KNOWN.url, KNOWN.thumbprint, HASH_PREFIX), is_wildcard=False)
    assert record.fault(record.value, NOW) == ""
    assert record.fault(f"authority.example; accounturi={HASH_PREFIX}sha-256/another", NOW) == ""
    assert "it is for the account" in record.fault(GOOD, NOW)


@given(st.text(max_size=200))
def test_no_record_breaks_the_reader(value):
    found = record_of(CHALLENGE, NAME, KNOWN, is_wildcard=False).fault(value, clock.now())
    assert found is None or isinstance(found, str)


def test_a_long_record_is_told_in_texts_that_fit():
    known = Known(f"https://ca.example/{'a' * 300}", "thumbprint")
    wanted = record_of(CHALLENGE, NAME, known, is_wildcard=False).wanted
    assert [len(part) for part in wanted.split('"')[1::2]] == [255, 94]


async def test_a_look_at_the_order_says_what_to_publish(world, offering, name_server):
    name = f"look-{offering._draft}.example.test"
    waiting = await world.ask(order("look", name))
    looks = Looks(DNS([name_server.address]), Lookup([name_server.address], name_server.port), world.dns)
    debugger = Debugger(world.aggregates, world.acme, looks, clock.now)
    what = f"TXT of _validation-persist.{name}"
    findings = {finding.what: finding for finding in (await debugger.report(waiting.result["order_id"])).findings}
    wanted = findings[what].advice.removeprefix("publish ")
    assert findings[what].verdict is Verdict.FAILED
    assert wanted in waiting.result["problem"].detail
    publish(name_server, f"TXT record: {wanted} (")
    await world.ask(AbandonACMEOrder("look"))
    findings = {finding.what: finding for finding in (await debugger.report(waiting.result["order_id"])).findings}
    assert findings[what].verdict is Verdict.FINE
