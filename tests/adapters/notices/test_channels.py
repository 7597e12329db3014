"""Every way to reach somebody, against a real peer; and what goes wrong on the way is told, never who logs in how."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from es_pki.adapters.intake.deciders import NOTICE
from es_pki.adapters.intake.requests import (
    AddNoticeChannel,
    RemoveNoticeChannel,
    ReplaceNoticeSecret,
    TestNoticeChannel,
)
from es_pki.adapters.keystore.store import KeyMissing
from es_pki.adapters.notices import mail as by_mail
from es_pki.adapters.notices.courier import SECRETS
from es_pki.adapters.notices.webhook import key_of, signature
from es_pki.commands.notice_channel import NoticeChannelMissing
from es_pki.commands.refusals import Malformed
from es_pki.events import codec
from es_pki.events.notice_channel import NoticeChannelAdded
from es_pki.projections.notices import NoticeStatus
from es_pki.values.notices import Apprise, Email, MailSecurity, Webhook
from tests import mail_server
from tests.adapters.notices.conftest import KEY
from tests.mail_server import NOBODY, PASSWORD, USERNAME


async def test_mail_goes_out_by_starttls_and_a_login_with_an_id_of_its_own(town, mail):
    await town.by_mail(mail.address, recipients=("a@example.test", "b@example.test"))
    assert await town.tested() is None
    (sent,), (row,) = mail.mails, await town.notices()
    assert (sent["From"], sent["To"]) == ("es-pki@example.test", "a@example.test, b@example.test")
    assert (sent["Message-ID"], sent["Auto-Submitted"]) == (f"<{row.id}@example.test>", "auto-generated")
    assert (sent["Subject"], row.status) == ("[es-pki] es-pki can reach you", NoticeStatus.SENT)
    assert "alice asked for this test" in sent.get_content()
    assert mail.logins == 1


async def test_mail_goes_out_by_tls_at_once(town, tls):
    async with mail_server.running(tls, at_once=True) as server:
        await town.by_mail(server.address, security=MailSecurity.TLS)
        assert await town.tested() is None
        assert (len(server.mails), server.logins) == (1, 1)


async def test_mail_goes_out_in_clear_to_those_who_ask_for_no_login(town):
    async with mail_server.running(None) as server:
        await town.by_mail(server.address, secret="", security=MailSecurity.NONE)
        assert await town.tested() is None
        assert len(server.mails) == 1


async def test_recipients_that_are_refused_are_told_and_the_others_get_it(town, mail):
    await town.by_mail(mail.address, recipients=("a@example.test", NOBODY))
    assert await town.tested() is None
    (row,) = await town.notices()
    assert (row.status, "no such mailbox" in row.remark) == (NoticeStatus.SENT, True)
    await town.by_mail(mail.address, name="nobody", recipients=(NOBODY,))
    assert "550" in await town.tested("nobody")


async def test_a_wrong_password_is_told_and_the_right_one_helps(town, mail):
    await town.by_mail(mail.address, secret=f"another-{PASSWORD}")
    assert "535" in await town.tested()
    await town.world.ask(ReplaceNoticeSecret("mail", PASSWORD))
    assert await town.tested() is None


async def test_a_mail_server_that_nobody_vouches_for_gets_no_password(town, mail, tls):
    await town.by_mail(mail.address)
    settings = Email(mail.address, "es-pki@example.test", ("a@example.test",), username=USERNAME)
    await town.world.ask(AddNoticeChannel("system", settings, PASSWORD))
    assert "isn't trusted" in await town.tested("system")
    await town.by_mail(mail.address.replace("localhost", "127.0.0.1"), name="by-address")
    assert "isn't trusted" in await town.tested("by-address")
    async with mail_server.running(None) as server:
        await town.by_mail(server.address, name="clear")
        assert "STARTTLS" in await town.tested("clear")
        await town.by_mail(server.address, name="wrapped", security=MailSecurity.TLS)
        assert "TLS" in await town.tested("wrapped")
    assert (mail.logins, server.logins) == (0, 0)


async def test_a_mail_server_that_hangs_or_is_not_there_is_told_in_time(town, monkeypatch):
    monkeypatch.setattr(by_mail, "SECONDS", 0.2)
    async with mail_server.silent() as address:
        await town.by_mail(address)
        assert "did not answer" in await town.tested()
    assert "no connection" in await town.tested()


@pytest.mark.parametrize(
    ("lines", "reason", "status"),
    [
        (["HTTP/1.1 400 Bad Request"], "HTTP/1.1 400", NoticeStatus.FAILED),
        (["220 hi"], "closed the connection", NoticeStatus.FAILED),
        (["554 \x1b[31mgo away"], r"554 \x1b[31mgo away", NoticeStatus.FAILED),
        (["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "554 spam"], "554 spam", NoticeStatus.FAILED),
        (["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "perhaps"], "perhaps", NoticeStatus.GIVEN_UP),
        (["220 hi", "250 hi", "250 ok", "250 ok", "354 go on"], "closed the connection", NoticeStatus.GIVEN_UP),
    ],
)
async def test_whatever_a_mail_server_says_is_told_and_mail_in_doubt_is_not_sent_again(town, lines, reason, status):
    await town.issue("www", 40)
    async with mail_server.saying(*lines) as address:
        await town.by_mail(address, secret="", security=MailSecurity.NONE)
        await town.look(later=30)
    (row,) = await town.notices()
    assert (row.status, reason in row.problem) == (status, True), row.problem


async def test_a_webhook_is_signed_as_the_standard_webhooks_say(town, hook):
    await town.by_webhook(hook.url)
    assert await town.tested("hook") is None
    ((headers, body),) = hook.posted
    told, (row,) = json.loads(body), await town.notices()
    assert (told["id"], told["kind"], told["title"]) == (row.id, "test", "es-pki can reach you")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{row.id}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert (headers["webhook-id"], headers["webhook-signature"]) == (row.id, f"v1,{expected}")


def test_the_signature_is_that_of_the_specification():
    key = key_of(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [307, 401, 500])
async def test_a_webhook_that_is_not_taken_is_told_and_leads_nowhere_else(town, hook, status):
    hook.status = status
    await town.by_webhook(hook.url)
    assert f"HTTP status {status}" in await town.tested("hook")
    assert len(hook.posted) == 1


async def test_a_webhook_reaches_no_private_network_and_nobody_who_is_not_there(town):
    await town.by_webhook("http://10.0.0.1/")
    assert "in no public network" in await town.tested("hook")
    await town.by_webhook("https://127.0.0.1:9/", name="gone")
    assert "127.0.0.1:9/: " in await town.tested("gone")


async def test_a_webhook_trusts_whom_its_trust_store_trusts(town, tls, hook):
    async with mail_server.running(tls, at_once=True) as server:  # any server with this certificate
        url = f"https://{server.address}/"
        await town.world.ask(AddNoticeChannel("own", Webhook(url), KEY, (), "own"))
        await town.world.ask(AddNoticeChannel("system", Webhook(url), KEY))
        assert "isn't trusted" in await town.tested("system")
        assert "isn't trusted" not in await town.tested("own")


async def test_apprise_sends_and_what_it_says_when_it_fails_is_told_without_its_url(town, hook):
    await town.world.ask(AddNoticeChannel("apprise", Apprise(), hook.url.replace("http", "json")))
    assert await town.tested("apprise") is None
    assert json.loads(hook.posted[0][1])["title"] == "es-pki can reach you"
    hook.status = 500
    await town.world.ask(ReplaceNoticeSecret("apprise", hook.url.replace("http://", "json://user:Recognisable@")))
    problem = await town.tested("apprise")
    assert ("apprise could not send it" in problem, "Recognisable" in problem) == (True, False)
    await town.world.ask(ReplaceNoticeSecret("apprise", "nonesuch://host"))
    assert "no such URL" in await town.tested("apprise")


async def test_secrets_lie_in_the_key_store_as_long_as_they_are_used(town):
    await town.by_webhook("https://hooks.example.test/")
    world, channel_id = town.world, await town.world.aggregates.owner("notice_channel_name-hook")
    (record,) = await world.log.read_stream(f"notice_channel-{channel_id}")
    added = codec.decode(record.type, record.data)
    assert isinstance(added, NoticeChannelAdded)
    assert await world.keys.secret(added.secret_id, purpose=SECRETS, owner=channel_id) == KEY.encode()
    await world.ask(RemoveNoticeChannel("hook"))
    with pytest.raises(KeyMissing):
        await world.keys.secret(added.secret_id, purpose=SECRETS, owner=channel_id)
    with pytest.raises(NoticeChannelMissing):
        await town.tested("hook")


async def test_the_same_test_is_sent_once(town, hook):
    await town.by_webhook(hook.url)
    for _ in range(2):
        answer = await town.world.ask(TestNoticeChannel("hook"), key="once")
    assert len(hook.posted) == 1
    assert answer.stream == NOTICE.stream(answer.result["notice_id"])


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        (Webhook("https://hooks.example.test/"), "too short"),
        (Webhook("https://hooks.example.test/"), "whsec_no base64"),
        (Apprise(), "no URL"),
        (Apprise(), "x" * 5_000),
    ],
)
async def test_a_secret_that_is_none_of_its_kind_is_refused(town, settings, secret):
    with pytest.raises(Malformed):
        await town.world.ask(AddNoticeChannel("bad", settings, secret))
