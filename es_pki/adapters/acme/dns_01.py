"""dns-01 (RFC 8555 section 8.4): a TXT record under `_acme-challenge`, written by the DNS provider of its zone.

Where the name is an alias, the record has to be where that leads, and the provider is that of the other zone. Base name
and wildcard have their values beside each other under one name.
"""

import hashlib
import logging

from es_pki.adapters.acme.jws import encoded
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.solver import Answer
from es_pki.adapters.dns.problems import DNSFailed, NoProvider
from es_pki.adapters.dns.providers import DNSProviders, Provider
from es_pki.adapters.dns.writer import TXTRecord
from es_pki.values.acme import ACMEProblem, ChallengeType

LOG = logging.getLogger("es_pki.acme")

DNS_TROUBLE = "urn:es-pki:acme:dns"
"""The type of a problem with a DNS provider or a zone."""


class DNS01:
    """See `Solver`. Presenting ends when every name server of the zone has the value."""

    type = ChallengeType.DNS_01
    patience_seconds = 5.0

    def __init__(self, dns: DNSProviders) -> None:
        self._dns = dns

    async def present(self, answer: Answer) -> None:
        """Have the provider write the value, and wait until it is seen everywhere."""
        try:
            provider, record = await self._placed(answer)
            await self._dns.add(provider, record)
        except DNSFailed as failed:
            raise _troubled(failed, is_final=failed.is_final) from None

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether every name server of the zone has the value."""
        try:
            provider, record = await self._placed(answer)
            return await self._dns.is_everywhere(provider, record)
        except DNSFailed as failed:
            raise _troubled(failed, is_final=failed.is_final) from None

    async def clean_up(self, answer: Answer) -> None:
        """Have the provider remove the value if any name server has it; that is tried until it succeeds.

        Without a provider there is nobody to do it: the value was never written, or an administrator took it upon him.
        """
        try:
            provider, record = await self._placed(answer)
            await self._dns.remove(provider, record)
        except NoProvider as nobody:
            LOG.warning("order %s: nothing was cleaned up: %s", answer.order_id, nobody.detail)
        except DNSFailed as failed:
            raise _troubled(failed, is_final=False) from None

    async def _placed(self, answer: Answer) -> tuple[Provider, TXTRecord]:
        """Return where the value has to be, and whose provider puts it there."""
        name = await self._dns.place(f"_acme-challenge.{answer.identifier}")
        return await self._dns.provider_for(name), TXTRecord(name, value_of(answer.key_authorization))


def value_of(key_authorization: str) -> str:
    """Return what the record says: the SHA-256 of the key authorization in base64url."""
    return encoded(hashlib.sha256(key_authorization.encode()).digest())


def _troubled(failed: DNSFailed, *, is_final: bool) -> DirectoryFailed:
    return DirectoryFailed(ACMEProblem(DNS_TROUBLE, failed.detail), is_final=is_final)
