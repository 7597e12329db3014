"""Channels: whom es-pki tells what, and how."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import email_address_fault, own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Claim, Decider, Kind, Refused, Release, RequestReused, Reservation, Violation
from es_pki.events.notice_channel import (
    NoticeChannelAdded,
    NoticeChannelEvent,
    NoticeChannelRemoved,
    NoticeSecretReplaced,
)
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values.dns import host_and_port
from es_pki.values.notices import Apprise, ChannelSettings, Email, MailSecurity, NoticeKind, Webhook

CATEGORY = "notice_channel"

MOST_RECIPIENTS = 50
LONGEST_URL = 1_000

_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")
_URL = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


# Commands


class AddNoticeChannel(Struct, frozen=True):
    """Send notices of the kinds `about` (none: all) there from now on; `secret_id` "" without a secret."""

    name: str
    settings: ChannelSettings
    about: tuple[NoticeKind, ...]
    trust_store_id: str
    secret_id: str
    request_digest: bytes


class ReplaceNoticeSecret(Struct, frozen=True):
    """Use another secret from now on; `request_id` is the same for the same Idempotency-Key."""

    secret_id: str
    request_id: str


class RemoveNoticeChannel(Struct, frozen=True):
    """Send nothing there any more."""

    reason: str


NoticeChannelCommand = AddNoticeChannel | ReplaceNoticeSecret | RemoveNoticeChannel


# Refusals


class NoticeChannelMissing(Refused):
    """There is no channel with this id or name. `GET /api/v1/notice-channels` lists them."""

    kind = Kind.MISSING


# State


class State(Struct, frozen=True):
    """What decisions about a channel read. `replaced` are the wishes for another secret that were heeded."""

    added: NoticeChannelAdded | None = None
    secret_id: str = ""
    replaced: tuple[str, ...] = ()
    is_removed: bool = False


def evolve(state: State, event: NoticeChannelEvent) -> State:
    """Fold one event."""
    match event:
        case NoticeChannelAdded():
            return State(event, event.secret_id)
        case NoticeSecretReplaced():
            return replace(state, secret_id=event.secret_id, replaced=(*state.replaced, event.request_id))
        case NoticeChannelRemoved():
            return replace(state, is_removed=True, secret_id="")


def usable(state: State) -> NoticeChannelAdded:
    """Return how the channel was added. Raises `NoticeChannelMissing`, also when it was removed."""
    if state.added is None or state.is_removed:
        detail = "there is no such channel"
        raise NoticeChannelMissing(detail, Violation("channel", "channels are named", detail))
    return state.added


# Decide


def decide(command: NoticeChannelCommand, state: State) -> list[NoticeChannelEvent]:
    """Turn a command into events."""
    match command:
        case AddNoticeChannel():
            return _add(command, state)
        case ReplaceNoticeSecret():
            return _replace(command, state)
        case RemoveNoticeChannel():
            return _remove(command, state)


def _add(command: AddNoticeChannel, state: State) -> list[NoticeChannelEvent]:
    if state.added is not None:
        if state.added.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another channel")
    RulesBroken.if_any(_channel_violations(command))
    return [
        NoticeChannelAdded(
            name=command.name,
            settings=command.settings,
            request_digest=command.request_digest,
            about=tuple(sorted(set(command.about))),
            secret_id=command.secret_id,
            trust_store_id=command.trust_store_id,
        )
    ]


def _replace(command: ReplaceNoticeSecret, state: State) -> list[NoticeChannelEvent]:
    if command.request_id in state.replaced:
        return []
    added = usable(state)
    RulesBroken.if_any(_secret_violations(added.settings, command.secret_id))
    former = (state.secret_id,) if state.secret_id else ()
    return [NoticeSecretReplaced(command.secret_id, command.request_id, former)]


def _remove(command: RemoveNoticeChannel, state: State) -> list[NoticeChannelEvent]:
    if state.is_removed:
        return []
    added = usable(state)
    if not _LINE.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    return [NoticeChannelRemoved(added.name, command.reason, (state.secret_id,) if state.secret_id else ())]


def _channel_violations(command: AddNoticeChannel) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    yield from _secret_violations(command.settings, command.secret_id)
    match command.settings:
        case Email() as settings:
            yield from _email_violations(settings)
        case Webhook(url=url):
            if fault := _url_fault(url):
                yield Violation("settings.url", "RFC 9110 section 4.2", fault)
        case Apprise():
            if command.trust_store_id:
                detail = "apprise trusts what the system trusts"
                yield Violation("trust_store", "a trust store is for email and webhook", detail)


def _secret_violations(settings: ChannelSettings, secret_id: str) -> Iterator[Violation]:
    if isinstance(settings, Email):
        if bool(settings.username) != bool(secret_id):
            yield Violation("secret", "RFC 4954", "a username and its password come together")
    elif not secret_id:
        yield Violation("secret", "a secret is needed", "for a webhook the key of its HMAC, for apprise its URL")


def _email_violations(settings: Email) -> Iterator[Violation]:
    if not _is_server(settings.server):
        yield Violation("settings.server", "servers are named", "HOST or HOST:PORT")
    if fault := email_address_fault(settings.sender):
        yield Violation("settings.sender", "RFC 5321 section 4.1.2", fault)
    if not 0 < len(settings.recipients) <= MOST_RECIPIENTS:
        yield Violation("settings.recipients", "recipients are counted", f"1 to {MOST_RECIPIENTS}")
    for index, recipient in enumerate(settings.recipients):
        if fault := email_address_fault(recipient):
            yield Violation(f"settings.recipients[{index}]", "RFC 5321 section 4.1.2", fault)
    if not _LINE.fullmatch(settings.username):
        yield Violation("settings.username", "a username is one line", "at most 200 printable characters")
    if settings.username and settings.security is MailSecurity.NONE:
        detail = "a password isn't sent in clear: use starttls or tls, or no username"
        yield Violation("settings.security", "RFC 8314 section 3", detail)


def _url_fault(url: str) -> str:
    """Return what is wrong with the address of a webhook, "" for nothing."""
    if len(url) > LONGEST_URL or not _URL.fullmatch(url):
        return f"at most {LONGEST_URL} printable ASCII characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "an address as https://host/path"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "an address as https://host/path"
    if "@" in parts.netloc:
        return "an address is shown: it has no password. One that is secret itself is a channel of apprise"
    return ""


def _is_server(text: str) -> bool:
    try:
        host, _ = host_and_port(text)
    except ValueError:
        return False
    return _HOST.fullmatch(host) is not None


# The aggregate


def reservations(event: NoticeChannelEvent, channel_id: str) -> Sequence[Claim]:
    """Return what an event claims for the channel, or gives up: its name."""
    match event:
        case NoticeChannelAdded(name=name):
            refusal: Refused = taken("name", name, "channel")
            return (Reservation(f"{CATEGORY}_name-{name}", NameReserved(channel_id), refusal),)
        case NoticeChannelRemoved(name=name):
            return (Release(f"{CATEGORY}_name-{name}", NameReleased(channel_id)),)
        case NoticeSecretReplaced():
            return ()


NoticeChannelDecider = Decider[NoticeChannelCommand, State, NoticeChannelEvent]

decider: NoticeChannelDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
