"""Requests about DNS providers: tried first if that was asked for, then recorded; credentials go to the key store."""

import base64
import binascii
from collections.abc import Awaitable, Callable

import msgspec

from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.providers import CREDENTIALS, Provider
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import DNS_PROVIDER
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    AddDNSProvider,
    DNSProviderRequest,
    RemoveDNSProvider,
    ReplaceDNSCredentials,
)
from es_pki.adapters.x509 import names
from es_pki.commands import dns_provider
from es_pki.commands.dns_provider import DNSCheckFailed, DNSProviderCommand, usable
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused, Violation
from es_pki.events.dns_provider import DNSCredentialsReplaced, DNSProviderRemoved
from es_pki.values.dns import DNSSettings, DynamicUpdates, LexiconProvider
from eventlog import Conflict

LARGEST = 16 * 1024
"""Octets of credentials: they pass through a pipe at once."""


async def take(office: Office, request: DNSProviderRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case AddDNSProvider():
            return await add(office, request, asked, digest)
        case ReplaceDNSCredentials():
            return await replace(office, request, asked)
        case RemoveDNSProvider():
            return await remove(office, request, asked)


async def add(office: Office, request: AddDNSProvider, asked: Asked, digest: bytes) -> Answer:
    """Record a provider, after trying it if that was asked for."""
    provider_id, zones = asked.new_id(), _zones(request.zones)
    credentials = _credentials(request.credentials, request.settings)

    async def command(credentials_id: str) -> DNSProviderCommand:
        return dns_provider.AddDNSProvider(
            name=request.name,
            zones=zones,
            settings=request.settings,
            name_servers=request.name_servers,
            credentials_id=credentials_id,
            request_digest=digest,
        )

    judged = "judged" if credentials else ""
    is_new = bool(await office.aggregates.preview(DNS_PROVIDER, provider_id, lambda: command(judged)))
    if is_new and request.check:
        await _check(office, Provider(zones, request.settings, request.name_servers, credentials))
    return await _record(office, provider_id, credentials if is_new else b"", command, asked)


async def replace(office: Office, request: ReplaceDNSCredentials, asked: Asked) -> Answer:
    """Record other credentials, after trying them if that was asked for."""
    provider_id, request_id = await office.dns_provider_id(request.dns_provider), asked.new_id()
    state = (await office.aggregates.load(DNS_PROVIDER, provider_id, afresh=True)).state
    added = usable(state)
    credentials = _credentials(request.credentials, added.settings)
    if not credentials:
        raise Malformed.at("credentials", "credentials are needed", "without any there is nothing to replace")

    async def command(credentials_id: str) -> DNSProviderCommand:
        return dns_provider.ReplaceDNSCredentials(credentials_id, request_id)

    is_new = request_id not in state.replaced
    if is_new and request.check:
        await _check(office, Provider(added.zones, added.settings, added.name_servers, credentials))
    return await _record(office, provider_id, credentials if is_new else b"", command, asked)


async def remove(office: Office, request: RemoveDNSProvider, asked: Asked) -> Answer:
    """Record that the provider is used no more, and remove its credentials."""
    provider_id = await office.dns_provider_id(request.dns_provider)

    async def command(_credentials_id: str) -> DNSProviderCommand:
        return dns_provider.RemoveDNSProvider(request.reason)

    return await _record(office, provider_id, b"", command, asked)


async def _record(
    office: Office,
    provider_id: str,
    credentials: bytes,
    ask: Callable[[str], Awaitable[DNSProviderCommand]],
    asked: Asked,
) -> Answer:
    """Keep the credentials before the record of them, and discard them when there will be none."""
    key_id = ""
    if credentials:
        key_id = await office.keys.keep(credentials, purpose=CREDENTIALS, owner=provider_id)
    try:
        handled = await office.aggregates.handle(
            DNS_PROVIDER, provider_id, lambda: ask(key_id), actor=asked.caller.name
        )
    except (Refused, Conflict):
        await _discard(office, key_id)
        raise
    for event in handled.events:
        if isinstance(event, DNSCredentialsReplaced | DNSProviderRemoved):
            await _discard(office, *event.key_ids)
    if key_id and not handled.events:
        await _discard(office, key_id)
    added = handled.state.added
    return Answer(
        position=handled.position,
        stream=DNS_PROVIDER.stream(provider_id),
        events=answered(handled.events),
        result={
            "dns_provider_id": provider_id,
            "name": added.name if added else "",
            "zones": added.zones if added else (),
            "status": "removed" if handled.state.is_removed else "usable",
        },
    )


async def _discard(office: Office, *key_ids: str) -> None:
    for key_id in key_ids:
        if key_id:
            await office.keys.discard(key_id)


async def _check(office: Office, provider: Provider) -> None:
    """Try a provider. Raises `DNSCheckFailed`."""
    try:
        await office.dns.check(provider)
    except DNSFailed as failed:
        raise DNSCheckFailed(
            failed.detail, Violation("check", "records are written and found", failed.detail)
        ) from None


def _zones(zones: tuple[str, ...]) -> tuple[str, ...]:
    """Return zones in lower-case A-labels, each once. Raises `Malformed`."""
    found: dict[str, None] = {}
    for index, zone in enumerate(zones):
        try:
            found[names.dns_name(zone)] = None
        except ValueError as error:
            raise Malformed.at(f"zones[{index}]", "RFC 5891", str(error)) from None
    return tuple(found)


def _credentials(text: str, settings: DNSSettings) -> bytes:
    """Return credentials as they are kept, once they look like those of their kind. Raises `Malformed`."""
    kept = text.strip().encode()
    if len(kept) > LARGEST:
        raise Malformed.at("credentials", "credentials are bounded", f"at most {LARGEST} octets")
    try:
        match settings:
            case DynamicUpdates():
                base64.b64decode(kept, validate=True)
            case LexiconProvider() if kept:
                msgspec.json.decode(kept, type=dict[str, str])
            case _:
                pass
    except (binascii.Error, msgspec.DecodeError):
        detail = "a TSIG key is base64; credentials for lexicon are a JSON object of texts"
        raise Malformed.at("credentials", "credentials are of their kind", detail) from None
    return kept
