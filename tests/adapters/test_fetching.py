"""Whatever is written into a certificate, nothing inside is asked, and no answer takes long or all the memory."""

import asyncio
import contextlib
from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web

from es_pki.adapters import fetching
from es_pki.adapters.fetching import Fetcher, FetchFailed, FetchRefused, may_ask, seconds_kept

HERE = ip_network("127.0.0.2/32")
"""The network that the tests allow; everything else of this machine stays refused."""

WAITS = 0.3


class Elsewhere:
    """A server of somebody else: `asked` counts its requests by path."""

    def __init__(self):
        self.asked = {}
        self.url = ""

    async def answer(self, request):
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        match request.path.split("/")[1:]:
            case ["crl", *_]:
                return web.Response(body=b"a CRL", headers={"Cache-Control": request.query.get("control", "")})
            case ["echo"]:
                return web.Response(body=await request.read() + request.content_type.encode())
            case ["to"]:
                return web.Response(status=302, headers={"Location": request.query["url"]})
            case ["loop"]:
                return web.Response(status=307, headers={"Location": "/loop"})
            case ["slow"]:
                await asyncio.sleep(5)
            case ["large"]:
                return web.Response(body=bytes(2_000))
            case ["endless"]:
                return await self.pour(request)
        return web.Response(status=404, body=b"secret")

    async def pour(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(1 << 16))
        return response


@pytest.fixture
async def elsewhere():
    server = Elsewhere()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.2", 0)
    await site.start()
    server.url = f"http://127.0.0.2:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def fetcher():
    fetcher = Fetcher([HERE])
    yield fetcher
    await fetcher.close()


async def refused(fetcher, url):
    with pytest.raises(FetchRefused) as told:
        await fetcher.get(url)
    return str(told.value)


async def test_an_allowed_network_is_asked(fetcher, elsewhere):
    assert await fetcher.get(f"{elsewhere.url}/crl") == b"a CRL"
    assert await fetcher.post(f"{elsewhere.url}/echo", b"asked", "application/ocsp-request") == (
        b"askedapplication/ocsp-request"
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::]", "169.254.169.254", "10.0.0.1"]
)
async def test_addresses_inside_are_refused_however_they_are_written(fetcher, host):
    assert "is in no public network" in await refused(fetcher, f"http://{host}:9/crl")


async def test_a_redirect_leads_nowhere_inside(fetcher, elsewhere):
    for url in ("http://127.0.0.1:9/", "http://localhost:9/", "file:///etc/passwd", "ftp://127.0.0.2/"):
        await refused(fetcher, f"{elsewhere.url}/to?url={url}")
    assert await fetcher.get(f"{elsewhere.url}/to?url=/crl") == b"a CRL"
    with pytest.raises(FetchFailed, match="more than 3 redirects"):
        await fetcher.get(f"{elsewhere.url}/loop")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ldap://ldap.example.test/cn=CRL", "http://", "crl", "http://u:p@a.test/"]
)
async def test_only_http_is_asked_and_no_password_is_told(fetcher, url):
    assert "u:p" not in await refused(fetcher, url)


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://a.test:99999/", "http://2130706433/", "http://127.1/", "\x00", "http://\u202e.test/\n"],
)
async def test_what_is_no_address_is_said(fetcher, url):
    with pytest.raises(FetchFailed) as told:
        await fetcher.get(url)
    assert str(told.value).isprintable()


async def test_an_answer_that_is_too_large_is_not_read(fetcher, elsewhere):
    for path in ("large", "endless"):
        with pytest.raises(FetchFailed, match="more than 1000 octets"):
            await fetcher.get(f"{elsewhere.url}/{path}", largest=1_000)


async def test_a_slow_answer_is_not_waited_for(fetcher, elsewhere, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", WAITS)
    with pytest.raises(FetchFailed, match="no answer within"):
        await fetcher.get(f"{elsewhere.url}/slow")


async def test_a_failure_is_told_without_the_answer_and_is_not_kept(fetcher, elsewhere):
    for _ in range(2):
        with pytest.raises(FetchFailed, match="HTTP status 404") as told:
            await fetcher.get(f"{elsewhere.url}/nothing?token=abc")
        assert "secret" not in str(told.value)
        assert "abc" not in str(told.value)
    assert elsewhere.asked["/nothing"] == 2
    with pytest.raises(FetchFailed, match="ClientConnectorError"):
        await fetcher.get("http://127.0.0.2:9/crl")


async def test_answers_are_kept_as_long_as_they_say(fetcher, elsewhere):
    for _ in range(2):
        await fetcher.get(f"{elsewhere.url}/crl/kept")
        await fetcher.get(f"{elsewhere.url}/crl/not-kept?control=no-store")
    assert elsewhere.asked == {"/crl/kept": 1, "/crl/not-kept": 2}


async def test_those_who_ask_at_once_share_a_fetch(fetcher, elsewhere):
    answers = await asyncio.gather(*(fetcher.get(f"{elsewhere.url}/crl") for _ in range(20)))
    assert (set(answers), elsewhere.asked) == ({b"a CRL"}, {"/crl": 1})


async def test_what_is_kept_is_bounded(fetcher, elsewhere, monkeypatch):
    monkeypatch.setattr(fetching, "KEPT", 2)
    for number in (1, 2, 3, 1):
        await fetcher.get(f"{elsewhere.url}/crl/{number}")
    assert elsewhere.asked["/crl/1"] == 2


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("192.0.2.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:0a00:0001::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("10.9.0.1", True),
    ],
)
def test_what_may_be_asked_is_global_inside_too(address, asked):
    assert may_ask(ip_address(address), [ip_network("10.9.0.0/16")]) is asked


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("", 300),
        ("max-age=60", 60),
        ("public, MAX-AGE=86400", 3_600),
        ("no-cache, max-age=60", 0),
        ("max-age=-1", 300),
        ("max-age=" + "9" * 400, 3_600),
    ],
)
def test_how_long_an_answer_is_kept(control, seconds):
    assert seconds_kept(control) == seconds
