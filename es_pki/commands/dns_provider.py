"""DNS providers: whose zones es-pki may change, how, and with what credentials.

A zone has one provider, so that the log alone says who answers for a name: the one with the longest zone.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import dns_name_fault, own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Claim, Decider, Kind, Refused, Release, RequestReused, Reservation, Violation
from es_pki.events.dns_provider import (
    DNSCredentialsReplaced,
    DNSProviderAdded,
    DNSProviderEvent,
    DNSProviderRemoved,
)
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values.dns import DNSSettings, DynamicUpdates, HookProgram, LexiconProvider, host_and_port

CATEGORY = "dns_provider"

MOST_ZONES = 100
MOST_NAME_SERVERS = 20
MOST_ARGUMENTS = 20
MOST_OPTIONS = 20

PLACEHOLDERS = frozenset({"verb", "name", "value"})

_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,1000}")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,20}\.?")
_PATH = re.compile(r"/[^\x00-\x1f\x7f]{1,1000}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


# Commands


class AddDNSProvider(Struct, frozen=True):
    """Know from now on how the zones are changed; `credentials_id` "" without any."""

    name: str
    zones: tuple[str, ...]
    settings: DNSSettings
    name_servers: tuple[str, ...]
    credentials_id: str
    request_digest: bytes


class ReplaceDNSCredentials(Struct, frozen=True):
    """Use other credentials from now on; `request_id` is the same for the same Idempotency-Key."""

    credentials_id: str
    request_id: str


class RemoveDNSProvider(Struct, frozen=True):
    """Use the provider no more."""

    reason: str


DNSProviderCommand = AddDNSProvider | ReplaceDNSCredentials | RemoveDNSProvider


# Refusals


class DNSProviderMissing(Refused):
    """There is no DNS provider with this id or name. `GET /api/v1/dns-providers` lists them."""

    kind = Kind.MISSING


class DNSZoneTaken(Refused):
    """Another DNS provider answers for the zone. Remove that one first, or leave the zone out."""

    kind = Kind.CLASHING


class DNSCheckFailed(Refused):
    """The provider was tried, and a record could not be written, found or removed. The answer tells what was said.

    Mend that, or add the provider without the check.
    """

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a provider read. `replaced` are the wishes for other credentials that were heeded."""

    added: DNSProviderAdded | None = None
    credentials_id: str = ""
    replaced: tuple[str, ...] = ()
    is_removed: bool = False


def evolve(state: State, event: DNSProviderEvent) -> State:
    """Fold one event."""
    match event:
        case DNSProviderAdded():
            return State(event, event.credentials_id)
        case DNSCredentialsReplaced():
            return replace(state, credentials_id=event.credentials_id, replaced=(*state.replaced, event.request_id))
        case DNSProviderRemoved():
            return replace(state, is_removed=True, credentials_id="")


def usable(state: State) -> DNSProviderAdded:
    """Return how the provider was added. Raises `DNSProviderMissing`, also when it was removed."""
    if state.added is None or state.is_removed:
        detail = "there is no such DNS provider"
        raise DNSProviderMissing(detail, Violation("dns_provider", "DNS providers are named", detail))
    return state.added


# Decide


def decide(command: DNSProviderCommand, state: State) -> list[DNSProviderEvent]:
    """Turn a command into events."""
    match command:
        case AddDNSProvider():
            return _add(command, state)
        case ReplaceDNSCredentials():
            return _replace(command, state)
        case RemoveDNSProvider():
            return _remove(command, state)


def _add(command: AddDNSProvider, state: State) -> list[DNSProviderEvent]:
    if state.added is not None:
        if state.added.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another DNS provider")
    RulesBroken.if_any(_provider_violations(command))
    return [
        DNSProviderAdded(
            name=command.name,
            zones=command.zones,
            settings=command.settings,
            request_digest=command.request_digest,
            credentials_id=command.credentials_id,
            name_servers=command.name_servers,
        )
    ]


def _replace(command: ReplaceDNSCredentials, state: State) -> list[DNSProviderEvent]:
    if command.request_id in state.replaced:
        return []
    usable(state)
    former = (state.credentials_id,) if state.credentials_id else ()
    return [DNSCredentialsReplaced(command.credentials_id, command.request_id, former)]


def _remove(command: RemoveDNSProvider, state: State) -> list[DNSProviderEvent]:
    if state.is_removed:
        return []
    added = usable(state)
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    key_ids = (state.credentials_id,) if state.credentials_id else ()
    return [DNSProviderRemoved(added.name, added.zones, command.reason, key_ids)]


