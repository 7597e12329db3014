"""What is due is told to each channel once: whatever fails, whoever is killed, and however many servers there are."""

import asyncio
from datetime import timedelta

import pytest

from es_pki.adapters.intake.deciders import ACME_RENEWAL
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    RegisterService,
    RenewCertificate,
    VerifyService,
)
from es_pki.adapters.notices import mail as by_mail
from es_pki.commands.acme_renewal import PlanACMERenewal, RecordACMERenewalFailure, Window
from es_pki.events.service import Probe
from es_pki.projections.notices import NoticeStatus
from es_pki.values.acme import ACMEProblem
from es_pki.values.notices import MailSecurity, NoticeKind
from tests import mail_server
from tests.mail_server import PASSWORD

HOURS = 1 / 24


async def test_an_end_is_told_once_a_day_of_its_days_and_anew_for_the_next_version(town, mail, hook):
    await town.issue("www", 40)
    await town.by_mail(mail.address)
    await town.by_webhook(hook.url)
    for days in (9, 12, 3, 7, 3, 3, 2):
        await town.look(later=days)
        await town.look(later=HOURS)
    told = [mail["Subject"] for mail in mail.mails]
    assert told[0] == "[es-pki] The certificate www expires in 18 days"
    assert told[-1] == "[es-pki] The certificate www expires in 17 hours"
    assert len(told) == len(hook.posted) == 5
    days = [notice.detail for notice in await town.notices(channel="mail")]
    assert days == ["30", "14", "7", "3", "1"]


async def test_a_channel_gets_the_kinds_that_it_asked_for(town, hook):
    await town.issue("www", 40)
    await town.by_webhook(hook.url, about=(NoticeKind.DRIFT,))
    await town.look(later=30)
    assert hook.posted == []


async def test_a_renewed_certificate_is_quiet(town, hook):
    await town.issue("www", 40)
    await town.by_webhook(hook.url)
    await town.world.ask(RenewCertificate("www", validity_days=200))
    await town.look(later=30)
    assert await town.notices(concerns="www") == []


async def test_a_failure_is_told_with_its_next_attempt_and_holds_up_nobody(town, hook, monkeypatch):
    monkeypatch.setattr(by_mail, "SECONDS", 0.2)
    await town.issue("www", 20)
    async with mail_server.silent() as address:
        await town.by_mail(address)
        await town.by_webhook(hook.url)
        await town.look(later=10)
        (failed,) = await town.notices(channel="mail", concerns="www")
        assert (failed.status, failed.attempt) == (NoticeStatus.FAILED, 1)
        assert failed.next_attempt - failed.ended_at > timedelta(seconds=50)
        assert "did not answer" in failed.problem
        assert len(hook.posted) == 1
        await town.look()
        (failed,) = await town.notices(channel="mail", concerns="www")
        assert failed.attempt == 1
        await town.look(later=2 * HOURS)
        (failed,) = await town.notices(channel="mail", concerns="www")
        assert failed.attempt == 2


async def test_a_channel_that_fails_is_left_alone_for_the_rest_of_the_look(town, hook):
    for name in ("one", "two", "three"):
        await town.issue(name, 20)
    hook.status = 500
    await town.by_webhook(hook.url)
    await town.look(later=10)
    assert len(hook.posted) == 1
    hook.status = 200
    await town.look(later=2 * HOURS)
    assert len(hook.posted) == 4
    assert {row.status for row in await town.notices()} == {NoticeStatus.SENT}


async def test_a_notice_that_is_due_no_more_is_not_tried_again(town, hook):
    await town.issue("www", 20)
    hook.status = 500
    await town.by_webhook(hook.url)
    await town.look(later=10)
    await town.world.ask(RenewCertificate("www", validity_days=200))
    hook.status = 200
    await town.look(later=2 * HOURS)
    assert len(hook.posted) == 1


async def test_two_servers_tell_nobody_twice(town, mail, hook):
    for name in ("one", "two", "three"):
        await town.issue(name, 20)
    await town.by_mail(mail.address)
    await town.by_webhook(hook.url)
    await town.follow()
    town.days = 10
    tellers = town.teller, town.another()
    for begun in ("look", "settle"):
        await asyncio.gather(*(getattr(teller, begun)() for teller in tellers))
    await town.look()
    assert sorted(mail["Message-ID"] for mail in mail.mails) == sorted({mail["Message-ID"] for mail in mail.mails})
    assert (len(mail.mails), len(hook.posted)) == (3, 3)


