"""A name as a validator sees it: its addresses and CAA records in DNS, and who answers at port 80 of each address."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import aiohttp
import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdtypes.ANY.CAA
import dns.resolver

from es_pki.adapters.acme.debug.report import Finding, failed, fine, unknown, warning

LOOK_UP_SECONDS = 3.0
FETCH_SECONDS = 5.0
LARGEST_ANSWER = 4 * 1024

CHALLENGES = "/.well-known/acme-challenge/"


class Expected(NamedTuple):
    """What is to be found under a token; `answer` None: es-pki says that it knows no such token."""

    token: str
    answer: str | None


class DNS:
    """Looks names up, at the given servers (`address`, `port`) or at the system's."""

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        self._servers = servers

    async def look_up(self, name: str, kind: str) -> dns.resolver.Answer | None:
        """Return the records, None if there are none. Raises `dns.exception.DNSException` and `OSError`."""
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [address for address, _ in self._servers]
            resolver.port = self._servers[0][1]
        try:
            return await resolver.resolve(name, kind, lifetime=LOOK_UP_SECONDS, search=False)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return None


async def addresses(resolver: DNS, name: str) -> tuple[list[str], list[Finding]]:
    """Return a name's addresses, and what is to be said about them."""
    what = f"addresses of {name}"
    try:
        v4, v6 = await asyncio.gather(resolver.look_up(name, "A"), resolver.look_up(name, "AAAA"))
    except (dns.exception.DNSException, OSError) as error:
        advice = "mend the name's DNS; look at DNSSEC, and at whether all its name servers answer"
        return [], [failed(what, f"DNS doesn't answer: {type(error).__name__}", advice)]
    found = [str(record) for answer in (v4, v6) if answer is not None for record in answer]
    if not found:
        return [], [failed(what, "DNS knows no address", "add an A or AAAA record that leads to this server")]
    aliased = next((str(answer.canonical_name).rstrip(".") for answer in (v4, v6) if answer is not None), name)
    by_alias = f" (an alias of {aliased})" if aliased != name else ""
    return found, [fine(what, f"{', '.join(found)}{by_alias}")]


async def caa(resolver: DNS, name: str, authorities: Sequence[str], *, is_wildcard: bool = False) -> Finding:
    """Return whether CAA records let one of the directory's authorities certify a name (RFC 8659)."""
    what, labels = f"CAA of {name}", name.split(".")
    try:
        for depth in range(len(labels)):
            answer = await resolver.look_up(".".join(labels[depth:]), "CAA")
            if answer is not None:
                return _judged(what, ".".join(labels[depth:]), answer, authorities, is_wildcard=is_wildcard)
    except (dns.exception.DNSException, OSError) as error:
        advice = "mend the name's DNS: while nobody can tell, no authority may certify the name"
        return failed(what, f"DNS doesn't answer: {type(error).__name__}", advice)
    return fine(what, "none: every authority may certify the name")


def _judged(
    what: str, where: str, answer: dns.resolver.Answer, authorities: Sequence[str], *, is_wildcard: bool
) -> Finding:
    records = [record for record in answer if isinstance(record, dns.rdtypes.ANY.CAA.CAA)]
    issue = [r.value.decode(errors="replace") for r in records if r.tag == b"issue"]
    wild = [r.value.decode(errors="replace") for r in records if r.tag == b"issuewild"]
    counted = wild if is_wildcard and wild else issue
    told = f"{where}: {', '.join(counted) or 'nothing about issuing'}"
    if not counted:
        return fine(what, told)
    if not authorities:
        return unknown(what, told, "the directory doesn't say by which name CAA records may know it")
    mine = [value for value in counted if value.partition(";")[0].strip() in authorities]
    if not mine:
        advice = f"add a CAA record: issue {authorities[0]!r}, or order from an authority that is named"
        return failed(what, told, advice)
    if all(";" in value and value.partition(";")[2].strip() for value in mine):
        advice = "compare accounturi and validationmethods with the account's URL and the challenge (RFC 8657)"
        return warning(what, told, advice)
    return fine(what, told)


async def answers(name: str, found: Sequence[str], expected: Expected, port: int) -> AsyncIterator[Finding]:
    """Yield who answers at port 80 of each address."""
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        works = [_answered(session, name, address, expected, port) for address in found]
        for finding in await asyncio.gather(*works):
            yield finding


async def _answered(session: aiohttp.ClientSession, name: str, address: str, expected: Expected, port: int) -> Finding:
    what = f"port {port} of {name} at {address}"
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{port}{CHALLENGES}{expected.token}"
    try:
        async with session.get(url, headers={"Host": name}, allow_redirects=False) as answer:
            body = await answer.content.read(LARGEST_ANSWER)
            status, location = answer.status, answer.headers.get("Location", "")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        advice = "open the port for everybody; remove the address from DNS if nothing is there (IPv6 is tried first)"
        return failed(what, f"nobody answers: {type(error).__name__}", advice)
    if 300 <= status < 400:
        advice = "the answer must be found there as well; better pass /.well-known/acme-challenge/ on"
        return warning(what, f"it redirects to {location}", advice)
    if expected.answer is not None and body.strip() == expected.answer.encode():
        return fine(what, "the challenge is answered as it should be")
    if expected.answer is None and status == 404 and _is_ours(body):
        return fine(what, "es-pki answers")
    advice = "have what answers there pass /.well-known/acme-challenge/ on to the public listener of es-pki"
    return failed(what, f"somebody else answers (status {status})", advice)


def _is_ours(body: bytes) -> bool:
    """Tell whether an answer is the one of es-pki about a token that it doesn't know."""
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("type") == "urn:es-pki:error:not-found"
