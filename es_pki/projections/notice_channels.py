"""The channels: whom es-pki tells what. Never their secrets."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.notice_channel import NoticeChannelAdded, NoticeChannelRemoved, NoticeSecretReplaced
from es_pki.projections.view import View, own_id
from es_pki.values.notices import ChannelSettings, NoticeKind

NAME = "notice_channels"
VERSION = 1


class Row(Struct, frozen=True):
    """One channel. `kind` is that of its `settings`; `about` are the kinds of notices that it gets, none: all.

    `secret_since` is None without a secret.
    """

    id: str
    name: str
    kind: str
    settings: ChannelSettings
    about: tuple[NoticeKind, ...]
    trust_store_id: str
    added_at: datetime
    added_by: str
    secret_since: datetime | None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the channel's row after an event; one that was removed has none."""
    match happened.event:
        case NoticeChannelAdded() as event:
            return Row(
                id=happened.id,
                name=event.name,
                kind=str(event.settings.__struct_config__.tag),
                settings=event.settings,
                about=event.about,
                trust_store_id=event.trust_store_id,
                added_at=happened.time,
                added_by=happened.actor,
                secret_since=happened.time if event.secret_id else None,
            )
        case NoticeSecretReplaced() if row is not None:
            return replace(row, secret_since=happened.time)
        case NoticeChannelRemoved():
            return None
        case _:
            return row


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(NoticeChannelAdded, NoticeSecretReplaced, NoticeChannelRemoved),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "kind"),
    lookups=("name",),
)
