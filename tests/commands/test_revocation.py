"""What is decided about certificates and authorities that hold no more."""

from datetime import timedelta

import pytest

from es_pki.commands import authority
from es_pki.commands.authority import IssuerRevoked, issuer_of
from es_pki.commands.authority_revocation import RevokeAuthority, RootUnrevocable
from es_pki.commands.certificate import CertificateMissing, decider
from es_pki.commands.lineage import RollBackCertificate, VersionExpired, VersionMissing, VersionRevoked
from es_pki.commands.refusals import AlreadyRevoked, NotSignedYet
from es_pki.commands.revocation import (
    HoldCertificate,
    IssuedElsewhere,
    ReleaseCertificate,
    RevokeCertificate,
    Which,
)
from es_pki.decider import Guard
from es_pki.events.authority import AuthorityCreated, AuthorityRevoked, IssuancePolicyAdopted
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateHeld,
    CertificateIssued,
    CertificateReleased,
    CertificateRevoked,
    SigningFailed,
)
from es_pki.values import CRLReason, IssuancePolicy, Locations
from tests.builders import LATER, NOW, ROOT_ID, create_authority, issue, issuer, renew, self_sign
from tests.spec import Spec, encode

CERTIFICATE = decider(encode)
AUTHORITY = authority.decider(encode)
spec, authorities = Spec(CERTIFICATE), Spec(AUTHORITY)

(FIRST,) = spec.when(issue()).events()
ONE = FIRST, CertificateIssued(1, b"der 1")
(SECOND,) = spec.given(*ONE).when(renew()).events()
TWO = *ONE, SECOND, CertificateIssued(2, b"der 2")
OVER = FIRST.not_after + timedelta(seconds=1)

(ROOT,) = authorities.when(create_authority()).events()
(BELOW,) = authorities.when(create_authority(issuer=issuer(), path_length=0)).events()
CREATED = AuthorityCreated(b"der"), IssuancePolicyAdopted(IssuancePolicy())


def revoke(reason=CRLReason.SUPERSEDED, *, version=None, serial_number=None, since=None, now=LATER):
    return RevokeCertificate(Which(version, serial_number), reason, since, now)


def revoked(prepared, reason=CRLReason.SUPERSEDED, at=LATER, since=None):
    facts = prepared.version, "www", prepared.issuer_id, prepared.serial_number, prepared.not_after
    return CertificateRevoked(*facts, at, reason, since)


def held(prepared, at=LATER):
    return CertificateHeld(prepared.version, "www", prepared.issuer_id, prepared.serial_number, prepared.not_after, at)


def released(prepared):
    return CertificateReleased(prepared.version, prepared.issuer_id, prepared.serial_number, prepared.not_after)


def test_the_current_version_is_revoked_unless_another_is_named():
    spec.given(*TWO).when(revoke()).then(revoked(SECOND))
    spec.given(*TWO).when(revoke(version=1)).then(revoked(FIRST))
    spec.given(*TWO).when(revoke(serial_number=FIRST.serial_number)).then(revoked(FIRST))
    spec.given(*TWO).when(revoke(version=1, serial_number=SECOND.serial_number)).then_refused(VersionMissing)


@pytest.mark.parametrize("named", [{"version": 0}, {"version": 3}, {"serial_number": "00"}, {"version": 10**30}])
def test_only_what_was_issued_is_revoked(named):
    spec.given(*TWO).when(revoke(**named)).then_refused(VersionMissing)
    spec.given(*ONE, SECOND, SigningFailed(2, "why")).when(revoke(version=2)).then_refused(VersionMissing)
    spec.given(*ONE, SECOND).when(revoke(version=2)).then_refused(NotSignedYet)
    spec.when(revoke()).then_refused(CertificateMissing)


def test_a_revocation_is_recorded_in_whole_seconds():
    spec.given(*ONE).when(revoke(now=LATER + timedelta(microseconds=5))).then(revoked(FIRST))


def test_revoking_again_for_the_same_reason_changes_nothing():
    later = LATER + timedelta(days=1)
    spec.given(*ONE, revoked(FIRST)).when(revoke(now=later)).then_nothing()
    spec.given(*ONE, revoked(FIRST)).when(revoke(now=OVER)).then_nothing()


@pytest.mark.parametrize("reason", [CRLReason.KEY_COMPROMISE, CRLReason.UNSPECIFIED])
def test_revoking_again_for_another_reason_is_refused(reason):
    refused = spec.given(*ONE, revoked(FIRST)).when(revoke(reason)).then_refused(AlreadyRevoked)
    assert "superseded" in refused.detail
    spec.given(*ONE, revoked(FIRST)).when(revoke(since=NOW)).then_refused(AlreadyRevoked)


