"""What DNS says: where an alias leads, which zone a name is in, who serves it, and what each server answers.

Aliases, zones and their servers are asked for at resolvers; records always at the zone's own name servers, one by one,
since what a resolver remembers is not what a validator will see. By TCP, where
nobody answers in another's name, and which tells at once that nobody is there.
"""

import asyncio
import socket
from collections.abc import Iterable
from typing import NamedTuple

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from es_pki.adapters.dns.problems import DNSFailed
from es_pki.values.dns import DNS_PORT, host_and_port

QUERY_SECONDS = 5.0
RESOLVING_SECONDS = 15.0

LONGEST_CHAIN = 8
"""Aliases after one another: validators follow about as many."""

Address = tuple[str, int]


class NameServer(NamedTuple):
    """A server of a zone, with each address under which it is reached."""

    name: str
    addresses: tuple[Address, ...]


class Lookup:
    """Asks. `resolvers` (`HOST:PORT`) instead of the system's; `port` is that of the servers that zones name."""

    def __init__(self, resolvers: Iterable[str] = (), port: int = DNS_PORT) -> None:
        self._resolvers = tuple(resolvers)
        self._port = port

    async def target(self, name: str) -> str:
        """Return where the aliases of a name lead (RFC 1034 section 3.6.2), the name itself without any.

        Raises `DNSFailed`.
        """
        found = dns.name.from_text(name)
        seen = [found]
        while True:
            alias = await self._ask(found, dns.rdatatype.CNAME)
            if alias is None or not alias.rrset:
                return _text(found)
            found = alias.rrset[0].target
            if found in seen or len(seen) > LONGEST_CHAIN:
                raise DNSFailed(f"the aliases of {name} lead nowhere", is_final=True)
            seen.append(found)

    async def zone_of(self, name: str, servers: Iterable[Address] = ()) -> str:
        """Return the zone that a name is in: the nearest name above with an SOA, at these servers or at resolvers.

        Raises `DNSFailed`.
        """
        addresses = tuple(servers)
        if addresses:
            return await _zone_at(dns.name.from_text(name), addresses)
        try:
            resolver = self._resolver()
            return _text(await dns.asyncresolver.zone_for_name(name, resolver=resolver, lifetime=RESOLVING_SECONDS))
        except (dns.exception.DNSException, OSError) as error:
            raise DNSFailed(f"the zone of {name} was not found: {_words(error)}") from None

    async def name_servers(self, zone: str) -> tuple[NameServer, ...]:
        """Return the servers that a zone names. Raises `DNSFailed`."""
        answer = await self._ask(dns.name.from_text(zone), dns.rdatatype.NS)
        names = [record.target for record in answer.rrset or ()] if answer else []
        if not names:
            raise DNSFailed(f"the zone {zone} names no servers")
        return tuple(await asyncio.gather(*map(self._server, names)))

    async def _server(self, name: dns.name.Name) -> NameServer:
        addresses: list[Address] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            answer = await self._ask(name, kind)
            addresses += [(record.address, self._port) for record in (answer.rrset or ())] if answer else []
        return NameServer(_text(name), tuple(addresses))

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer | None:
        """Return the resolvers' answer, None when there is no such record."""
        try:
            return await self._resolver().resolve(name, kind, lifetime=RESOLVING_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.exception.DNSException, OSError) as error:
            raise DNSFailed(f"{_text(name)} can't be resolved: {_words(error)}") from None

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if not self._resolvers:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*host_and_port(each)) for each in self._resolvers]
        return resolver


async def named(text: str) -> NameServer:
    """Return the server that somebody named as `HOST` or `HOST:PORT`. Raises `DNSFailed`."""
    host, port = host_and_port(text)
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DNSFailed(f"the name server {host} was not found: {error.strerror}") from None
    return NameServer(text, tuple(dict.fromkeys((str(address[0]), port) for *_, address in found)))


async def values_at(server: NameServer, name: str) -> frozenset[str]:
    """Return the TXT values that a name has at a server, by the first of its addresses that answers.

    Raises `DNSFailed`.
    """
    query = dns.message.make_query(name, dns.rdatatype.TXT)
    answer = await _answer(query, server)
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise DNSFailed(f"{server.name} answered {dns.rcode.to_text(answer.rcode())}")
    wanted = dns.name.from_text(name)
    texts = (rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT and rrset.name == wanted)
    return frozenset(b"".join(record.strings).decode(errors="replace") for rrset in texts for record in rrset)


async def _answer(query: dns.message.Message, server: NameServer) -> dns.message.Message:
    query.flags &= ~dns.flags.RD
    why = "it has no address"
    for host, port in server.addresses:
        try:
            return await dns.asyncquery.tcp(query, host, timeout=QUERY_SECONDS, port=port)
        except (dns.exception.DNSException, OSError) as error:
            why = _words(error)
    raise DNSFailed(f"{server.name} doesn't answer: {why}")


async def _zone_at(name: dns.name.Name, addresses: tuple[Address, ...]) -> str:
    server = NameServer(f"{addresses[0][0]}:{addresses[0][1]}", addresses)
    above = name
    while above != dns.name.root:
        answer = await _answer(dns.message.make_query(above, dns.rdatatype.SOA), server)
        for rrset in (*answer.answer, *answer.authority):
            if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
                return _text(rrset.name)
        above = above.parent()
    raise DNSFailed(f"{server.name} has no zone for {_text(name)}", is_final=True)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _words(error: Exception) -> str:
    """Say what went wrong in one line."""
    return " ".join(str(error).split()) or type(error).__name__
