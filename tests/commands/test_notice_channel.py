"""Channels: what they must be told to be reached, and what is refused."""

import pytest

from es_pki.commands.notice_channel import (
    AddNoticeChannel,
    NoticeChannelMissing,
    RemoveNoticeChannel,
    ReplaceNoticeSecret,
    decider,
)
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import RequestReused
from es_pki.events.notice_channel import NoticeChannelAdded, NoticeChannelRemoved, NoticeSecretReplaced
from es_pki.values.notices import Apprise, Email, MailSecurity, NoticeKind, Webhook
from tests.spec import Spec

spec = Spec(decider)

MAIL = Email("mail.example.test", "es-pki@example.test", ("a@example.test",), username="es-pki")
HOOK = Webhook("https://hooks.example.test/x?y=1")
KEPT = "id of the secret"
added = NoticeChannelAdded("ops", MAIL, b"digest", secret_id=KEPT)
replaced = NoticeSecretReplaced("next", "wish", (KEPT,))


def add(settings=MAIL, secret_id=KEPT, **changes):
    told = {"name": "ops", "about": (), "trust_store_id": "", "request_digest": b"digest", **changes}
    return AddNoticeChannel(settings=settings, secret_id=secret_id, **told)


def adding(settings, secret_id=KEPT, **changes):
    return spec.given().when(add(settings, secret_id, **changes))


def mail(**changes):
    return Email(**{"server": "mail.example.test", "sender": "a@b.test", "recipients": ("c@d.test",), **changes})


def test_a_channel_is_added_with_its_name_reserved():
    spec.given().when(add()).then(added)
    assert [claim.stream for claim in decider.reservations(added, "id")] == ["notice_channel_name-ops"]
    spec.given(added).when(add()).then_nothing()
    spec.given(added).when(add(request_digest=b"other")).then_refused(RequestReused)


def test_kinds_are_kept_each_once():
    kinds = (NoticeKind.EXPIRY, NoticeKind.DRIFT, NoticeKind.EXPIRY)
    (event,) = adding(HOOK, about=kinds).events()
    assert event.about == (NoticeKind.DRIFT, NoticeKind.EXPIRY)


def test_another_secret_names_the_one_before_to_be_removed():
    spec.given(added).when(ReplaceNoticeSecret("next", "wish")).then(replaced)
    spec.given(added, replaced).when(ReplaceNoticeSecret("third", "wish")).then_nothing()
    spec.given(added).when(ReplaceNoticeSecret("", "wish")).then_breaks("secret")


def test_removing_gives_up_the_name_and_the_secret_of_the_time():
    removed = NoticeChannelRemoved("ops", "moved", ("next",))
    spec.given(added, replaced).when(RemoveNoticeChannel("moved")).then(removed)
    spec.given(added, removed).when(RemoveNoticeChannel("again")).then_nothing()
    spec.given(added, removed).when(ReplaceNoticeSecret("next", "wish")).then_refused(NoticeChannelMissing)
    spec.given().when(RemoveNoticeChannel("")).then_refused(NoticeChannelMissing)
    spec.given(added).when(RemoveNoticeChannel("two\nlines")).then_refused(RulesBroken)


@pytest.mark.parametrize(
    ("settings", "secret_id", "fields"),
    [
        (mail(server="mail:0"), "", ["settings.server"]),
        (mail(server="mail example"), "", ["settings.server"]),
        (mail(sender="nobody"), "", ["settings.sender"]),
        (mail(recipients=()), "", ["settings.recipients"]),
        (mail(recipients=("a@b.test\nBcc: c@d.test",)), "", ["settings.recipients[0]"]),
        (mail(recipients=("c@d.test",) * 51), "", ["settings.recipients"]),
        (mail(username="a\r\nb"), "secret", ["settings.username"]),
        (mail(username="a"), "", ["secret"]),
        (mail(), "secret", ["secret"]),
        (mail(username="a", security=MailSecurity.NONE), "secret", ["settings.security"]),
        (HOOK, "", ["secret"]),
        (Webhook("ftp://hooks.example.test/"), "secret", ["settings.url"]),
        (Webhook("https:///path"), "secret", ["settings.url"]),
        (Webhook("https://user:password@hooks.example.test/"), "secret", ["settings.url"]),
        (Webhook("https://hooks.example.test:0/"), "secret", ["settings.url"]),
        (Webhook("https://[hooks/"), "secret", ["settings.url"]),
        (Webhook("https://hooks.example.test/\n"), "secret", ["settings.url"]),
        (Webhook(f"https://hooks.example.test/{'x' * 1000}"), "secret", ["settings.url"]),
        (Apprise(), "", ["secret"]),
    ],
)
def test_a_channel_that_could_not_be_reached_is_refused(settings, secret_id, fields):
    adding(settings, secret_id).then_breaks(*fields)


def test_apprise_has_no_trust_store():
    adding(Apprise(), trust_store_id="own").then_breaks("trust_store")
