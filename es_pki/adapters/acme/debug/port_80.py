"""Who answers at port 80 of each address of a name, through all redirects, as a validator of http-01 sees it."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
from msgspec import Struct

from es_pki.adapters.acme.debug.report import Finding, Verdict, failed, fine

FETCH_SECONDS = 5.0
LARGEST_ANSWER = 4 * 1024
MOST_REDIRECTS = 10

CHALLENGES = "/.well-known/acme-challenge/"


class Expected(NamedTuple):
    """What is to be found under a token; `answer` None: es-pki says that it knows no such token."""

    token: str
    answer: str | None


class Ports(Struct, frozen=True):
    """Where validators look: 80 and 443 in the world outside of tests. Redirects may lead nowhere else."""

    http: int = 80
    https: int = 443


class Fetched(NamedTuple):
    """The last answer, behind all redirects."""

    status: int
    body: bytes


class Visit(NamedTuple):
    """Who is looked at: an address of a name, where validators look."""

    name: str
    address: str
    ports: Ports

    @property
    def base(self) -> str:
        """Return what URLs at the address begin with."""
        return f"http://{f'[{self.address}]' if ':' in self.address else self.address}:{self.ports.http}"


class Lost(Exception):
    """A redirect that no validator follows. The text says why."""


async def answers(name: str, found: Sequence[str], expected: Expected, ports: Ports) -> AsyncIterator[Finding]:
    """Yield who answers at each address, and what is wrong with IPv6 where only that is."""
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        works = [_answered(session, Visit(name, address, ports), expected) for address in found]
        findings = await asyncio.gather(*works)
    for finding in findings:
        yield finding
    verdicts = {4: set[Verdict](), 6: set[Verdict]()}
    for address, finding in zip(found, findings, strict=True):
        verdicts[ipaddress.ip_address(address).version].add(finding.verdict)
    if Verdict.FAILED in verdicts[6] and verdicts[4] == {Verdict.FINE}:
        advice = "have the port answered by IPv6 as well, or remove the AAAA record"
        yield failed(f"IPv6 of {name}", "by IPv4 all is well, by IPv6 it isn't: validators try IPv6 first", advice)


async def _answered(session: aiohttp.ClientSession, visit: Visit, expected: Expected) -> Finding:
    what = f"port {visit.ports.http} of {visit.name} at {visit.address}"
    hops: list[str] = []
    try:
        fetched = await _fetched(session, visit, f"{CHALLENGES}{expected.token}", hops)
    except Lost as lost:
        return failed(what, f"{_led(hops)}{lost}", "redirect to ports 80 and 443 only, and in no circle")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        advice = "open the port for everybody; remove the address from DNS if nothing is there (IPv6 is tried first)"
        return failed(what, f"{_led(hops)}nobody answers: {type(error).__name__}", advice)
    if expected.answer is not None and fetched.body.strip() == expected.answer.encode():
        return fine(what, f"{_led(hops)}the challenge is answered as it should be")
    if expected.answer is None and fetched.status == 404 and _is_ours(fetched.body):
        return fine(what, f"{_led(hops)}es-pki answers")
    advice = "have what answers there pass /.well-known/acme-challenge/ on to the public listener of es-pki"
    return failed(what, f"{_led(hops)}somebody else answers (status {fetched.status})", advice)


async def _fetched(session: aiohttp.ClientSession, visit: Visit, path: str, hops: list[str]) -> Fetched:
    """Fetch what is at an address under a name, and where that leads; each redirect is added to `hops`."""
    here = {"Host": visit.name}
    told, url, headers = f"http://{visit.name}{path}", f"{visit.base}{path}", here
    while True:
        async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as answer:
            location = answer.headers.get("Location", "")
            if not 300 <= answer.status < 400 or not location:
                return Fetched(answer.status, await answer.content.read(LARGEST_ANSWER))
        told = urljoin(told, location)
        hops.append(told)
        _check_redirect(told, visit.ports, len(hops))
        parts = urlsplit(told)
        is_here = parts.hostname == visit.name and parts.scheme == "http"
        url, headers = (
            (f"{visit.base}{parts._replace(scheme='', netloc='', fragment='').geturl() or '/'}", here)
            if is_here
            else (told, {})
        )


def _check_redirect(url: str, ports: Ports, count: int) -> None:
    """Require that validators follow a redirect. Raises `Lost` and `ValueError`."""
    parts = urlsplit(url)
    if count > MOST_REDIRECTS:
        raise Lost(f"that is more than {MOST_REDIRECTS} redirects")
    if parts.scheme not in {"http", "https"}:
        raise Lost("validators follow to http and https only")
    if parts.port not in {None, 80, 443, ports.http, ports.https}:
        raise Lost(f"validators don't follow to port {parts.port}")


def _led(hops: Sequence[str]) -> str:
    return f"it redirects to {', then to '.join(hops[:3])}{', …' if hops[3:] else ''}: " if hops else ""


def _is_ours(body: bytes) -> bool:
    """Tell whether an answer is the one of es-pki about a token that it doesn't know."""
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("type") == "urn:es-pki:error:not-found"