@pytest.mark.parametrize("channel", ["mail", "hook"])
async def test_what_was_under_way_when_its_process_was_killed(town, mail, hook, channel):
    """Mail isn't sent again, since it may have arrived; a webhook is, since its receiver knows the notice."""
    await town.issue("www", 20)
    await town.by_mail(mail.address, about=() if channel == "mail" else (NoticeKind.DRIFT,))
    await town.by_webhook(hook.url, about=() if channel == "hook" else (NoticeKind.DRIFT,))
    mail.holds = hook.holds = True
    town.days = 10
    await town.follow()
    await town.teller.look()
    await until(lambda: mail.mails or hook.posted)
    await town.teller.close()
    mail.holds = hook.holds = False
    town.teller = town.another()
    town.days = 0
    await town.look()
    (row,) = await town.notices(concerns="www")
    assert row.status is NoticeStatus.SENDING
    await town.look(later=10)
    await town.look(later=HOURS)
    (row,) = await town.notices(concerns="www")
    if channel == "mail":
        assert (row.status, len(mail.mails)) == (NoticeStatus.GIVEN_UP, 1)
        assert "nobody knows" in row.problem
    else:
        assert row.status is NoticeStatus.SENT
        assert {headers["webhook-id"] for headers, _ in hook.posted} == {row.id}


async def until(condition):
    """Wait until something holds."""
    while not condition():
        await asyncio.sleep(0.001)


async def test_mail_that_may_have_been_taken_is_not_sent_again(town, mail, monkeypatch):
    monkeypatch.setattr(by_mail, "SECONDS", 0.3)
    mail.holds = True
    await town.issue("www", 20)
    await town.by_mail(mail.address)
    await town.look(later=10)
    (row,) = await town.notices(concerns="www")
    assert (row.status, row.next_attempt) == (NoticeStatus.GIVEN_UP, None)
    mail.holds = False
    await town.look(later=1)
    assert len(mail.mails) == 1


async def test_a_wrong_password_is_tried_again_and_says_so(town, mail):
    await town.issue("www", 20)
    await town.by_mail(mail.address, secret=f"another-{PASSWORD}", security=MailSecurity.STARTTLS)
    await town.look(later=10)
    (row,) = await town.notices(concerns="www")
    assert (row.status, "535" in row.problem) == (NoticeStatus.FAILED, True)
    assert PASSWORD not in row.problem


async def test_drift_and_a_failed_deployment_are_told_once_a_version(town, hook):
    world = town.world
    await town.issue("www", 200)
    await world.ask(RegisterService(name="nginx", probe=Probe("127.0.0.1:9"), probe_seconds=1))
    await world.ask(BindCertificate("nginx", "www"))
    await town.by_webhook(hook.url)
    await world.ask(VerifyService("nginx"))
    started = (await world.ask(DeployCertificate("nginx"))).result
    await town.look()
    assert await town.notices() == []
    await world.deployer.deploy(started["service_id"], started["deployment_id"])
    for _ in range(2):
        await town.look()
    told = {(row.kind, row.detail, row.version): row.title for row in await town.notices()}
    assert told == {
        (NoticeKind.DRIFT, "unreachable", 1): "nginx doesn't serve www: unreachable",
        (NoticeKind.DEPLOYMENT, "", 1): "www could not be deployed to nginx",
    }
    await world.ask(RenewCertificate("www"))
    await town.look()
    assert [row.version for row in await town.notices(kind="drift")] == [1, 2]
    assert len(hook.posted) == 3


async def test_it_is_quiet_while_a_directory_renews_and_tells_of_the_second_failure(town, hook):
    await town.issue("www", 40)
    await town.by_webhook(hook.url)
    at = town.now()
    ends = at + timedelta(days=40)
    window = Window(at + timedelta(days=35), at + timedelta(days=36))
    problem = ACMEProblem("urn:ietf:params:acme:error:rateLimited", "too many")
    await renewal(town, PlanACMERenewal("www", 1, at, ends, window, "", 0.0, at))
    await town.look(later=30)
    assert await town.notices() == []
    for attempt, kinds in ((1, ["expiry"]), (2, ["expiry", "renewal"])):
        await renewal(town, RecordACMERenewalFailure(1, attempt, problem, False, ends, 0.0, town.now()))
        await town.look()
        assert [row.kind for row in await town.notices()] == kinds
    assert "failed 2 times: urn:ietf:params:acme:error:rateLimited: too many" in (await town.notices())[1].text


async def renewal(town, command):
    """Record what happened to the renewal of www."""

    async def ask():
        return command

    certificate_id = await town.world.aggregates.owner("certificate_name-www")
    await town.world.aggregates.handle(ACME_RENEWAL, certificate_id, ask, actor="es-pki")
