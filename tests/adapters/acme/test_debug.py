"""What a look at an order finds when something is wrong, with a real directory and a real DNS server."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

import es_pki
from es_pki.adapters import clock
from es_pki.adapters.acme.debug.debugger import Debugger, Looks
from es_pki.adapters.acme.debug.explanations import EXPLANATIONS, explained
from es_pki.adapters.acme.debug.names import DNS
from es_pki.adapters.acme.debug.port_80 import Ports
from es_pki.adapters.acme.debug.report import Verdict
from es_pki.adapters.acme.problems import Trouble
from es_pki.adapters.acme.tls_alpn_listener import TLSALPNListener
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.http import server
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.adapters.intake.requests import AbandonACMEOrder, DeactivateACMEAccount, PlaceACMEOrder
from es_pki.commands.acme_order import ACMEOrderMissing
from es_pki.values.acme import ACMEProblem, ChallengeType
from tests import nginx
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World


@pytest.fixture
async def account(world, proxy, listening):
    """An account at the proxied directory."""
    proxy.further["meta"] = {"caaIdentities": ["ca.example.test"]}
    await world.ask(registration(proxy))


class Looking:
    """Reports about a world's orders, by way of the directory's own DNS server."""

    def __init__(self, world, directory) -> None:
        self.world, self.directory, self.now = world, directory, clock.now

    async def __call__(self, name: str, port: int, **changes: object) -> dict[str, tuple[Verdict, str, str]]:
        """Order a certificate; return the findings about it by what they are about."""
        request = PlaceACMEOrder(name, "pebble", **{"dns_names": (f"{name}.example.test",), **changes})
        answer = await self.world.ask(request)
        return await self.at(answer.result["order_id"], port)

    async def at(self, order_id: str, port: int, https: int = 1) -> dict[str, tuple[Verdict, str, str]]:
        """Return the findings about an order."""
        looks = Looks(DNS([self.directory.dns]), Lookup([self.directory.dns]), self.world.dns, Ports(port, https))
        report = await Debugger(self.world.aggregates, self.world.acme, looks, self.now).report(order_id)
        return {finding.what: (finding.verdict, finding.detail, finding.advice) for finding in report.findings}


@pytest.fixture
def looking(world, directory):
    return Looking(world, directory)


async def test_all_is_fine_with_an_order_whose_certificate_came(account, looking, stranger):
    found = await looking("www", stranger.of_es_pki)
    assert {verdict for verdict, _, _ in found.values()} == {Verdict.FINE}, found
    assert [what.split(" ")[0] for what in found] == [
        *("order", "account", "directory", "clocks", "addresses", "CAA", "port", "history")
    ]


@pytest.fixture
async def stranger():
    """Servers at port 80: a stranger, one that redirects, and es-pki as it answers to a token that it doesn't know."""

    async def hello(_request):
        return web.Response(text="It works!")

    async def elsewhere(_request):
        return web.Response(status=302, headers={"Location": ports.leads_to})

    async def ours(_request):
        return web.json_response({"type": "urn:es-pki:error:not-found"}, status=404)

    runners = []
    for handler in (hello, elsewhere, ours):
        application = web.Application()
        application.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
    ports = Strangers(*[runner.addresses[0][1] for runner in runners])
    yield ports
    for runner in runners:
        await runner.cleanup()


class Strangers:
    """Where they listen, and where the one that redirects leads to."""

    def __init__(self, greeting: int, redirecting: int, of_es_pki: int) -> None:
        self.greeting, self.redirecting, self.of_es_pki = greeting, redirecting, of_es_pki
        self.leads_to = ""


async def test_whoever_else_answers_at_port_80_is_found(account, looking, stranger):
    found = await looking("www", stranger.greeting)
    verdict, detail, advice = found[f"port {stranger.greeting} of www.example.test at 127.0.0.1"]
    assert (verdict, "somebody else answers" in detail) == (Verdict.FAILED, True)
    assert ".well-known/acme-challenge" in advice


@pytest.mark.parametrize(
    ("leads_to", "verdict", "words"),
    [
        (
            "http://127.0.0.1:{of_es_pki}/x",
            Verdict.FINE,
            "it redirects to http://127.0.0.1:{of_es_pki}/x: es-pki answers",
        ),
        ("http://127.0.0.1:{greeting}/", Verdict.FAILED, "validators don't follow to port {greeting}"),
        ("/again", Verdict.FAILED, "more than 10 redirects"),
        ("ftp://www.example.test/", Verdict.FAILED, "to http and https only"),
        ("http://www.example.test:0x/", Verdict.FAILED, "nobody answers"),
        ("https://127.0.0.1:{of_es_pki}/", Verdict.FAILED, "nobody answers"),
    ],
)
async def test_redirects_are_followed_as_validators_do(account, looking, stranger, leads_to, verdict, words):
    stranger.leads_to = leads_to.format(**vars(stranger))
    order_id = (await looking.world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))).result[
        "order_id"
    ]
    found = await looking.at(order_id, stranger.redirecting, https=stranger.of_es_pki)
    judged, detail, _ = found[f"port {stranger.redirecting} of www.example.test at 127.0.0.1"]
    assert (judged, words.format(**vars(stranger)) in detail) == (verdict, True), detail


