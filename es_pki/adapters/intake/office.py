"""What everybody at the desk works with: the aggregates, the keys, the signer, and who is who."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from es_pki.adapters.acme.works import ACME
from es_pki.adapters.crls.maker import Maker
from es_pki.adapters.deployment import Allowed, Observer
from es_pki.adapters.dns.providers import DNSProviders
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.chain import chain, issuers_of, without_root
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, PROFILE
from es_pki.adapters.keyring import KeyRing, MadeKey
from es_pki.adapters.lint import SecondOpinion
from es_pki.adapters.notices.sender import Sender
from es_pki.adapters.signing import Signer
from es_pki.adapters.worker import Workers
from es_pki.adapters.x509.formats import pem_chain
from es_pki.adapters.x509.keys import stand_in
from es_pki.commands.acme_account import ACMEAccountMissing
from es_pki.commands.authority import AuthorityMissing, check_holds, issuer_of
from es_pki.commands.built_in import BUILT_IN
from es_pki.commands.certificate import CertificateMissing
from es_pki.commands.dns_provider import DNSProviderMissing
from es_pki.commands.names import is_own_name, is_uuid
from es_pki.commands.notice_channel import NoticeChannelMissing
from es_pki.commands.principal import PrincipalMissing
from es_pki.commands.profile import profile_of
from es_pki.commands.refusals import ProfileMissing
from es_pki.commands.service import ServiceMissing
from es_pki.commands.signing_request import SigningRequestMissing
from es_pki.commands.trust_store import TrustStoreMissing
from es_pki.decider import Decider, Refused, Violation
from es_pki.events import codec
from es_pki.values import Issuer, KeyType, Locations, NameConstraints
from es_pki.values.profile import Profile
from eventlog import Conflict

OWN_CERTIFICATE = "es-pki-api"
"""The name of the certificate that es-pki's own management listener serves."""

RELEASED = frozenset({"certificate", "acme_account", "dns_provider", "notice_channel"})
"""The kinds whose names change hands; of all others an owner may be remembered."""

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)


