"""What is decided about a certificate as a whole: its current version, its names, labels and owner, its end."""

from datetime import timedelta
from itertools import pairwise

import pytest

from es_pki.commands.certificate import CertificateMissing, decider
from es_pki.commands.description import DescribeCertificate
from es_pki.commands.lineage import (
    MAXIMUM_ALIASES,
    AlreadyDeleted,
    CertificateInUse,
    DeleteCertificate,
    RecordKeysDiscarded,
    RenameCertificate,
    RollBackCertificate,
    VersionExpired,
    VersionMissing,
)
from es_pki.commands.refusals import KeyCompromised, NotSignedYet, RulesBroken
from es_pki.decider import Release, Reservation
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateLabelled,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeysDiscarded,
    SigningFailed,
)
from tests.builders import CERTIFICATE_ID, LATER, issue, renew, sign_csr
from tests.spec import Spec, encode

CERTIFICATE = decider(encode)
spec = Spec(CERTIFICATE)

(FIRST,) = spec.when(issue()).events()
ONE = FIRST, CertificateIssued(1, b"der 1")
(SECOND,) = spec.given(*ONE).when(renew()).events()
TWO = *ONE, SECOND, CertificateIssued(2, b"der 2")
DELETED = CertificateDeleted(names=("www",), key_ids=("key-of-www",), reason="over")


def roll_back(version, now=LATER):
    return RollBackCertificate(version, "", now)


def rename(name, *, keeps_former_name=True, used_by=()):
    return RenameCertificate(name, keeps_former_name, used_by)


def test_an_earlier_version_becomes_current_again_and_a_later_one_too():
    spec.given(*TWO).when(roll_back(1)).then(CertificateRolledBack(1))
    spec.given(*TWO, CertificateRolledBack(1)).when(roll_back(2)).then(CertificateRolledBack(2))


def test_rolling_back_to_the_current_version_changes_nothing():
    spec.given(*TWO).when(roll_back(2)).then_nothing()


@pytest.mark.parametrize("version", [0, 3, -1, 10**30])
def test_only_an_issued_version_can_become_current(version):
    spec.given(*TWO).when(roll_back(version)).then_refused(VersionMissing)
    spec.given(*ONE, SECOND, SigningFailed(2, "why")).when(roll_back(2)).then_refused(VersionMissing)


def test_a_version_that_does_not_hold_any_more_stays_where_it_is():
    late = FIRST.not_after + timedelta(seconds=1)
    spec.given(*TWO).when(roll_back(1, late)).then_refused(VersionExpired)
    spec.given(*TWO).when(roll_back(1, FIRST.not_after)).then(CertificateRolledBack(1))


def test_nothing_is_rolled_back_while_a_version_waits_for_its_signature():
    (third,) = spec.given(*TWO).when(renew(request_id="third")).events()
    spec.given(*TWO, third).when(roll_back(1)).then_refused(NotSignedYet)


def test_a_version_whose_key_is_compromised_does_not_become_current_again():
    (guard,) = CERTIFICATE.guards(RollBackCertificate(1, FIRST.public_key_hash, LATER))
    assert guard[:2] == (f"key_compromise-{FIRST.public_key_hash}", 0)
    assert isinstance(guard.broken, KeyCompromised)


def test_a_renamed_certificate_keeps_its_former_name_unless_it_is_released():
    spec.given(*ONE).when(rename("web")).then(CertificateRenamed("web", "www"))
    released = rename("web", keeps_former_name=False)
    spec.given(*ONE).when(released).then(CertificateRenamed("web", "www", former_name_released=True))


def test_a_certificate_that_has_the_name_already_is_not_renamed():
    spec.given(*ONE).when(rename("www")).then_nothing()


def test_a_new_name_is_claimed_and_a_released_one_given_up():
    claims = CERTIFICATE.reservations(CertificateRenamed("web", "www", former_name_released=True), CERTIFICATE_ID)
    assert [(type(claim), claim.stream) for claim in claims] == [
        (Reservation, "certificate_name-web"),
        (Release, "certificate_name-www"),
    ]
    (kept,) = CERTIFICATE.reservations(CertificateRenamed("web", "www"), CERTIFICATE_ID)
    assert kept.stream == "certificate_name-web"


@pytest.mark.parametrize("name", ["", "no spaces", CERTIFICATE_ID, "a" * 129])
def test_a_new_name_is_as_plain_as_the_first(name):
    spec.given(*ONE).when(rename(name)).then_breaks("name")


def test_former_names_are_counted():
    names = ["www", *(f"n{number}" for number in range(MAXIMUM_ALIASES))]
    renamed = [CertificateRenamed(new, old) for old, new in pairwise(names)]
    spec.given(*ONE, *renamed).when(rename("one-more")).then_breaks("name")
    spec.given(*ONE, *renamed).when(rename("n3")).then(CertificateRenamed("n3", names[-1]))