def _provider_violations(command: AddDNSProvider) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    if not 0 < len(command.zones) <= MOST_ZONES:
        yield Violation("zones", "zones are counted", f"1 to {MOST_ZONES} zones")
    for index, zone in enumerate(command.zones):
        if fault := "a zone is no wildcard" if zone.startswith("*") else dns_name_fault(zone):
            yield Violation(f"zones[{index}]", "RFC 1035 section 2.3.1", fault)
    if len(command.name_servers) > MOST_NAME_SERVERS:
        yield Violation("name_servers", "name servers are counted", f"at most {MOST_NAME_SERVERS}")
    for index, server in enumerate(command.name_servers):
        if not _is_server(server):
            yield Violation(f"name_servers[{index}]", "servers are named", "HOST or HOST:PORT")
    yield from _settings_violations(command)


def _settings_violations(command: AddDNSProvider) -> Iterator[Violation]:
    match command.settings:
        case DynamicUpdates() as settings:
            yield from _update_violations(settings)
            if not command.credentials_id:
                yield Violation("credentials", "RFC 8945", "the TSIG key is needed, in base64")
        case HookProgram() as settings:
            yield from _hook_violations(settings)
        case LexiconProvider() as settings:
            yield from _lexicon_violations(settings)


def _update_violations(settings: DynamicUpdates) -> Iterator[Violation]:
    if not _is_server(settings.server):
        yield Violation("settings.server", "servers are named", "HOST or HOST:PORT")
    if not _KEY_NAME.fullmatch(settings.key_name):
        yield Violation("settings.key_name", "RFC 8945 section 4.2", "a key is named like a domain")


def _hook_violations(settings: HookProgram) -> Iterator[Violation]:
    if not _PATH.fullmatch(settings.program) or ".." in settings.program.split("/"):
        yield Violation("settings.program", "programs are named whole", "an absolute path without ..")
    if len(settings.arguments) > MOST_ARGUMENTS or not all(map(_LINE.fullmatch, settings.arguments)):
        detail = f"at most {MOST_ARGUMENTS} arguments of at most 1000 printable characters"
        yield Violation("settings.arguments", "arguments are bounded", detail)
    used = {name for argument in settings.arguments for name in _PLACEHOLDER.findall(argument)}
    if used != PLACEHOLDERS:
        detail = "the arguments tell {verb}, {name} and {value}, and nothing else in braces"
        yield Violation("settings.arguments", "a hook is told what to do", detail)


def _lexicon_violations(settings: LexiconProvider) -> Iterator[Violation]:
    if not _WORD.fullmatch(settings.provider):
        yield Violation("settings.provider", "providers are named", "lexicon's name, as cloudflare")
    are_plain = all(_WORD.fullmatch(name) and _LINE.fullmatch(value) for name, value in settings.options.items())
    if len(settings.options) > MOST_OPTIONS or not are_plain:
        detail = f"at most {MOST_OPTIONS} of lexicon's names, each with at most 1000 printable characters"
        yield Violation("settings.options", "options are bounded", detail)


def _is_server(text: str) -> bool:
    try:
        host, _ = host_and_port(text)
    except ValueError:
        return False
    return _HOST.fullmatch(host) is not None


# The aggregate


def reservations(event: DNSProviderEvent, provider_id: str) -> Sequence[Claim]:
    """Return what an event claims for the provider, or gives up: its name and its zones."""
    match event:
        case DNSProviderAdded(name=name, zones=zones):
            refusal: Refused = taken("name", name, "DNS provider")
            by_name = Reservation(f"{CATEGORY}_name-{name}", NameReserved(provider_id), refusal)
            return (by_name, *(_zone(zone, index, provider_id) for index, zone in enumerate(zones)))
        case DNSProviderRemoved(name=name, zones=zones):
            streams = (f"{CATEGORY}_name-{name}", *map(zone_stream, zones))
            return tuple(Release(stream, NameReleased(provider_id)) for stream in streams)
        case DNSCredentialsReplaced():
            return ()


def zone_stream(zone: str) -> str:
    """Return the stream that says who answers for a zone."""
    return f"dns_zone-{zone}"


def _zone(zone: str, index: int, provider_id: str) -> Reservation:
    detail = "another DNS provider answers for this zone"
    refusal = DNSZoneTaken(detail, Violation(f"zones[{index}]", "a zone has one provider", detail))
    return Reservation(zone_stream(zone), NameReserved(provider_id), refusal)


DNSProviderDecider = Decider[DNSProviderCommand, State, DNSProviderEvent]

decider: DNSProviderDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