async def test_ipv6_that_leads_nowhere_is_named(account, looking, directory, stranger):
    directory.dns_says("add-a", host="six.example.test", addresses=["127.0.0.1"])
    directory.dns_says("add-aaaa", host="six.example.test", addresses=["::1"])
    found = await looking("six", stranger.of_es_pki)
    assert found["addresses of six.example.test"][1] == "127.0.0.1, ::1"
    assert found[f"port {stranger.of_es_pki} of six.example.test at ::1"][0] is Verdict.FAILED
    verdict, _, advice = found["IPv6 of six.example.test"]
    assert (verdict, "AAAA" in advice) == (Verdict.FAILED, True)


@pytest.mark.parametrize(
    ("records", "verdict", "words"),
    [
        ([("issue", "ca.example.test")], Verdict.FINE, ""),
        ([("issue", "other.example.test")], Verdict.FAILED, "other.example.test"),
        ([("issue", ";")], Verdict.FAILED, ";"),
        ([("issue", "other.example.test"), ("issue", "CA.example.test")], Verdict.FINE, ""),
        ([("issue", "ca.example.test; accounturi={account}; validationmethods=dns-01,http-01")], Verdict.FINE, ""),
        ([("issue", "ca.example.test; accounturi=https://a.test/1")], Verdict.FAILED, "the account https://a.test/1"),
        ([("issue", "ca.example.test; validationmethods=dns-01")], Verdict.FAILED, "proved by dns-01"),
        ([("issue", "ca.example.test; validationmethods=dns-01"), ("issue", "ca.example.test")], Verdict.FINE, ""),
        ([("iodef", "mailto:a@example.test")], Verdict.FINE, "nothing about issuing"),
    ],
)
async def test_caa_records_are_read_as_the_directory_does(
    account, looking, directory, stranger, records, verdict, words
):
    url = (await account_of(looking.world)).opening.url
    policies = [{"tag": tag, "value": value.format(account=url)} for tag, value in records]
    directory.dns_says("add-caa", host="caa.example.test", policies=policies)
    try:
        found = await looking("caa", stranger.of_es_pki)
    finally:
        directory.dns_says("clear-caa", host="caa.example.test")
    judged, detail, advice = found["CAA of caa.example.test"]
    assert (judged, words in detail, bool(advice)) == (verdict, True, verdict is Verdict.FAILED), detail


async def account_of(world):
    account_id = await world.aggregates.owner("acme_account_name-pebble")
    return (await world.aggregates.load(ACME_ACCOUNT, account_id)).state


async def test_a_rate_limit_is_told_with_its_next_attempt(account, looking, proxy, stranger):
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429))
    found = await looking("www", stranger.of_es_pki)
    verdict, detail, advice = found["order for www"]
    assert verdict is Verdict.WARNING
    assert "tried again" in detail
    assert advice
    assert "met a rate limit 1 times" in found["history"][1]
    assert found["history"][0] is Verdict.WARNING


async def test_a_rate_limit_that_has_passed_is_remembered(world, account, looking, proxy, stranger, monkeypatch):
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429))
    order_id = (await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))).result["order_id"]
    monkeypatch.setattr(world.acme.orders, "_now", lambda: clock.now() + timedelta(hours=1))
    assert (await world.acme.orders.advance(order_id)).version == 1
    found = await looking.at(order_id, stranger.of_es_pki)
    assert found["order for www"][0] is Verdict.FINE
    assert "too many orders" in found["history"][1]


async def test_names_that_the_directory_refuses_are_told_one_by_one(account, looking, proxy, stranger):
    """As Let's Encrypt tells it: one problem, with one below it for each name."""
    refused = {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "is a secret of ours"}
    refused["identifier"] = {"type": "dns", "value": "two.example.test"}
    document = {"type": "urn:ietf:params:acme:error:malformed", "detail": "two names", "subproblems": [refused]}
    proxy.once("/order-plz", lambda: web.json_response(document, status=400))
    verdict, detail, advice = (await looking("two", stranger.of_es_pki))["order for two"]
    assert verdict is Verdict.FAILED
    assert "two.example.test: the directory certifies no such name: is a secret of ours" in detail
    assert "public names" in advice


async def test_a_profile_that_is_not_offered_is_found(account, looking, proxy, stranger):
    proxy.further["meta"]["profiles"] = {"classic": "as ever"}
    found = await looking("www", stranger.of_es_pki, profile="classics")
    assert found["profile"][:2] == (Verdict.FAILED, "the directory has no profile classics; it offers classic")


