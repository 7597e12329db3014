"""What may be asked about channels, to which notices are sent."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, OPERATORS, Secret
from es_pki.values import Role
from es_pki.values.notices import ChannelSettings, NoticeKind


class AddNoticeChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """Tell somebody from now on what expires, fails or differs.

    `settings.kind` is `email`, `webhook` or `apprise`. `secret` is the password, the key of the HMAC, or apprise's URL.
    `about`: the kinds of notices, absent: all. `trust_store`: whose certificates are trusted there, absent: those that
    the system trusts.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    settings: ChannelSettings
    secret: Secret = ""
    about: tuple[NoticeKind, ...] = ()
    trust_store: str | None = None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"AddNoticeChannel({self.name!r}, {self.settings!r})"


class ReplaceNoticeSecret(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a channel use another secret."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    channel: str
    secret: Secret

    def __repr__(self) -> str:
        """Show no secret."""
        return f"ReplaceNoticeSecret({self.channel!r})"


class RemoveNoticeChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """Send nothing to a channel any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    channel: str
    reason: str = ""


class TestNoticeChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """Send a notice about nothing to a channel, now. The answer tells whether it was taken, or why not."""

    __test__: ClassVar[bool] = False

    senders: ClassVar[frozenset[Role]] = OPERATORS

    channel: str


NoticeChannelRequest = AddNoticeChannel | ReplaceNoticeSecret | RemoveNoticeChannel | TestNoticeChannel
