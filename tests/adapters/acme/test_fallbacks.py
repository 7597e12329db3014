"""Orders that go on with another account where a directory can't or won't, and rehearsals at a directory for tests."""

import pytest

from es_pki.adapters.acme.orders import Orders
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.adapters.intake.requests import DeactivateACMEAccount, NameACMETestAccount, PlaceACMEOrder, RenewACME
from es_pki.commands.acme_account import ACMEAccountMissing
from es_pki.commands.acme_renewal import RehearsalImpossible
from es_pki.commands.refusals import RulesBroken
from tests import pebble
from tests.acme_proxy import Proxy, problem
from tests.adapters.acme.conftest import registration, versions_of
from tests.world import Failing, Fault, World


@pytest.fixture(scope="module")
def directory():
    """A running Pebble that forgets that a name was proved."""
    with pebble.running(PEBBLE_AUTHZREUSE="0") as running:
        yield running


@pytest.fixture
async def other(directory):
    """Another directory: another door of the same Pebble, with accounts of its own."""
    async with Proxy(directory).running() as running:
        yield running


@pytest.fixture
async def both(world, proxy, other, listening):
    """Accounts at both: `first` and `second`."""
    await world.ask(registration(proxy, "first"))
    await world.ask(registration(other, "second"))


async def placed(world, name="www", **changes):
    wish = {"dns_names": (f"{name}.example.test",), "fallback_accounts": ("second",), **changes}
    return await world.ask(PlaceACMEOrder(name, "first", **wish))


async def id_of(world, account):
    return await world.aggregates.owner(f"acme_account_name-{account}")


async def moves(world, order_id):
    """Return to which accounts an order moved."""
    records = await world.log.read_stream(f"acme_order-{order_id}")
    kinds = [record.type for record in records]
    return kinds.count("acme_order.moved.v1")


TROUBLES = [
    problem("rateLimited", "too many", status=429, Retry_After="3600"),
    problem("serverInternal", status=500),
    problem("rejectedIdentifier", "not with us", status=403),
    problem("caa", "CAA forbids us", status=403),
    problem("externalAccountRequired", status=403),
]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_the_next_account_orders_where_a_directory_can_not_or_will_not(world, both, proxy, trouble):
    proxy.once("/order-plz", trouble)
    answer = await placed(world)
    assert (answer.result["status"], answer.result["account_id"]) == ("issued", await id_of(world, "second"))
    assert await moves(world, answer.result["order_id"]) == 1
    assert (await world.examine()).findings == []


async def test_a_directory_that_is_down_is_passed_over(world, both, proxy):
    proxy.once("/", problem("serverInternal", status=503), times=1_000)
    answer = await placed(world)
    assert (answer.result["status"], answer.result["account_id"]) == ("issued", await id_of(world, "second"))


async def test_closed_accounts_are_passed_over(world, both, proxy):
    await placed(world)
    await placed(world, "other")
    await world.ask(DeactivateACMEAccount("second"))
    proxy.once("/order-plz", problem("serverInternal", status=500))
    answer = await world.ask(RenewACME("www"))
    assert (answer.result["status"], answer.result["problem"].detail) == ("pending", "serverInternal")
    assert await moves(world, answer.result["order_id"]) == 0
    await world.ask(registration(proxy, "third"))
    await world.ask(DeactivateACMEAccount("first"))
    answer = await world.ask(RenewACME("other", account="third"))
    assert (answer.result["status"], answer.result["account_id"]) == ("issued", await id_of(world, "third"))


async def test_a_name_that_can_not_be_proved_is_no_reason_to_ask_others(world, both, directory, other):
    directory.dns_says("set-servfail", host="www.example.test")
    answer = await placed(world)
    directory.dns_says("clear-servfail", host="www.example.test")
    assert (answer.result["status"], await moves(world, answer.result["order_id"])) == ("failed", 0)
    assert other.count("/order-plz") == 0


async def test_what_fails_everywhere_begins_with_the_first_again_and_later(world, both, proxy, other):
    proxy.once("/order-plz", problem("serverInternal", status=500))
    other.once("/order-plz", problem("serverInternal", status=500))
    answer = await placed(world)
    assert answer.result["status"] == "pending"
    assert answer.result["account_id"] == await id_of(world, "first")
    later = Orders(
        world.aggregates,
        world.acme.directories,
        (world.acme.http_01,),
        world.acme.orders._deliver,
        lambda: answer.result["next_attempt"],
    )
    state = await later.advance(answer.result["order_id"])
    assert (state.version, state.account_id) == (1, await id_of(world, "first"))


async def test_what_was_presented_for_one_directory_is_cleaned_up_before_the_next(world, both, proxy):
    proxy.once("/finalize-order/", problem("serverInternal", status=500), times=9)
    answer = await placed(world)
    assert answer.result["account_id"] == await id_of(world, "second")
    kinds = [record.type for record in await world.log.read_stream(f"acme_order-{answer.result['order_id']}")]
    moved = kinds.index("acme_order.moved.v1")
    assert kinds[:moved].count("acme_order.challenge_presented.v1") == 1
    assert kinds[:moved].count("acme_order.challenge_cleaned_up.v1") == 1
    assert kinds[-1] == "acme_order.certificate_obtained.v1"


