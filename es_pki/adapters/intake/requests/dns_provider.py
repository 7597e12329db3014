"""What may be asked about DNS providers."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, Secret
from es_pki.values import Role
from es_pki.values.dns import DNSSettings


class AddDNSProvider(Struct, frozen=True, forbid_unknown_fields=True):
    """Let es-pki prove names by DNS (dns-01): who answers for `zones`, how they are changed, and with what credentials.

    `settings.kind` is `rfc2136`, `hook` or `lexicon`. `name_servers`: where to look for the records, absent: at every
    name server of the zone. `check`: write, find and remove a record of a drawn name in each zone first; the provider
    is refused when that fails.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    zones: tuple[str, ...]
    settings: DNSSettings
    credentials: Secret = ""
    name_servers: tuple[str, ...] = ()
    check: bool = False

    def __repr__(self) -> str:
        """Show no credentials."""
        return f"AddDNSProvider({self.name!r}, {self.zones!r})"


class ReplaceDNSCredentials(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a DNS provider use other credentials; `check`: only if a record can be written with them."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    dns_provider: str
    credentials: Secret
    check: bool = False

    def __repr__(self) -> str:
        """Show no credentials."""
        return f"ReplaceDNSCredentials({self.dns_provider!r})"


class RemoveDNSProvider(Struct, frozen=True, forbid_unknown_fields=True):
    """Use a DNS provider no more: names in its zones can't be proved by dns-01 until another one answers for them."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    dns_provider: str
    reason: str = ""


DNSProviderRequest = AddDNSProvider | ReplaceDNSCredentials | RemoveDNSProvider
