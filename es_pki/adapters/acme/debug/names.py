"""A name in DNS as a validator's resolver sees it: its addresses, its alias, and whether DNSSEC breaks it."""

import asyncio
from collections.abc import Iterable

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.nameserver
import dns.resolver

from es_pki.adapters.acme.debug.report import Finding, failed, fine
from es_pki.values.dns import host_and_port

LOOK_UP_SECONDS = 3.0


class DNS:
    """Looks names up, at the given resolvers (`HOST:PORT`) or at the system's."""

    def __init__(self, resolvers: Iterable[str] = ()) -> None:
        self._resolvers = tuple(resolvers)

    async def look_up(self, name: str, kind: str, *, unchecked: bool = False) -> dns.resolver.Answer | None:
        """Return the records, None if there are none. Raises `dns.exception.DNSException` and `OSError`.

        `unchecked`: also what DNSSEC doesn't vouch for (RFC 4035 section 3.2.2).
        """
        resolver = dns.asyncresolver.Resolver(configure=not self._resolvers)
        if self._resolvers:
            servers = [dns.nameserver.Do53Nameserver(*host_and_port(each)) for each in self._resolvers]
            resolver.nameservers = servers
        if unchecked:
            resolver.flags = dns.flags.RD | dns.flags.CD
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
        advice = "mend the name's DNS: DS records and signatures, and whether all its name servers answer"
        return [], [failed(what, await why(resolver, name, error), advice)]
    found = [str(record) for answer in (v4, v6) if answer is not None for record in answer]
    if not found:
        return [], [failed(what, "DNS knows no address", "add an A or AAAA record that leads to this server")]
    aliased = next((str(answer.canonical_name).rstrip(".") for answer in (v4, v6) if answer is not None), name)
    by_alias = f" (an alias of {aliased})" if aliased != name else ""
    return found, [fine(what, f"{', '.join(found)}{by_alias}")]


async def why(resolver: DNS, name: str, error: Exception) -> str:
    """Say why a name could not be looked up: DNSSEC, if its servers answer what nobody vouches for."""
    try:
        await resolver.look_up(name, "A", unchecked=True)
    except (dns.exception.DNSException, OSError):
        return f"DNS doesn't answer: {type(error).__name__}"
    return "DNSSEC fails: there are answers, but their signatures don't hold"
