"""A sample of every event of channels and notices."""

from datetime import UTC, datetime

from es_pki.events.codec import Event
from es_pki.events.notice import NoticeBegun, NoticeFailed, NoticeSent
from es_pki.events.notice_channel import NoticeChannelAdded, NoticeChannelRemoved, NoticeSecretReplaced
from es_pki.values.notices import Email, MailSecurity, NoticeKind, Occasion

CHANNEL = "018f0000-0000-7000-8000-000000000010"
SECRETS = ("0f8b7b2e-0000-4000-8000-000000000010", "0f8b7b2e-0000-4000-8000-000000000011")

NOTICE_SAMPLES: dict[str, Event] = {
    "notice_channel.added.v1": NoticeChannelAdded(
        name="operators",
        settings=Email(
            server="mail.example.test:2525",
            sender="es-pki@example.test",
            recipients=("a@example.test", "b@example.test"),
            security=MailSecurity.TLS,
            username="es-pki",
        ),
        request_digest=b"digest",
        about=(NoticeKind.DRIFT, NoticeKind.EXPIRY),
        secret_id=SECRETS[0],
        trust_store_id="018f0000-0000-7000-8000-000000000011",
    ),
    "notice_channel.secret_replaced.v1": NoticeSecretReplaced(
        secret_id=SECRETS[1],
        request_id="0f8b7b2e-0000-4000-8000-000000000012",
        key_ids=(SECRETS[0],),
    ),
    "notice_channel.removed.v1": NoticeChannelRemoved(
        name="operators", reason="they have a webhook", key_ids=(SECRETS[1],)
    ),
    "notice.begun.v1": NoticeBegun(
        channel_id=CHANNEL,
        channel="operators",
        occasion=Occasion(
            kind=NoticeKind.DRIFT,
            subject_id="018f0000-0000-7000-8000-000000000002",
            subject="www",
            version=3,
            title="nginx doesn't serve www: expired",
            text="Version 3 should be served.",
            detail="expired",
            service_id="018f0000-0000-7000-8000-000000000003",
            service="nginx",
        ),
        attempt=2,
    ),
    "notice.sent.v1": NoticeSent(attempt=2, detail="b@example.test: 550 no such mailbox"),
    "notice.failed.v1": NoticeFailed(
        attempt=1, reason="535 wrong password", next_attempt=datetime(2026, 5, 3, 12, 1, tzinfo=UTC)
    ),
}
