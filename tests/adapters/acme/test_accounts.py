"""Accounts at a real directory: opened, found again, given another key, closed, and what goes wrong on the way."""

from datetime import timedelta

import pytest
from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.acme.problems import DirectoryFailed, Trouble
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.adapters.intake.requests import DeactivateACMEAccount, RollOverACMEAccountKey
from es_pki.adapters.postponed import Postponed
from es_pki.commands.acme_account import ACMEAccountUnusable
from es_pki.commands.reactions import CloseACMEAccount, OpenACMEAccount, RollOverACMEKey
from es_pki.commands.refusals import Malformed, NameTaken, RulesBroken
from es_pki.values import KeyType
from es_pki.values.acme import ACME_GIVEN_UP
from tests import openssl, pebble
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World


async def state_of(world, answer):
    return (await world.aggregates.load(ACME_ACCOUNT, answer.result["account_id"], afresh=True)).state


async def client_of(world, answer):
    return world.acme.directories.client(answer.result["account_id"], await state_of(world, answer))


async def types_of(world):
    return [record.type async for page in world.log.read_all() for record in page.records if "account" in record.type]


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
async def test_an_account_is_opened_with_every_kind_of_key_that_directories_take(world, directory, key_type):
    answer = await world.ask(registration(directory, key_type=key_type, contacts=("admin@example.test",)))
    assert (answer.result["status"], answer.result["problem"]) == ("valid", None)
    client = await client_of(world, answer)
    account = await client.account()
    assert (account.status, account.contact) == ("valid", ("mailto:admin@example.test",))
    assert await client.find() == answer.result["url"]


async def test_what_is_asked_for_is_durable_before_the_directory_hears_of_it(world, directory):
    await world.ask(registration(directory))
    assert await types_of(world) == ["acme_account.prepared.v1", "acme_account.registered.v1"]


async def test_the_same_request_again_opens_no_second_account(world, directory):
    first = await world.ask(registration(directory), "key")
    again = await world.ask(registration(directory), "key")
    assert (again.result, again.events) == (first.result, ())
    with pytest.raises(NameTaken):
        await world.ask(registration(directory))


async def test_an_external_account_is_bound_and_its_key_is_not_kept_any_longer(world, directory):
    (key_id, key), *_ = pebble.EAB_KEYS.items()
    answer = await world.ask(registration(directory, eab_key_id=key_id, eab_hmac_key=key))
    assert answer.result["status"] == "valid"
    assert len(await world.keys._store.entries()) == 1  # the account's own


@pytest.mark.parametrize(("key_id", "key"), [("kid-1", "d3Jvbmcga2V5"), ("nobody's", "d3Jvbmcga2V5")])
async def test_what_the_directory_refuses_for_good_is_told_and_recorded_and_frees_the_name(
    world, directory, key_id, key
):
    answer = await world.ask(registration(directory, eab_key_id=key_id, eab_hmac_key=key))
    assert answer.result["status"] == "failed"
    assert answer.result["problem"].type.startswith("urn:ietf:params:acme:error:")
    assert answer.result["problem"].type in answer.result["problem"].document
    assert await world.keys._store.entries() == []
    assert (await world.ask(registration(directory))).result["status"] == "valid"


async def test_a_directory_that_is_away_is_asked_again_until_it_answers(world):
    with pebble.running() as directory:
        directory.stop_directory()
        answer = await world.ask(registration(directory))
        assert (answer.result["status"], answer.result["problem"].type) == ("prepared", Trouble.UNREACHABLE)
        effect = OpenACMEAccount(answer.result["account_id"])
        with pytest.raises(DirectoryFailed):
            await world.performer.perform(effect)
        directory.start_directory()
        await world.performer.perform(effect)
        assert (await state_of(world, answer)).opening.url


async def test_a_directory_that_nobody_vouches_for_is_not_talked_to(world, directory):
    answer = await world.ask(registration(directory, ca_bundle=""))
    assert (answer.result["status"], answer.result["problem"].type) == ("prepared", Trouble.UNTRUSTED)


async def test_an_account_that_can_not_be_opened_is_given_up_by_closing_it(world, directory):
    answer = await world.ask(registration(directory, ca_bundle=""))
    closed = await world.ask(DeactivateACMEAccount("pebble"))
    assert (closed.result["status"], closed.result["problem"].type) == ("failed", ACME_GIVEN_UP)
    await world.performer.perform(OpenACMEAccount(answer.result["account_id"]))
    assert (await world.ask(registration(directory))).result["status"] == "valid"


async def test_another_key_signs_after_a_roll_over(world, directory):
    answer = await world.ask(registration(directory))
    before = await client_of(world, answer)
    rolled = await world.ask(RollOverACMEAccountKey("pebble", KeyType.RSA_2048), "key")
    assert rolled.result["public_key_hash"] != answer.result["public_key_hash"]
    assert (await (await client_of(world, answer)).account()).status == "valid"
    with pytest.raises(DirectoryFailed):
        await before.account()
    again = await world.ask(RollOverACMEAccountKey("pebble", KeyType.RSA_2048), "key")
    assert (again.events, again.result) == ((), rolled.result)


