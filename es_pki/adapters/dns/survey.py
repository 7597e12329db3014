"""What every name server of a zone says about a name, each asked itself."""

import asyncio
from collections.abc import Mapping

from es_pki.adapters.dns.lookup import Lookup, NameServer, values_at
from es_pki.adapters.dns.problems import DNSFailed


async def survey(
    lookup: Lookup, name: str, servers: tuple[NameServer, ...] = ()
) -> Mapping[str, frozenset[str] | DNSFailed]:
    """Return the TXT values of a name by the server's name, or why it doesn't say; at `servers`, else at the zone's.

    Raises `DNSFailed` when nobody knows the zone or its servers.
    """
    asked = servers or await lookup.name_servers(await lookup.zone_of(name))

    async def said_by(server: NameServer) -> frozenset[str] | DNSFailed:
        try:
            return await values_at(server, name)
        except DNSFailed as failed:
            return failed

    found = await asyncio.gather(*map(said_by, asked))
    return {server.name: values for server, values in zip(asked, found, strict=True)}
