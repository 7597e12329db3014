"""Notices: what is told to whom, and how a channel is reached. Nothing here is secret."""

from enum import StrEnum

from msgspec import Struct


class NoticeKind(StrEnum):
    """What a notice is about: an end that comes near, what failed, what differs, or nothing at all (`test`)."""

    EXPIRY = "expiry"
    RENEWAL = "renewal"
    DEPLOYMENT = "deployment"
    DRIFT = "drift"
    FALLBACK = "fallback"
    TEST = "test"


class MailSecurity(StrEnum):
    """How a mail server is spoken to: TLS after STARTTLS (RFC 3207), TLS at once (RFC 8314), or in clear."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Email(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="email"):
    """Mail to `recipients` by way of a mail server.

    `server` is `HOST` or `HOST:PORT`; without a port it is that of the `security`: 587, 465 or 25. With a `username`
    the secret is its password.
    """

    server: str
    sender: str
    recipients: tuple[str, ...]
    security: MailSecurity = MailSecurity.STARTTLS
    username: str = ""


class Webhook(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"):
    """A JSON object that is posted to `url`, signed with the secret as the Standard Webhooks say (HMAC-SHA-256).

    The address is no secret: it is shown. One that must not be seen is a channel of `apprise`.
    """

    url: str


class Apprise(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="apprise"):
    """Whatever `apprise` knows, which is installed with `es-pki[apprise]`. The secret is its URL: `ntfys://…`."""


ChannelSettings = Email | Webhook | Apprise
"""How a channel is reached."""


class Occasion(Struct, frozen=True, omit_defaults=True):
    """Something that is to be told once to each channel, in `title` and `text`.

    `subject_id` and `subject` are the id and name of a certificate or authority, in its `version`; `service_id` and
    `service` those of a service, "" where none is concerned. `detail` tells occasions of a kind apart: how many days
    are left, or how what is served differs.
    """

    kind: NoticeKind
    subject_id: str
    subject: str
    version: int
    title: str
    text: str
    detail: str = ""
    service_id: str = ""
    service: str = ""
