"""How an earlier version is planned to end once another one came."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands.certificate import CertificateMissing, RecordSignature, decider
from es_pki.commands.lineage import RollBackCertificate, VersionExpired, VersionMissing
from es_pki.commands.refusals import AlreadyRevoked
from es_pki.commands.revocation import IssuedElsewhere, RevokeCertificate, VersionServed, Which
from es_pki.commands.supersession import PlanSupersession, RecordSupersessionHeldUp, WithdrawSupersession
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateRevoked,
    CertificateRolledBack,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.values import CRLReason
from tests.builders import LATER, issue, reissue, renew, renew_self_signed, self_sign
from tests.spec import Spec, encode

CERTIFICATE = decider(encode)
spec = Spec(CERTIFICATE)
A_DAY = timedelta(days=1)

(FIRST,) = spec.when(issue()).events()
ONE = FIRST, CertificateIssued(1, b"der 1")
(SECOND,) = spec.given(*ONE).when(renew()).events()
TWO = *ONE, SECOND, CertificateIssued(2, b"der 2")


def planned(days, version=FIRST):
    end, due = version.not_after, LATER + days * A_DAY
    return SupersessionPlanned(version.version, "www", version.serial_number, version.not_before, end, due)


def plan(days=7, version=1, now=LATER):
    return PlanSupersession(Which(version), days, now)


def revoke(version=None, *, unless_current=False):
    return RevokeCertificate(Which(version), CRLReason.SUPERSEDED, None, LATER, unless_current=unless_current)


def renewed(command):
    (event,) = spec.given(*ONE).when(command).events()
    return (*ONE, event)


@pytest.mark.parametrize("command", [renew, lambda **days: reissue("other.test", **days)])
def test_a_renewal_plans_the_end_of_the_version_before_once_it_is_issued(command):
    history = renewed(command(revoke_previous_after_days=7))
    assert history[-1].supersede_at == LATER + 7 * A_DAY
    spec.given(*history).when(RecordSignature(2, b"der 2")).then(CertificateIssued(2, b"der 2"), planned(7))


def test_nothing_is_planned_unless_it_is_asked_for_or_for_what_ends_before_by_itself():
    assert SECOND.supersede_at is None
    spec.given(*ONE, SECOND).when(RecordSignature(2, b"der 2")).then(CertificateIssued(2, b"der 2"))
    assert renewed(renew(revoke_previous_after_days=900))[-1].supersede_at is None


def test_nothing_is_planned_for_a_version_that_was_revoked_before_the_next_one_was_issued():
    gone = spec.given(*ONE).when(revoke()).events()
    assert spec.given(*ONE, *gone).when(renew(revoke_previous_after_days=7)).events()[0].supersede_at is None
    history = *renewed(renew(revoke_previous_after_days=7)), *gone
    spec.given(*history).when(RecordSignature(2, b"der 2")).then(CertificateIssued(2, b"der 2"))


def test_a_time_of_grace_is_bounded():
    for days in (-1, 1001):
        spec.given(*ONE).when(renew(revoke_previous_after_days=days)).then_breaks("revoke_previous_after_days")
        spec.given(*TWO).when(plan(days)).then_breaks("after_days")


def test_nobody_here_revokes_what_signed_for_itself():
    (alone,) = spec.when(self_sign()).events()
    history = alone, CertificateIssued(1, b"der 1")
    spec.given(*history).when(renew_self_signed(revoke_previous_after_days=7)).then_refused(IssuedElsewhere)


def test_an_end_may_be_planned_later_otherwise_and_withdrawn():
    spec.given(*TWO).when(plan(7)).then(planned(7))
    spec.given(*TWO, planned(7)).when(plan(7)).then_nothing()
    spec.given(*TWO, planned(7)).when(plan(7, now=LATER + A_DAY / 1000)).then_nothing()
    spec.given(*TWO, planned(7)).when(plan(0)).then(planned(0))
    spec.given(*TWO, planned(7)).when(WithdrawSupersession(Which(1))).then(SupersessionEnded(1))
    spec.given(*TWO).when(WithdrawSupersession(Which(1))).then_nothing()


def test_an_end_is_planned_only_for_an_earlier_version_that_holds():
    spec.when(plan()).then_refused(CertificateMissing)
    spec.given(*TWO).when(plan(version=3)).then_refused(VersionMissing)
    for current in (2, None):
        spec.given(*TWO).when(plan(version=current)).then_refused(VersionServed)
    over = FIRST.not_after + A_DAY
    spec.given(*TWO).when(plan(now=over)).then_refused(VersionExpired)
    spec.given(*TWO).when(plan(900)).then_breaks("after_days")
    (gone,) = spec.given(*TWO).when(revoke(1)).events()
    spec.given(*TWO, gone).when(plan()).then_refused(AlreadyRevoked)


def test_what_was_deleted_is_revoked_as_planned():
    history = *TWO, planned(7), CertificateDeleted(names=("www",))
    events = spec.given(*history).when(revoke(1, unless_current=True)).events()
    assert [type(event) for event in events] == [CertificateRevoked, SupersessionEnded]


def test_revoking_or_rolling_back_ends_the_plan():
    events = spec.given(*TWO, planned(7)).when(revoke(1)).events()
    assert [type(event) for event in events] == [CertificateRevoked, SupersessionEnded]
    back = RollBackCertificate(1, "", LATER)
    spec.given(*TWO, planned(7)).when(back).then(CertificateRolledBack(1), SupersessionEnded(1))


def test_the_current_version_is_spared_by_who_wants_that():
    spec.given(*TWO).when(revoke(2, unless_current=True)).then_refused(VersionServed)
    spec.given(*TWO, CertificateRolledBack(1)).when(revoke(1, unless_current=True)).then_refused(VersionServed)
    (event,) = spec.given(*TWO).when(revoke(1, unless_current=True)).events()
    assert event.version == 1


def test_for_whom_it_waits_is_recorded_when_that_changes_and_once_a_day():
    def hold_up(*services, at=LATER):
        return RecordSupersessionHeldUp(1, services, at)

    waits = SupersessionHeldUp(1, ("web",), LATER + A_DAY)
    history = *TWO, planned(0)
    spec.given(*history).when(hold_up("web")).then(waits)
    spec.given(*history, waits).when(hold_up("web", at=LATER + A_DAY / 2)).then_nothing()
    spec.given(*history, waits).when(hold_up("web", at=LATER + A_DAY)).then(replace(waits, due_at=LATER + 2 * A_DAY))
    both = replace(waits, services=("mail", "web"))
    spec.given(*history, waits).when(hold_up("mail", "web")).then(both)
    for nothing_planned in (TWO, (*history, SupersessionEnded(1))):
        spec.given(*nothing_planned).when(hold_up("web")).then_nothing()
