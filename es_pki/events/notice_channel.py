"""What happens to a channel: a way to tell somebody. Stream `notice_channel-<id>`.

Secrets lie in the key store; events only name where.
"""

from msgspec import Struct

from es_pki.values.notices import ChannelSettings, NoticeKind


class NoticeChannelAdded(Struct, frozen=True, omit_defaults=True):
    """Notices are sent there from now on.

    `about` are the kinds of notices that it gets, none: all. `secret_id` is where its secret lies, "" without any.
    `trust_store_id` says whose certificates are trusted there, "" for those that the system trusts. `request_digest` is
    the SHA-256 of what was asked.
    """

    name: str
    settings: ChannelSettings
    request_digest: bytes
    about: tuple[NoticeKind, ...] = ()
    secret_id: str = ""
    trust_store_id: str = ""


class NoticeSecretReplaced(Struct, frozen=True, omit_defaults=True):
    """Another secret is used from now on. `request_id` tells such wishes apart.

    `key_ids`: the secret before in the key store, which is to be removed.
    """

    secret_id: str
    request_id: str
    key_ids: tuple[str, ...] = ()


class NoticeChannelRemoved(Struct, frozen=True, omit_defaults=True):
    """Nothing is sent there any more. Its `name` was released with this event.

    `key_ids`: its secret in the key store, which is to be removed.
    """

    name: str
    reason: str = ""
    key_ids: tuple[str, ...] = ()


NoticeChannelEvent = NoticeChannelAdded | NoticeSecretReplaced | NoticeChannelRemoved