class Office(Struct, frozen=True):
    """The shared equipment. `locations` tells where an authority publishes, by its id; `workers` do what may fail.

    `allowed` is what services may have, and `observer` looks at them.
    """

    aggregates: Aggregates
    keys: KeyRing
    signer: Signer
    locations: Callable[[str], Locations]
    workers: Workers
    second_opinion: SecondOpinion
    crls: Maker
    acme: ACME
    allowed: Allowed
    observer: Observer
    dns: DNSProviders
    sender: Sender

    async def authority_id(self, name_or_id: str, field: str) -> str:
        """Return an authority's id. Raises `AuthorityMissing`, naming the field."""
        return await self._named("authority", name_or_id, AuthorityMissing, field)

    async def principal_id(self, name_or_id: str) -> str:
        """Return a principal's id. Raises `PrincipalMissing`."""
        return await self._named("principal", name_or_id, PrincipalMissing)

    async def signing_request_id(self, name_or_id: str) -> str:
        """Return a signing request's id. Raises `SigningRequestMissing`."""
        return await self._named("signing_request", name_or_id, SigningRequestMissing)

    async def trust_store_id(self, name_or_id: str) -> str:
        """Return a trust store's id. Raises `TrustStoreMissing`."""
        return await self._named("trust_store", name_or_id, TrustStoreMissing)

    async def service_id(self, name_or_id: str) -> str:
        """Return a service's id. Raises `ServiceMissing`."""
        return await self._named("service", name_or_id, ServiceMissing)

    async def acme_account_id(self, name_or_id: str, field: str = "account") -> str:
        """Return an ACME account's id. Raises `ACMEAccountMissing`, naming the field."""
        return await self._named("acme_account", name_or_id, ACMEAccountMissing, field)

    async def dns_provider_id(self, name_or_id: str) -> str:
        """Return a DNS provider's id. Raises `DNSProviderMissing`."""
        return await self._named("dns_provider", name_or_id, DNSProviderMissing)

    async def notice_channel_id(self, name_or_id: str) -> str:
        """Return a channel's id. Raises `NoticeChannelMissing`."""
        return await self._named("notice_channel", name_or_id, NoticeChannelMissing, "channel")

    async def certificate_id(self, name_or_id: str, field: str = "certificate") -> str:
        """Return a certificate's id, by any name that leads to it. Raises `CertificateMissing`, naming the field."""
        return await self._named("certificate", name_or_id, CertificateMissing, field)

    async def profile(self, name_or_id: str) -> Profile:
        """Return a profile as it is now. Raises `ProfileMissing` and `AlreadyRetired`."""
        if name_or_id in BUILT_IN:
            return BUILT_IN[name_or_id]
        profile_id = await self.profile_id(name_or_id)
        loaded = await self.aggregates.load(PROFILE, profile_id)
        if loaded.version == 0:
            loaded = await self.aggregates.load(PROFILE, profile_id, afresh=True)
        return profile_of(loaded.state, profile_id=profile_id, version=loaded.version)

    async def profile_id(self, name_or_id: str) -> str:
        """Return the id of a profile that was added. Raises `ProfileMissing`, naming those that are built in."""
        found = await self._id("profile", name_or_id)
        if found is None:
            known = f"built in are {', '.join(BUILT_IN)}; GET /api/v1/profiles lists those that were added"
            detail = f"there is no profile of this name: {known}"
            raise ProfileMissing(detail, Violation("profile", "profiles are named", detail))
        return found

    async def certificate_owner(self, name_or_id: str) -> str | None:
        """Return the id of a certificate, or of one that is ordered, None if nothing has the name."""
        return await self._id("certificate", name_or_id)

    async def version_result(self, certificate_id: str, number: int) -> dict[str, object]:
        """Return what an answer tells of an issued version."""
        state = (await self.aggregates.load(CERTIFICATE, certificate_id)).state
        version = state.versions.get(number)
        if version is None or version.certificate is None:
            raise LookupError(f"the certificate {certificate_id} has no version {number}")
        issuers = without_root(await issuers_of(self.aggregates, version.prepared))
        return {
            "name": state.name,
            "version": number,
            "serial_number": version.prepared.serial_number,
            "not_after": version.prepared.not_after,
            "certificate_pem": pem_chain([version.certificate, *issuers]),
        }

    async def users_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return who uses a certificate and would miss it, besides the services bound to it."""
        own = await self.aggregates.owner(f"certificate_name-{OWN_CERTIFICATE}")
        return ("es-pki itself",) if certificate_id == own else ()

    async def _named(self, category: str, name_or_id: str, missing: type[Refused], field: str = "") -> str:
        found = await self._id(category, name_or_id)
        if found is None:
            detail = f"there is no {category.replace('_', ' ')} of this name"
            raise missing(detail, Violation(field or category, "names are known", detail))
        return found

    async def _id(self, category: str, name_or_id: str) -> str | None:
        if is_uuid(name_or_id):
            return str(UUID(name_or_id))
        if not is_own_name(name_or_id):
            return None
        return await self.aggregates.owner(f"{category}_name-{name_or_id}", for_ever=category not in RELEASED)

    async def issuer(self, authority_id: str) -> Issuer:
        """Return an authority as an issuer. Raises `AuthorityMissing` and others when it can't issue."""
        loaded = await self.aggregates.load(AUTHORITY, authority_id)
        prepared = loaded.state.prepared
        return issuer_of(
            loaded.state,
            authority_id=authority_id,
            version=loaded.version,
            locations=self.locations(authority_id),
            above=await self._constraints(prepared.issuer_id if prepared else None),
        )

    async def _constraints(self, authority_id: str | None) -> tuple[NameConstraints, ...]:
        """Return the name constraints of an authority and of those above it. Raises `IssuerRevoked`."""
        found: list[NameConstraints] = []
        while authority_id is not None:
            state = (await self.aggregates.load(AUTHORITY, authority_id)).state
            prepared = state.prepared
            if prepared is None:
                break
            check_holds(state)
            found.append(prepared.name_constraints)
            authority_id = prepared.issuer_id
        return tuple(found)

    async def certificate_pem(self, certificate: bytes, issuer_id: str | None) -> str:
        """Return a certificate and its chain without the root, leaf first."""
        return pem_chain([certificate, *without_root(await chain(self.aggregates, issuer_id))])

    async def with_new_key(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        key_type: KeyType,
        ask: Callable[[MadeKey], Awaitable[C]],
        *,
        actor: str,
        purpose: str = "",
        owner: str = "",
    ) -> tuple[E, ...]:
        """Handle a command for which a key is made; return the new events, none when it was handled before.

        The key is the aggregate's, unless `purpose` and `owner` name another that will have it.

        The request is judged with a stand-in before its key is made; linters judge what is written with the key itself.
        The key is durable before the command is; it is discarded when the command came to nothing, but kept after any
        other failure: the append may have been stored.
        """
        judged = MadeKey("", stand_in(key_type))
        if not await self.aggregates.preview(decider, aggregate_id, lambda: ask(judged)):
            return ()
        key = await self.keys.make(key_type, purpose=purpose or decider.category, owner=owner or aggregate_id)
        try:
            handled = await self.aggregates.handle(decider, aggregate_id, lambda: ask(key), actor=actor)
        except (Refused, Conflict):
            await self.keys.discard(key.key_id)
            raise
        if not handled.events:
            await self.keys.discard(key.key_id)
        return handled.events
