"""Dynamic updates (RFC 2136), authenticated by TSIG (RFC 8945): one value is added or removed, others stay."""

import dns.asyncquery
import dns.exception
import dns.name
import dns.rcode
import dns.tsig
import dns.update

from es_pki.adapters.dns.lookup import Lookup, NameServer, named
from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.writer import TTL_SECONDS, TXTRecord
from es_pki.values.dns import DynamicUpdates

UPDATE_SECONDS = 10.0

PASSING = frozenset({dns.rcode.SERVFAIL, dns.rcode.YXDOMAIN, dns.rcode.NXRRSET, dns.rcode.YXRRSET})
"""What may be another answer the next time."""

_BY_TSIG: dict[type[dns.exception.DNSException], tuple[str, bool]] = {
    dns.tsig.PeerBadKey: ("doesn't know the key (BADKEY)", True),
    dns.tsig.PeerBadSignature: ("finds another key under this name (BADSIG)", True),
    dns.tsig.PeerBadTime: ("has another time than this machine (BADTIME)", False),
    dns.tsig.PeerBadTruncation: ("wants a longer signature (BADTRUNC)", True),
}


class DynamicUpdater:
    """See `Writer`. Over TCP, so that nobody answers in the server's place."""

    def __init__(self, settings: DynamicUpdates, secret: bytes, lookup: Lookup) -> None:
        self._settings = settings
        self._key = dns.tsig.Key(settings.key_name, secret.decode(), algorithm=f"{settings.algorithm}.")
        self._lookup = lookup

    async def add(self, record: TXTRecord) -> None:
        """Put a value beside those that the name has."""
        server, update = await self._begun(record)
        update.add(_absolute(record), TTL_SECONDS, "TXT", f'"{record.value}"')
        await self._send(server, update)

    async def remove(self, record: TXTRecord) -> None:
        """Take a value away (RFC 2136 section 2.5.4)."""
        server, update = await self._begun(record)
        update.delete(_absolute(record), "TXT", f'"{record.value}"')
        await self._send(server, update)

    async def _begun(self, record: TXTRecord) -> tuple[NameServer, dns.update.UpdateMessage]:
        server = await named(self._settings.server)
        zone = await self._lookup.zone_of(record.name, server.addresses)
        return server, dns.update.UpdateMessage(f"{zone}.", keyring=self._key)

    async def _send(self, server: NameServer, update: dns.update.UpdateMessage) -> None:
        answer = await self._answer(server, update)
        if answer.rcode() != dns.rcode.NOERROR:
            detail = f"{server.name} refused the update: {dns.rcode.to_text(answer.rcode())}"
            raise DNSFailed(detail, is_final=answer.rcode() not in PASSING)

    async def _answer(self, server: NameServer, update: dns.update.UpdateMessage) -> dns.message.Message:
        """Return what the first address that answers says."""
        why = "it has no address"
        for host, port in server.addresses:
            try:
                return await dns.asyncquery.tcp(update, host, timeout=UPDATE_SECONDS, port=port)
            except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadKey) as error:
                said, is_final = _BY_TSIG.get(type(error), ("answered without a good signature", False))
                raise DNSFailed(f"{server.name} {said}", is_final=is_final) from None
            except (dns.exception.DNSException, OSError) as error:
                why = str(error) or type(error).__name__
        raise DNSFailed(f"{server.name} takes no update: {why}")


def _absolute(record: TXTRecord) -> dns.name.Name:
    return dns.name.from_text(record.name)