async def test_a_closed_account_is_closed_for_ever(world, directory):
    answer = await world.ask(registration(directory))
    closed = await world.ask(DeactivateACMEAccount("pebble", "no longer needed"))
    assert closed.result["status"] == "deactivated"
    with pytest.raises(DirectoryFailed, match="deactivated"):
        await (await client_of(world, answer)).account()
    with pytest.raises(ACMEAccountUnusable):
        await world.ask(RollOverACMEAccountKey("pebble"))
    assert (await world.ask(DeactivateACMEAccount("pebble"))).events == ()


WISHES = {
    "open": (None, OpenACMEAccount),
    "roll over": (RollOverACMEAccountKey("pebble"), RollOverACMEKey),
    "close": (DeactivateACMEAccount("pebble"), CloseACMEAccount),
}


@pytest.mark.parametrize("wish", WISHES)
async def test_what_the_directory_did_and_nobody_recorded_is_found_done(world, directory, wish):
    """The append after the directory's answer fails; whoever comes next finds the directory's work and records it."""
    request, effect = WISHES[wish]
    if request is not None:
        await world.ask(registration(directory))
    broken = World(Failing(world.log, {"append"}, 2, after=False), world.keys._store)
    with pytest.raises(Fault):
        await broken.ask(request or registration(directory))
    await broken.acme.close()
    account_id = await world.aggregates.owner("acme_account_name-pebble")
    again = World(world.log, world.keys._store)
    state = (await again.aggregates.load(ACME_ACCOUNT, account_id)).state
    due = effect(account_id, state.next_key.key_id) if effect is RollOverACMEKey else effect(account_id)
    await again.performer.perform(due)
    after = (await again.aggregates.load(ACME_ACCOUNT, account_id)).state
    assert after.opening.url
    assert (after.next_key, after.is_closed) == (None, after.is_closing)
    if not after.is_closed:
        assert (await again.acme.directories.client(account_id, after).account()).status == "valid"
    await again.acme.close()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"directory": "http://127.0.0.1/dir"}, "directory"),
        ({"directory": "letsencript"}, "directory"),
        ({"key_type": KeyType.ED25519}, "key_type"),
        ({"contacts": ("admin@example.test?subject=x",)}, "contacts"),
        ({"eab_key_id": "kid-1"}, "eab_key_id"),
        ({"eab_hmac_key": "d3Jvbmcga2V5"}, "eab_key_id"),
        ({"name": "no name"}, "name"),
    ],
)
async def test_what_no_directory_could_use_is_refused_before_anything_is_recorded(world, directory, changes, field):
    with pytest.raises(RulesBroken) as refused:
        await world.ask(registration(directory, **changes))
    assert [violation.field for violation in refused.value.violations] == [field]
    assert await world.keys._store.entries() == []
    assert await types_of(world) == []


@pytest.mark.parametrize("changes", [{"ca_bundle": "no PEM"}, {"contacts": ("nobody",)}, {"eab_hmac_key": "ü"}])
async def test_what_can_not_be_read_is_refused(world, directory, changes):
    with pytest.raises(Malformed):
        await world.ask(registration(directory, **changes))


async def test_of_a_bundle_only_certificates_are_kept(world, directory):
    bundle = directory.ca_bundle + (directory.folder / "key.pem").read_text()
    answer = await world.ask(registration(directory, ca_bundle=bundle))
    kept = (await state_of(world, answer)).opening.prepared.ca_bundle
    assert "PRIVATE" not in kept
    assert openssl.run("x509", "-noout", "-subject", text=kept.encode()).strip().endswith("pebble")


@pytest.mark.parametrize(
    ("request_", "path", "status"),
    [
        (RollOverACMEAccountKey("pebble"), "/rollover-account-key", "valid"),
        (DeactivateACMEAccount("pebble"), "/my-account/", "deactivating"),
    ],
    ids=["another key", "closing"],
)
async def test_what_somebody_in_between_answers_is_not_taken_for_done(world, proxy, request_, path, status):
    opened = await world.ask(registration(proxy))
    proxy.once(path, lambda: web.Response(text="<html>Log in to the network</html>"))
    answer = await world.ask(request_)
    assert (answer.result["status"], answer.result["problem"].type) == (status, Trouble.MALFORMED)
    assert answer.result["public_key_hash"] == opened.result["public_key_hash"]
    await world.acme.accounts.roll_over(opened.result["account_id"])
    await world.acme.accounts.deactivate(opened.result["account_id"])
    state = await state_of(world, opened)
    assert (state.next_key, state.is_closed) == (None, status == "deactivating")


async def test_a_directory_that_opens_no_account_for_now_is_asked_again_when_it_says(world, proxy):
    proxy.once("/sign-me-up", problem("rateLimited", "too many accounts", status=429, Retry_After="3600"), times=99)
    answer = await world.ask(registration(proxy))
    assert (answer.result["status"], answer.result["problem"].detail) == ("prepared", "too many accounts")
    for _ in range(3):
        with pytest.raises(Postponed, match="too many accounts") as postponed:
            await world.performer.perform(OpenACMEAccount(answer.result["account_id"]))
        assert postponed.value.until - clock.now() > timedelta(minutes=59)
    assert proxy.asked.count("/sign-me-up") == 2
