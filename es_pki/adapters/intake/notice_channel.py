"""Requests about channels: what they are goes to the log, their secrets to the key store."""

from collections.abc import Awaitable, Callable

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import NOTICE, NOTICE_CHANNEL
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    AddNoticeChannel,
    NoticeChannelRequest,
    RemoveNoticeChannel,
    ReplaceNoticeSecret,
    TestNoticeChannel,
)
from es_pki.adapters.notices.courier import SECRETS
from es_pki.adapters.notices.sender import Receiver
from es_pki.adapters.notices.webhook import key_of
from es_pki.commands import notice_channel
from es_pki.commands.notice_channel import NoticeChannelCommand, usable
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused
from es_pki.events.notice import NoticeFailed
from es_pki.events.notice_channel import NoticeChannelRemoved, NoticeSecretReplaced
from es_pki.values.notices import Apprise, ChannelSettings, Email, NoticeKind, Occasion, Webhook
from eventlog import Conflict

LARGEST = 4 * 1024
"""Octets of a secret."""


async def take(office: Office, request: NoticeChannelRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case AddNoticeChannel():
            return await add(office, request, asked, digest)
        case ReplaceNoticeSecret():
            return await replace(office, request, asked)
        case RemoveNoticeChannel():
            return await remove(office, request, asked)
        case TestNoticeChannel():
            return await test(office, request, asked)


async def add(office: Office, request: AddNoticeChannel, asked: Asked, digest: bytes) -> Answer:
    """Record a channel."""
    channel_id, trust_store_id = asked.new_id(), ""
    secret = _secret(request.secret, request.settings)
    if request.trust_store is not None:
        trust_store_id = await office.trust_store_id(request.trust_store)

    async def command(secret_id: str) -> NoticeChannelCommand:
        return notice_channel.AddNoticeChannel(
            name=request.name,
            settings=request.settings,
            about=request.about,
            trust_store_id=trust_store_id,
            secret_id=secret_id,
            request_digest=digest,
        )

    return await _record(office, channel_id, secret, command, asked)


async def replace(office: Office, request: ReplaceNoticeSecret, asked: Asked) -> Answer:
    """Record another secret."""
    channel_id, request_id = await office.notice_channel_id(request.channel), asked.new_id()
    state = (await office.aggregates.load(NOTICE_CHANNEL, channel_id, afresh=True)).state
    secret = _secret(request.secret, usable(state).settings)

    async def command(secret_id: str) -> NoticeChannelCommand:
        return notice_channel.ReplaceNoticeSecret(secret_id, request_id)

    return await _record(office, channel_id, secret, command, asked)


async def remove(office: Office, request: RemoveNoticeChannel, asked: Asked) -> Answer:
    """Record that nothing is sent there any more, and remove the secret."""
    channel_id = await office.notice_channel_id(request.channel)

    async def command(_secret_id: str) -> NoticeChannelCommand:
        return notice_channel.RemoveNoticeChannel(request.reason)

    return await _record(office, channel_id, b"", command, asked)


async def test(office: Office, request: TestNoticeChannel, asked: Asked) -> Answer:
    """Send a notice about nothing, and tell what became of it."""
    channel_id, notice_id = await office.notice_channel_id(request.channel), asked.new_id()
    added = usable((await office.aggregates.load(NOTICE_CHANNEL, channel_id, afresh=True)).state)
    occasion = Occasion(
        kind=NoticeKind.TEST,
        subject_id="",
        subject="",
        version=0,
        title="es-pki can reach you",
        text=f"{asked.caller.name} asked for this test of the channel {added.name}.",
    )
    await office.sender.tell(notice_id, Receiver(channel_id, added.name), occasion, actor=asked.caller.name)
    told = await office.aggregates.load(NOTICE, notice_id, afresh=True)
    outcome = told.state.outcome
    return Answer(
        position=told.position,
        stream=NOTICE.stream(notice_id),
        events=answered([event for event in (told.state.begun, outcome) if event is not None]),
        result={
            "notice_id": notice_id,
            "channel_id": channel_id,
            "name": added.name,
            "problem": outcome.reason if isinstance(outcome, NoticeFailed) else None,
            "remark": "" if outcome is None or isinstance(outcome, NoticeFailed) else outcome.detail,
        },
    )


async def _record(
    office: Office,
    channel_id: str,
    secret: bytes,
    ask: Callable[[str], Awaitable[NoticeChannelCommand]],
    asked: Asked,
) -> Answer:
    """Keep the secret before the record of it, and discard it when there will be none."""
    secret_id = ""
    if secret and await office.aggregates.preview(NOTICE_CHANNEL, channel_id, lambda: ask("judged")):
        secret_id = await office.keys.keep(secret, purpose=SECRETS, owner=channel_id)
    try:
        handled = await office.aggregates.handle(
            NOTICE_CHANNEL, channel_id, lambda: ask(secret_id), actor=asked.caller.name
        )
    except (Refused, Conflict):
        await _discard(office, secret_id)
        raise
    for event in handled.events:
        if isinstance(event, NoticeSecretReplaced | NoticeChannelRemoved):
            await _discard(office, *event.key_ids)
    if not handled.events:
        await _discard(office, secret_id)
    added = handled.state.added
    return Answer(
        position=handled.position,
        stream=NOTICE_CHANNEL.stream(channel_id),
        events=answered(handled.events),
        result={
            "channel_id": channel_id,
            "name": added.name if added else "",
            "kind": str(added.settings.__struct_config__.tag) if added else "",
            "status": "removed" if handled.state.is_removed else "usable",
        },
    )


async def _discard(office: Office, *key_ids: str) -> None:
    for key_id in key_ids:
        if key_id:
            await office.keys.discard(key_id)


def _secret(text: str, settings: ChannelSettings) -> bytes:
    """Return a secret as it is kept, once it looks like those of its kind. Raises `Malformed`."""
    kept = text.strip().encode()
    if len(kept) > LARGEST:
        raise Malformed.at("secret", "secrets are bounded", f"at most {LARGEST} octets")
    match settings:
        case Webhook() if kept:
            try:
                key_of(kept)
            except ValueError as error:
                raise Malformed.at("secret", "RFC 2104 section 3", str(error)) from None
        case Apprise() if kept and (b"://" not in kept or not text.strip().isprintable()):
            raise Malformed.at("secret", "channels have addresses", "apprise's URL, as ntfys://host/topic")
        case Email() | Webhook() | Apprise():
            pass
    return kept
