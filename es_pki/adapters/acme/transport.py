"""How requests reach a directory: TLS always verified, nonces kept, time limits everywhere, bounded retries.

What a directory must not get twice is sent twice only when it said that it did nothing (`badNonce`), or when there was
no connection to send it over.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple, TypeVar

import aiohttp
import msgspec

from es_pki.adapters.acme import messages
from es_pki.adapters.acme.jws import AccountKey
from es_pki.adapters.acme.pacing import http_date, jittered, retry_after
from es_pki.adapters.acme.problems import AnswerMalformed, BadNonce, Trouble, Unreachable, reported

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0

LARGEST_ANSWER = 1024 * 1024
"""Octets: a chain of ten certificates takes 100 KiB."""

NONCES = 32
NONCE_ATTEMPTS = 20
"""How often a request is sent anew because its nonce was not taken: half of them may fail, and no order is lost."""

CONNECTION_ATTEMPTS = 3
CONNECTION_PAUSE_SECONDS = 0.2

REMEMBERED_SECONDS = 3600.0
"""How long a directory's addresses are good without asking again."""

R = TypeVar("R")


class Reply(NamedTuple):
    """An answer of success. `links` are the addresses of its `Link` headers, by relation, in their order.

    `retry_at` is when it wants to be asked again, `wait_seconds` how long that is from now, and `date` what time it was
    there; None and 0 where it doesn't say.
    """

    body: bytes
    location: str
    links: Mapping[str, tuple[str, ...]]
    retry_at: datetime | None
    date: datetime | None
    wait_seconds: float = 0.0

    def read(self, kind: type[R]) -> R:
        """Return the resource. Raises `AnswerMalformed`."""
        return messages.read(self.body, kind)


class Transport:
    """Requests to one directory. Everything raises `DirectoryFailed`. Not to be shared between event loops."""

    def __init__(self, url: str, ca_bundle: str, now: Callable[[], datetime], elapsed: Callable[[], float]) -> None:
        self.url = url
        self._now = now
        self._elapsed = elapsed
        self._nonces: deque[str] = deque(maxlen=NONCES)
        self._known: tuple[float, messages.Directory] | None = None
        context = ssl.create_default_context(cadata=ca_bundle or None)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=16),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": f"es-pki/{version('es-pki')}", "Accept-Language": "en"},
            trust_env=True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def directory(self, *, afresh: bool = False) -> messages.Directory:
        """Return where the operations are."""
        if self._known is not None and not afresh and self._elapsed() - self._known[0] < REMEMBERED_SECONDS:
            return self._known[1]
        found = (await self.get(self.url)).read(messages.Directory)
        self._known = (self._elapsed(), found)
        return found

    async def get(self, url: str) -> Reply:
        """Fetch what is open to everybody."""
        return await self._sent("GET", url, None)

    async def post(
        self,
        url: str,
        payload: object,
        key: AccountKey,
        *,
        account: str | None = None,
        accept: str = "application/json",
    ) -> Reply:
        """Send a signed request; `payload` None fetches (POST-as-GET); `account` None signs with the key itself."""
        body = b"" if payload is None else msgspec.json.encode(payload)
        identity: dict[str, object] = {"jwk": key.jwk} if account is None else {"kid": account}
        headers = {"Content-Type": "application/jose+json", "Accept": accept}
        for attempt in range(NONCE_ATTEMPTS):
            signed = await key.signed(body, nonce=await self._nonce(), url=url, **identity)
            try:
                return await self._sent("POST", url, signed, headers)
            except BadNonce:
                if attempt == NONCE_ATTEMPTS - 1:
                    raise
        raise AssertionError("every attempt returns, raises or goes on to the next")

    async def _nonce(self) -> str:
        while self._nonces:
            return self._nonces.pop()  # the youngest: old ones are forgotten first
        await self._sent("HEAD", (await self.directory()).new_nonce, None)
        if not self._nonces:
            raise AnswerMalformed("the directory gives no nonces (RFC 8555 section 7.2)")
        return self._nonces.pop()

    async def _sent(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send; where there is no connection, once more and again."""
        for attempt in range(1, CONNECTION_ATTEMPTS + 1):
            try:
                return await self._exchanged(method, url, body, headers or {})
            except aiohttp.ClientConnectorCertificateError as error:
                raise Unreachable(Trouble.UNTRUSTED, str(error.certificate_error)) from None
            except aiohttp.ClientConnectorError as error:
                if attempt == CONNECTION_ATTEMPTS:
                    raise Unreachable(Trouble.UNREACHABLE, str(error)) from None
            except TimeoutError:
                raise Unreachable(Trouble.SLOW, f"no answer within {ANSWER_SECONDS:.0f} seconds") from None
            except aiohttp.ClientError as error:
                # Perhaps it was sent: only what changes nothing, or is known again by its key or address, is repeated.
                if attempt == CONNECTION_ATTEMPTS or method == "POST":
                    raise Unreachable(Trouble.UNREACHABLE, str(error) or type(error).__name__) from None
            await asyncio.sleep(jittered(CONNECTION_PAUSE_SECONDS * attempt))
        raise AssertionError("every attempt returns, raises or goes on to the next")

    async def _exchanged(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        redirects = method == "GET"
        async with self._session.request(method, url, data=body, headers=headers, allow_redirects=redirects) as answer:
            content = await _whole(answer.content)
            nonce = answer.headers.get("Replay-Nonce")
            if nonce:
                self._nonces.append(nonce)
            now = self._now()
            retry_at = retry_after(answer.headers.get("Retry-After"), now)
            if answer.status >= 300:
                raise reported(answer.status, content, retry_at)
            links = _links(answer.headers.getall("Link", []))
            date = http_date(answer.headers.get("Date", ""))
            wait_seconds = (retry_at - now).total_seconds() if retry_at is not None else 0.0
            return Reply(content, answer.headers.get("Location", ""), links, retry_at, date, wait_seconds)


async def _whole(stream: aiohttp.StreamReader) -> bytes:
    """Return an answer's body. Raises `AnswerMalformed` for one that has no end in sight."""
    content = bytearray()
    async for part in stream.iter_any():
        content += part
        if len(content) > LARGEST_ANSWER:
            raise AnswerMalformed(f"the answer has more than {LARGEST_ANSWER} octets")
    return bytes(content)


def _links(headers: list[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of `Link` headers by relation (RFC 8288 section 3), as directories write them."""
    found: dict[str, tuple[str, ...]] = {}
    for part in ",".join(headers).split(","):
        address, _, parameters = part.strip().partition(";")
        relation = parameters.partition("rel=")[2].partition(";")[0].strip().strip('"')
        if address.startswith("<") and address.endswith(">") and relation:
            found[relation] = (*found.get(relation, ()), address[1:-1])
    return found