@pytest.mark.parametrize(
    "reason",
    [
        CRLReason.CERTIFICATE_HOLD,
        CRLReason.REMOVE_FROM_CRL,
        CRLReason.CA_COMPROMISE,
        CRLReason.AA_COMPROMISE,
    ],
)
def test_a_reason_fits_what_is_revoked(reason):
    spec.given(*ONE).when(revoke(reason)).then_breaks("reason")


@pytest.mark.parametrize("since", [FIRST.not_before - timedelta(seconds=1), LATER + timedelta(seconds=1)])
def test_an_invalidity_date_lies_in_the_life_of_the_certificate(since):
    spec.given(*ONE).when(revoke(since=since)).then_breaks("invalidity_date")
    spec.given(*ONE).when(revoke(since=NOW)).then(revoked(FIRST, since=NOW))


def test_what_has_expired_is_not_revoked():
    spec.given(*ONE).when(revoke(now=OVER)).then_refused(VersionExpired)
    spec.given(*ONE).when(HoldCertificate(Which(), OVER)).then_refused(VersionExpired)


def test_what_signs_for_itself_is_not_revoked():
    (alone,) = spec.when(self_sign()).events()
    for command in (revoke(), HoldCertificate(Which(), LATER)):
        spec.given(alone, CertificateIssued(1, b"der")).when(command).then_refused(IssuedElsewhere)


def test_what_was_issued_is_revoked_after_its_lineage_was_deleted():
    spec.given(*ONE, CertificateDeleted(("www",))).when(revoke()).then(revoked(FIRST))


def test_a_certificate_is_held_and_released_any_number_of_times():
    hold, release = HoldCertificate(Which(), LATER), ReleaseCertificate(Which(), LATER)
    spec.given(*ONE).when(hold).then(held(FIRST))
    spec.given(*ONE, held(FIRST)).when(release).then(released(FIRST))
    spec.given(*ONE, held(FIRST), released(FIRST)).when(hold).then(held(FIRST))
    spec.given(*ONE).when(release).then_nothing()


def test_what_was_held_is_revoked_since_then():
    given = spec.given(*ONE, held(FIRST, NOW))
    given.when(revoke()).then(revoked(FIRST, at=NOW))


def test_what_was_revoked_is_neither_held_nor_released():
    for command in (HoldCertificate(Which(), LATER), ReleaseCertificate(Which(), LATER)):
        spec.given(*ONE, revoked(FIRST)).when(command).then_refused(AlreadyRevoked)


def test_a_version_that_does_not_hold_does_not_become_current_again():
    roll_back = RollBackCertificate(1, "", LATER)
    spec.given(*TWO, revoked(FIRST)).when(roll_back).then_refused(VersionRevoked)
    spec.given(*TWO, held(FIRST)).when(roll_back).then_refused(VersionRevoked)


def test_a_revoked_certificate_is_renewed():
    spec.given(*ONE, revoked(FIRST)).when(renew()).then(SECOND)


def test_a_compromise_is_recorded_together_with_the_revocation():
    report = Guard("key_compromise-00", 0)
    command = RevokeCertificate(Which(), CRLReason.KEY_COMPROMISE, None, LATER, report)
    assert tuple(CERTIFICATE.guards(command)) == (report,)


# Authorities


def test_an_authority_is_revoked_once():
    end = AuthorityRevoked("root", ROOT_ID, BELOW.serial_number, BELOW.not_after, LATER, CRLReason.CA_COMPROMISE)
    given = authorities.given(BELOW, *CREATED)
    given.when(RevokeAuthority(CRLReason.CA_COMPROMISE, None, LATER)).then(end)
    again = authorities.given(BELOW, *CREATED, end)
    again.when(RevokeAuthority(CRLReason.CA_COMPROMISE, None, LATER)).then_nothing()
    again.when(RevokeAuthority(CRLReason.SUPERSEDED, None, LATER)).then_refused(AlreadyRevoked)


def test_a_root_is_not_revoked():
    revoking = RevokeAuthority(CRLReason.CA_COMPROMISE, None, LATER)
    authorities.given(ROOT, *CREATED).when(revoking).then_refused(RootUnrevocable)


def test_a_revoked_authority_issues_nothing():
    end = AuthorityRevoked("root", ROOT_ID, BELOW.serial_number, BELOW.not_after, LATER, CRLReason.SUPERSEDED)
    state = AUTHORITY.initial
    for event in (BELOW, *CREATED, end):
        state = AUTHORITY.evolve(state, event)
    with pytest.raises(IssuerRevoked):
        issuer_of(state, authority_id=ROOT_ID, version=4, locations=Locations("http://a", "http://b"))