async def held(world, request):
    """Place an order in a process that dies when its challenge is answered; return the order's id."""
    broken = World(Failing(world.log, {"append"}, 3, after=True), world.keys._store)
    with pytest.raises(Fault):
        await broken.ask(request)
    await broken.acme.close()
    return await world.aggregates.owner(f"certificate_name-{request.name}")


async def test_the_answer_to_a_challenge_is_looked_at_as_validators_do(world, account, looking, directory, stranger):
    order_id = await held(world, PlaceACMEOrder("held", "pebble", dns_names=("held.example.test",)))
    what = "port {} of held.example.test at 127.0.0.1".format
    found = await looking.at(order_id, stranger.of_es_pki)
    assert found[what(stranger.of_es_pki)][0] is Verdict.FAILED
    right = int(directory._responder.target.rpartition(":")[2])
    found = await looking.at(order_id, right)
    assert found[what(right)][:2] == (Verdict.FINE, "the challenge is answered as it should be")


async def test_the_answer_by_tls_is_looked_at_as_validators_do(world, account, looking, directory, proxy):
    request = PlaceACMEOrder("tls", "pebble", dns_names=("tls.example.test",), challenge=ChallengeType.TLS_ALPN_01)
    order_id, port = await held(world, request), directory.tls_port
    what = "port {} of tls.example.test at 127.0.0.1".format
    assert (await looking.at(order_id, 1, https=port))[what(port)][1].startswith("nobody answers")
    listener = TLSALPNListener(world.acme.tls_alpn_01, server.bind("127.0.0.1", port))
    await listener.start()
    found = await looking.at(order_id, 1, https=port)
    assert found[what(port)][:2] == (Verdict.FINE, "the challenge is answered as it should be")
    await world.ask(AbandonACMEOrder("tls"))
    found = await looking.at(order_id, 1, https=port)
    assert (found[what(port)][0], "not being proved" in found[what(port)][1]) == (Verdict.FINE, True)
    other = int(proxy.url.rpartition(":")[2].partition("/")[0])
    assert (await looking.at(order_id, 1, https=other))[what(other)][0] is Verdict.FAILED
    await listener.close()


async def test_a_web_server_is_tried_with_a_file_of_its_own(account, directory, world):
    with nginx.with_folder() as (root, port):
        using = World(world.log, world.keys._store, webroots=(str(root),))
        order_id = (await using.ask(PlaceACMEOrder("www", "pebble", ("www.example.test",), webroot=str(root)))).result[
            "order_id"
        ]
        what = f"port {port} of www.example.test at 127.0.0.1"
        assert (await Looking(using, directory).at(order_id, port))[what][0] is Verdict.FINE
        assert [path for path in root.rglob("*") if path.is_file()] == []
        assert (await Looking(using, directory).at(order_id, 1))["port 1 of www.example.test at 127.0.0.1"][
            0
        ] is Verdict.FAILED
        found = await Looking(world, directory).at(order_id, port)
        assert found[f"folder {root}"][0] is Verdict.FAILED
        await using.acme.close()


async def test_a_directory_that_is_away_is_found(account, looking, proxy, stranger):
    proxy.once("/dir", lambda: web.Response(status=503), times=99)
    found = await looking("www", stranger.of_es_pki)
    assert found["directory"][0] is Verdict.FAILED


async def test_a_clock_that_is_wrong_is_found(account, looking, stranger):
    looking.now = lambda: clock.now() + timedelta(minutes=5)
    found = await looking("www", stranger.of_es_pki)
    verdict, detail, _ = found["clocks"]
    assert verdict is Verdict.FAILED
    assert "differ by" in detail


async def test_a_closed_account_is_found(world, account, looking, proxy):
    proxy.once("/order-plz", problem("serverInternal", status=500))
    pending = await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))
    await world.ask(DeactivateACMEAccount("pebble"))
    found = await looking.at(pending.result["order_id"], 1)
    assert found["account pebble"][:2] == (Verdict.FAILED, "it was closed")


async def test_there_is_nothing_to_be_said_about_an_order_that_never_was(looking):
    with pytest.raises(ACMEOrderMissing):
        await looking.at("018f0000-0000-7000-8000-000000000001", 1)


def test_every_problem_of_our_own_is_explained():
    sources = (path.read_text() for path in Path(es_pki.__file__).parent.rglob("*.py"))
    ours = {found for source in sources for found in re.findall(r'"(urn:es-pki:acme:[a-z-]+)"', source)}
    assert {str(kind) for kind in Trouble} < ours <= set(EXPLANATIONS)
    assert "urn:ietf:params:acme:error:new" in explained(ACMEProblem("urn:ietf:params:acme:error:new", "")).meaning
