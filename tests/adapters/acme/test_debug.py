"""What a look at an order finds when something is wrong, with a real directory and a real DNS server."""

from datetime import timedelta

import pytest
from aiohttp import web

from es_pki.adapters import clock
from es_pki.adapters.acme.debug.debugger import Debugger
from es_pki.adapters.acme.debug.explanations import EXPLANATIONS, explained
from es_pki.adapters.acme.debug.names import DNS
from es_pki.adapters.acme.debug.report import Verdict
from es_pki.adapters.acme.problems import Trouble
from es_pki.adapters.intake.requests import DeactivateACMEAccount, PlaceACMEOrder
from es_pki.adapters.views.rebuild import rebuild
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.commands.acme_order import ACMEOrderMissing
from es_pki.projections import acme_orders
from es_pki.values.acme import ACMEProblem
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import registration


@pytest.fixture
async def account(world, proxy, listening):
    """An account at the proxied directory."""
    proxy.further["meta"] = {"caaIdentities": ["ca.example.test"]}
    await world.ask(registration(proxy))


class Looking:
    """Reports about a world's orders, by way of the directory's own DNS server."""

    def __init__(self, world, views, directory) -> None:
        self.world, self.views, self.directory = world, views, directory
        address, _, port = directory.dns.partition(":")
        self.now = clock.now
        self._dns = DNS([(address, int(port))])

    async def __call__(self, name: str, port: int) -> dict[str, tuple[Verdict, str, str]]:
        """Order a certificate; return the findings about it by what they are about."""
        answer = await self.world.ask(PlaceACMEOrder(name, "pebble", dns_names=(f"{name}.example.test",)))
        await rebuild(self.world.log, self.views, acme_orders.view)
        debugger = Debugger(self.world.aggregates, self.views, self.world.acme, self.now, resolver=self._dns, port=port)
        report = await debugger.report(answer.result["order_id"])
        return {finding.what: (finding.verdict, finding.detail, finding.advice) for finding in report.findings}


@pytest.fixture
async def looking(world, tmp_path, directory):
    views = await SQLiteViews.open(tmp_path / "views.db")
    yield Looking(world, views, directory)
    await views.close()


async def test_all_is_fine_with_an_order_whose_certificate_came(account, looking, stranger):
    found = await looking("www", stranger.of_es_pki)
    assert {verdict for verdict, _, _ in found.values()} == {Verdict.FINE}, found
    assert [what.split(" ")[0] for what in found] == [
        *("order", "account", "directory", "clocks", "addresses", "CAA", "port", "history")
    ]


@pytest.fixture
async def stranger():
    """Somebody at port 80 who is not es-pki, who says so by status; and es-pki's own answer to an unknown token."""

    async def hello(_request):
        return web.Response(text="It works!")

    async def elsewhere(_request):
        raise web.HTTPFound("https://www.example.test/")

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
    ports = [runner.addresses[0][1] for runner in runners]
    yield Ports(*ports)
    for runner in runners:
        await runner.cleanup()


class Ports:
    """Where the strangers listen."""

    def __init__(self, greeting: int, redirecting: int, of_es_pki: int) -> None:
        self.greeting, self.redirecting, self.of_es_pki = greeting, redirecting, of_es_pki


async def test_whoever_else_answers_at_port_80_is_found(account, looking, stranger):
    found = await looking("www", stranger.greeting)
    verdict, detail, advice = found[f"port {stranger.greeting} of www.example.test at 127.0.0.1"]
    assert (verdict, "somebody else answers" in detail) == (Verdict.FAILED, True)
    assert ".well-known/acme-challenge" in advice


async def test_a_redirect_at_port_80_is_found(account, looking, stranger):
    found = await looking("www", stranger.redirecting)
    verdict, detail, _ = found[f"port {stranger.redirecting} of www.example.test at 127.0.0.1"]
    assert (verdict, detail) == (Verdict.WARNING, "it redirects to https://www.example.test/")


async def test_a_port_at_which_nobody_is_is_found(account, looking):
    found = await looking("www", 1)
    assert found["port 1 of www.example.test at 127.0.0.1"][0] is Verdict.FAILED


async def test_a_name_whose_dns_fails_is_found(account, looking, directory, stranger):
    directory.dns_says("set-servfail", host="broken.example.test")
    found = await looking("broken", stranger.of_es_pki)
    assert found["addresses of broken.example.test"][0] is Verdict.FAILED
    assert found["CAA of broken.example.test"][0] is Verdict.FAILED
    assert found["order for broken"][0] is Verdict.FAILED


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("ca.example.test", Verdict.FINE),
        ("other.example.test", Verdict.FAILED),
        (";", Verdict.FAILED),
        ("ca.example.test; accounturi=https://ca.example.test/1", Verdict.WARNING),
    ],
)
async def test_a_caa_record_that_names_another_authority_is_found(
    account, looking, directory, stranger, value, verdict
):
    directory.dns_says("add-caa", host="caa.example.test", policies=[{"tag": "issue", "value": value}])
    try:
        found = await looking("caa", stranger.of_es_pki)
    finally:
        directory.dns_says("clear-caa", host="caa.example.test")
    assert found["CAA of caa.example.test"][0] is verdict, found["CAA of caa.example.test"]


async def test_a_rate_limit_is_told_with_its_next_attempt(account, looking, proxy, stranger):
    proxy.once("/order-plz", problem("rateLimited", "too many orders", status=429))
    found = await looking("www", stranger.of_es_pki)
    verdict, detail, advice = found["order for www"]
    assert verdict is Verdict.WARNING
    assert "tried again" in detail
    assert advice
    assert "rate limit" in found["history"][1]


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


async def test_a_closed_account_is_found(world, account, looking, proxy, stranger):
    proxy.once("/order-plz", problem("serverInternal", status=500))
    pending = await world.ask(PlaceACMEOrder("www", "pebble", dns_names=("www.example.test",)))
    await world.ask(DeactivateACMEAccount("pebble"))
    await rebuild(world.log, looking.views, acme_orders.view)
    debugger = Debugger(world.aggregates, looking.views, world.acme, clock.now, resolver=looking._dns, port=1)
    report = await debugger.report(pending.result["order_id"])
    assert report.verdict is Verdict.FAILED
    assert "closed" in next(finding.detail for finding in report.findings if finding.what.startswith("account"))


async def test_there_is_nothing_to_be_said_about_an_order_that_never_was(world, looking):
    debugger = Debugger(world.aggregates, looking.views, world.acme, clock.now)
    with pytest.raises(ACMEOrderMissing):
        await debugger.report("018f0000-0000-7000-8000-000000000001")


def test_every_problem_of_our_own_is_explained():
    assert {str(kind) for kind in Trouble} <= set(EXPLANATIONS)
    assert "urn:ietf:params:acme:error:new" in explained(ACMEProblem("urn:ietf:params:acme:error:new", "")).meaning