def test_the_name_of_a_certificate_in_use_is_not_released():
    using = {"used_by": ("es-pki itself",)}
    refused = spec.given(*ONE).when(rename("web", keeps_former_name=False, **using)).then_refused(CertificateInUse)
    assert "es-pki itself" in refused.detail
    spec.given(*ONE).when(rename("web", **using)).then(CertificateRenamed("web", "www"))


def test_labels_are_set_and_removed_one_by_one():
    spec.given(*ONE).when(DescribeCertificate({"b": "2", "a": "1"}, None)).then(
        CertificateLabelled({"a": "1", "b": "2"})
    )
    labelled = *ONE, CertificateLabelled({"a": "1", "b": "2"})
    spec.given(*labelled).when(DescribeCertificate({"a": None, "c": ""}, None)).then(
        CertificateLabelled({"b": "2", "c": ""})
    )
    spec.given(*labelled).when(DescribeCertificate({"a": "1", "unknown": None}, None)).then_nothing()


def test_somebody_answers_for_a_certificate_until_nobody_does():
    spec.given(*ONE).when(DescribeCertificate({}, "the web team")).then(OwnerAssigned("the web team"))
    spec.given(*ONE, OwnerAssigned("the web team")).when(DescribeCertificate({}, "")).then(OwnerAssigned(""))
    spec.given(*ONE).when(DescribeCertificate({"a": "1"}, "x")).then(
        CertificateLabelled({"a": "1"}), OwnerAssigned("x")
    )


@pytest.mark.parametrize(
    ("labels", "owner", "fields"),
    [
        ({f"k{number}": "" for number in range(33)}, None, ["labels"]),
        ({"": "x"}, None, ["labels"]),
        ({"a b": "x"}, None, ["labels"]),
        ({"a=b": "x"}, None, ["labels"]),
        ({"a" * 64: "x"}, None, ["labels"]),
        ({"a": "x\ny"}, None, ["labels"]),
        ({"a": "\u202ex"}, None, ["labels"]),
        ({"a": "x" * 129}, None, ["labels"]),
        ({}, "x" * 129, ["owner"]),
        ({}, "a\0b", ["owner"]),
    ],
)
def test_labels_and_owner_are_short_and_printable(labels, owner, fields):
    spec.given(*ONE).when(DescribeCertificate(labels, owner)).then_breaks(*fields)


def test_what_is_wrong_with_a_label_is_said_without_repeating_it():
    refused = spec.given(*ONE).when(DescribeCertificate({"s3cret\n": "hush\0"}, None)).then_refused(RulesBroken)
    assert "s3cret" not in str(refused.violations)
    assert "hush" not in str(refused.violations)


def test_a_deleted_certificate_gives_up_all_its_names_and_keys():
    renamed = CertificateRenamed("web", "www")
    spec.given(*TWO, renamed).when(DeleteCertificate("over", ())).then(
        CertificateDeleted(names=("web", "www"), key_ids=("key-of-www", "another key"), reason="over")
    )
    claims = CERTIFICATE.reservations(CertificateDeleted(names=("web", "www")), CERTIFICATE_ID)
    assert [(type(claim), claim.stream) for claim in claims] == [
        (Release, "certificate_name-web"),
        (Release, "certificate_name-www"),
    ]


def test_a_certificate_whose_key_is_elsewhere_leaves_no_key():
    (prepared,) = spec.when(sign_csr()).events()
    given = spec.given(prepared, CertificateIssued(1, b"der"))
    given.when(DeleteCertificate("", ())).then(CertificateDeleted(names=("www",)))


def test_what_was_never_signed_can_be_deleted_but_not_what_still_waits():
    failed = FIRST, SigningFailed(1, "why")
    assert spec.given(*failed).when(DeleteCertificate("", ())).events()
    spec.given(FIRST).when(DeleteCertificate("", ())).then_refused(NotSignedYet)


def test_a_certificate_in_use_is_not_deleted_and_the_answer_names_its_users():
    refused = spec.given(*ONE).when(DeleteCertificate("", ("nginx", "ldap"))).then_refused(CertificateInUse)
    assert [violation.detail for violation in refused.violations] == ["used by nginx", "used by ldap"]


def test_a_reason_is_one_line():
    spec.given(*ONE).when(DeleteCertificate("a\nb", ())).then_breaks("reason")


def test_deleting_again_changes_nothing_even_for_another_reason():
    spec.given(*ONE, DELETED).when(DeleteCertificate("again", ("nginx",))).then_nothing()


@pytest.mark.parametrize("command", [roll_back(1), rename("web"), DescribeCertificate({"a": "1"}, None)])
def test_nothing_happens_to_a_deleted_or_unknown_certificate(command):
    spec.given(*ONE, DELETED).when(command).then_refused(AlreadyDeleted)
    spec.when(command).then_refused(CertificateMissing)


def test_keys_are_discarded_once_and_only_after_the_end():
    discarded = RecordKeysDiscarded(("key-of-www",))
    spec.given(*ONE).when(discarded).then_refused(CertificateInUse)
    spec.given(*ONE, DELETED).when(discarded).then(PrivateKeysDiscarded(("key-of-www",)))
