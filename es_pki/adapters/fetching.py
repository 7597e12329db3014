"""Fetching from outside: CRLs, OCSP answers, issuers' certificates. Whose addresses strangers wrote into certificates.

So nothing is fetched from where a stranger could not go himself: addresses that are not global are refused, unless
the settings allow their network, and a name is connected to at just the addresses that were looked at. Time, size and
redirects are bounded, whatever the other side does.
"""

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

SECONDS = 10.0
"""How long a fetch may take, its redirects too."""

LARGEST = 32 * 1024 * 1024
"""Octets of an answer: a CRL of 700,000 entries."""

MOST_REDIRECTS = 3
CONNECTIONS = 32

KEPT = 256
"""Answers that are kept, at most."""

KEPT_SIZE = 64 * 1024 * 1024
"""Octets of all answers that are kept, at most."""

LONGEST_KEPT = 3_600.0
"""Seconds that an answer is kept, at most, whatever `Cache-Control` says."""

USUALLY_KEPT = 300.0
"""Seconds that an answer is kept which doesn't say."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRANSLATED = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class FetchFailed(Exception):
    """Nothing was fetched; the message says from where and why, and repeats nothing of the answer."""


class FetchRefused(FetchFailed):
    """The address is none that may be asked: its scheme, its network, or where it redirects to."""


class _Kept(NamedTuple):
    """An answer and until when it is good, on the event loop's clock."""

    content: bytes
    until: float


class Fetcher:
    """Fetches for everybody who calls out. `allowed`: networks that may be asked although they are not global."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)
        self._session: aiohttp.ClientSession | None = None
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._running: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, url: str, *, largest: int = LARGEST) -> bytes:
        """Return what an address answers, perhaps what it answered shortly before. Raises `FetchFailed`.

        Those who ask for one address at once share one fetch.
        """
        kept = self._kept.get(url)
        if kept is not None and kept.until > asyncio.get_running_loop().time():
            return kept.content
        running = self._running.get(url)
        if running is None:
            running = self._running[url] = asyncio.create_task(self._get(url, largest))
            running.add_done_callback(lambda task: self._ended(url, task))
        return await asyncio.shield(running)

    async def post(self, url: str, body: bytes, content_type: str, *, largest: int = LARGEST) -> bytes:
        """Return what an address answers to a body; nothing is kept. Raises `FetchFailed`."""
        content, _ = await self._within_time("POST", url, largest, body, {"Content-Type": content_type})
        return content

    async def deliver(
        self, url: str, body: bytes, headers: Mapping[str, str], trusting: ssl.SSLContext | None = None
    ) -> None:
        """Hand a body to an address, which takes it by a status of 2xx and leads nowhere else. Raises `FetchFailed`.

        `trusting` says which certificates are, None: those that the system trusts.
        """
        try:
            async with asyncio.timeout(SECONDS):
                self._check(URL(url))
                request = self._opened().post(
                    url, data=body, headers=headers, allow_redirects=False, ssl=trusting or True, max_line_size=8_190
                )
                async with request as answer:
                    if not 200 <= answer.status < 300:
                        raise FetchFailed(f"{shown(url)}: HTTP status {answer.status}")
        except TimeoutError:
            raise FetchFailed(f"{shown(url)}: no answer within {SECONDS:.0f} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(f"{shown(url)}: {_why(error)}") from error

    async def close(self) -> None:
        """Let all connections go."""
        for task in list(self._running.values()):
            task.cancel()
        if self._session is not None:
            await self._session.close()

    async def _get(self, url: str, largest: int) -> bytes:
        content, headers = await self._within_time("GET", url, largest, None, {})
        self._keep(url, content, seconds_kept(headers.get("Cache-Control", "")))
        return content

    def _ended(self, url: str, task: asyncio.Task[bytes]) -> None:
        del self._running[url]
        if not task.cancelled():
            task.exception()  # looked at, also when those who waited for it have gone

    def _keep(self, url: str, content: bytes, seconds: float) -> None:
        self._kept.pop(url, None)
        self._kept[url] = _Kept(content, asyncio.get_running_loop().time() + seconds)
        while len(self._kept) > KEPT or sum(len(kept.content) for kept in self._kept.values()) > KEPT_SIZE:
            self._kept.popitem(last=False)

    async def _within_time(
        self, method: str, url: str, largest: int, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._follow(method, url, largest, body, headers)
        except TimeoutError:
            raise FetchFailed(f"{shown(url)}: no answer within {SECONDS:.0f} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(f"{shown(url)}: {type(error).__name__}") from error

    async def _follow(
        self, method: str, url: str, largest: int, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        target = URL(url)
        for _ in range(MOST_REDIRECTS + 1):
            self._check(target)
            request = self._opened().request(
                method, target, data=body, headers=headers, allow_redirects=False, max_line_size=8_190
            )
            async with request as answer:
                if answer.status in _REDIRECTS and "Location" in answer.headers:
                    target = target.join(URL(answer.headers["Location"]))
                    continue
                if answer.status != 200:
                    raise FetchFailed(f"{shown(url)}: HTTP status {answer.status}")
                return await _read(answer, url, largest), answer.headers
        raise FetchFailed(f"{shown(url)}: more than {MOST_REDIRECTS} redirects")

    def _check(self, target: URL) -> None:
        """Refuse what is not http or https, and addresses that are written out and may not be asked."""
        if target.scheme not in {"http", "https"} or not target.host or target.user is not None:
            raise FetchRefused(f"{shown(str(target))}: only plain http and https addresses are asked")
        try:
            address = ip_address(target.host)
        except ValueError:
            return  # a name: the resolver looks at its addresses
        if not may_ask(address, self._allowed):
            raise FetchRefused(f"{shown(str(target))}: {address} is in no public network")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Guarded(self._allowed), use_dns_cache=False, limit=CONNECTIONS, force_close=True
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            )
        return self._session


class _Guarded(AbstractResolver):
    """Resolves names, and answers only when every address of the name may be asked: the very ones connected to."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises `FetchRefused`."""
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            if not may_ask(ip_address(result["host"].partition("%")[0]), self._allowed):
                raise FetchRefused(f"{host}: {result['host']} is in no public network")
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()