async def test_only_the_directory_that_issued_hears_what_is_replaced(world, both, proxy, other):
    for door in (proxy, other):
        door.further["renewalInfo"] = door.url.replace("/dir", "/renewal-info")
    await placed(world)
    proxy.once("/order-plz", problem("serverInternal", status=500))
    answer = await world.ask(RenewACME("www"))
    order = (await world.aggregates.load(ACME_ORDER, answer.result["order_id"])).state
    assert (order.account_id, order.replaces) == (await id_of(world, "second"), "")
    again = await world.ask(RenewACME("www"))
    order = (await world.aggregates.load(ACME_ORDER, again.result["order_id"])).state
    assert (order.account_id, order.replaces) == (await id_of(world, "first"), "")
    assert order.placed.former_account_id == await id_of(world, "second")


async def test_fallbacks_are_open_accounts_other_than_the_first(world, both):
    with pytest.raises(RulesBroken):
        await placed(world, fallback_accounts=("first",))
    with pytest.raises(ACMEAccountMissing):
        await placed(world, fallback_accounts=("third",))


@pytest.fixture
async def rehearsing(world, proxy, other, listening):
    """A certificate from an account `first` that names the test account `second`, by its lineage's id."""
    await world.ask(registration(other, "second"))
    await world.ask(registration(proxy, "first", test_account="second"))
    answer = await world.ask(PlaceACMEOrder("www", "first", dns_names=("www.example.test",)))
    assert answer.result["status"] == "issued", answer.result
    return answer.result["certificate_id"]


async def test_a_rehearsal_makes_no_version_and_keeps_no_key(world, rehearsing, proxy, other):
    real = proxy.count("/order-plz")
    answer = await world.ask(RenewACME("www", rehearse=True))
    assert answer.result["status"] == "rehearsed", answer.result
    order = (await world.aggregates.load(ACME_ORDER, answer.result["order_id"])).state
    assert (order.placed.key_id, order.is_over, order.left_behind) == ("", True, ())
    assert len(await versions_of(world, rehearsing)) == 1
    assert (proxy.count("/order-plz"), other.count("/order-plz")) == (real, 1)
    assert other.count("/certZ/") == 0
    assert (await world.ask(RenewACME("www"))).result["version"] == 2
    assert (await world.examine()).findings == []


async def test_a_rehearsal_that_fails_says_why_at_once(world, rehearsing, other):
    other.once("/order-plz", problem("serverInternal", status=500))
    answer = await world.ask(RenewACME("www", rehearse=True))
    assert answer.result["status"] == "failed"
    assert (await world.ask(RenewACME("www"))).result["version"] == 2


async def test_without_a_test_account_nothing_can_be_rehearsed(world, both):
    await placed(world)
    with pytest.raises(RehearsalImpossible):
        await world.ask(RenewACME("www", rehearse=True))
    with pytest.raises(RulesBroken):
        await world.ask(NameACMETestAccount("first", "first"))
    await world.ask(NameACMETestAccount("first", "second"))
    assert (await world.ask(RenewACME("www", rehearse=True))).result["status"] == "rehearsed"
    await world.ask(NameACMETestAccount("first", ""))
    with pytest.raises(RehearsalImpossible):
        await world.ask(RenewACME("www", rehearse=True))


async def cut_short(world, request, number, *, after):
    """Ask in a process that dies at its number-th append; return whether it did."""
    broken = World(Failing(world.log, {"append"}, number, after=after), world.keys._store)
    try:
        await broken.ask(request)
    except Fault:
        return True
    finally:
        await broken.acme.close()
    return False


@pytest.mark.parametrize("after", [True, False], ids=["after it is recorded", "before it is recorded"])
async def test_an_order_that_is_cut_short_on_its_way_to_the_next_account_is_finished_there(world, both, proxy, after):
    proxy.once("/finalize-order/", problem("serverInternal", status=500), times=10_000)
    number = 1
    while True:
        name = f"cut-{number}-{after}"
        host = (f"{name}.example.test".lower(),)
        request = PlaceACMEOrder(name, "first", dns_names=host, fallback_accounts=("second",))
        died = await cut_short(world, request, number + 1, after=after)
        again = World(world.log, world.keys._store)
        order_id = await again.aggregates.owner(f"certificate_name-{name}")
        state = await again.acme.orders.advance(order_id)
        await again.acme.close()
        assert (state.version, state.left_behind, state.account_id) == (1, (), await id_of(world, "second"))
        assert await moves(world, order_id) == 1
        if not died:
            break
        number += 1
    assert (await world.examine()).findings == []


@pytest.mark.parametrize("after", [True, False], ids=["after it is recorded", "before it is recorded"])
async def test_a_rehearsal_that_is_cut_short_is_finished_and_leaves_nothing_behind(world, rehearsing, other, after):
    number = 2
    while await cut_short(world, RenewACME("www", rehearse=True), number, after=after):
        again = World(world.log, world.keys._store)
        order_id = await again.aggregates.owner(f"acme_order_for-{rehearsing}")
        if order_id is not None:
            state = await again.acme.orders.advance(order_id)
            assert (state.has_passed, state.left_behind) == (True, ())
        await again.acme.close()
        number += 1
    assert len(await versions_of(world, rehearsing)) == 1
    assert (await world.examine()).findings == []