def _why(error: Exception) -> str:
    """Return what went wrong, in words that come from this side: where no connection was made, why."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate isn't trusted: {getattr(error.certificate_error, 'verify_message', '')}"
        case aiohttp.ClientConnectorError():
            return str(error.os_error.strerror or type(error).__name__)[:200]
        case _:
            return type(error).__name__


def may_ask(address: Address, allowed: Sequence[Network]) -> bool:
    """Tell whether an address is global, and every IPv4 address inside it too, or in a network that is allowed."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    inner = _inside(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return may_ask(inner, allowed)
    return address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, 6to4, Teredo or translated (RFC 6052)."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def seconds_kept(cache_control: str) -> float:
    """Return how long an answer is good (RFC 9111 section 5.2.2), within our own bounds."""
    directives = {part.strip().lower() for part in cache_control.split(",")}
    if directives & {"no-store", "no-cache", "private"}:
        return 0.0
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            return min(float(value[:9]), LONGEST_KEPT)
    return USUALLY_KEPT


def shown(url: str) -> str:
    """Return an address as it is told: printable, short, without a password."""
    try:
        text = str(URL(url).with_user(None).with_query(None).with_fragment(None))
    except (ValueError, TypeError):
        text = "an address that can't be read"
    return text[:200] if text.isprintable() else ascii(text[:200])


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return networks in CIDR form. Raises `ValueError`."""
    return tuple(ip_network(text.strip()) for text in texts)


async def _read(answer: aiohttp.ClientResponse, url: str, largest: int) -> bytes:
    if (answer.content_length or 0) > largest:
        raise FetchFailed(f"{shown(url)}: an answer of more than {largest} octets")
    content = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        content += piece
        if len(content) > largest:
            raise FetchFailed(f"{shown(url)}: an answer of more than {largest} octets")
    return bytes(content)
