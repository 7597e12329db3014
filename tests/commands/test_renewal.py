"""How a lineage goes on: the same names and profile, the rules of today, and who may bring which key."""

from datetime import timedelta

import pytest

from es_pki.commands.certificate import CertificateMissing, RecordSignature, RecordSignatureFailure, decider
from es_pki.commands.lineage import AlreadyDeleted
from es_pki.commands.refusals import NotSignedYet, SigningGivenUp
from es_pki.commands.renewal import KeyElsewhere, KeyHere, Names
from es_pki.decider import Guard, RequestReused
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateRenamed,
    CertificateRolledBack,
    SigningFailed,
)
from es_pki.values import Attribute, AttributeType, IssuancePolicy, KeyType, PublicKey, SubjectAltNames
from tests.builders import (
    CERTIFICATE_ID,
    LATER,
    ROOT_ID,
    issue,
    issuer,
    reissue,
    renew,
    renew_self_signed,
    self_sign,
    sign_csr,
)
from tests.spec import Spec, encode

CERTIFICATE = decider(encode)
spec = Spec(CERTIFICATE)
ISSUED = CertificateIssued(1, b"der")


def decided(command, *history):
    (event,) = spec.given(*history).when(command).events()
    return event


FIRST = decided(issue())
OF_CSR = decided(sign_csr())
SELF_SIGNED = decided(self_sign())
SECOND = decided(renew(), FIRST, ISSUED)
SAME_NAMES = Names(FIRST.subject, FIRST.subject_alt_names)


def test_a_renewal_is_the_next_version_with_the_same_names_and_profile():
    assert (SECOND.version, SECOND.name, SECOND.profile) == (2, FIRST.name, FIRST.profile)
    assert (SECOND.subject, SECOND.subject_alt_names) == (FIRST.subject, FIRST.subject_alt_names)
    assert (SECOND.key_id, SECOND.serial_number, SECOND.issuer_id) == ("another key", "5678", ROOT_ID)


def test_both_versions_hold_for_a_while():
    assert SECOND.not_before <= LATER < FIRST.not_after < SECOND.not_after


def test_a_renewal_lasts_as_long_as_the_version_before_unless_days_are_given():
    month = decided(issue(validity_days=30))
    for command, days in ((renew(), 30), (renew(validity_days=5), 5)):
        event = decided(command, month, ISSUED)
        assert event.not_after - event.not_before == timedelta(days=days, seconds=-1)


def test_a_renewal_lasts_no_longer_than_the_policy_of_today_allows():
    event = decided(renew(issuer(policy=IssuancePolicy(maximum_validity_days=47))), FIRST, ISSUED)
    assert event.not_after - event.not_before == timedelta(days=47, seconds=-1)


def test_the_policy_of_today_judges_a_renewal():
    strict = issuer(policy=IssuancePolicy(key_types=(KeyType.ED25519,)))
    spec.given(FIRST, ISSUED).when(renew(strict)).then_breaks("key_type")


def test_a_renewal_guards_its_issuer_and_reserves_its_serial_number_alone():
    for command in (renew(), reissue("a.test")):
        assert CERTIFICATE.guards(command)[0] == Guard(f"authority-{ROOT_ID}", 3)
    streams = [claim.stream for claim in CERTIFICATE.reservations(SECOND, CERTIFICATE_ID)]
    assert streams == [f"serial_number-{ROOT_ID}-5678"]


def test_what_signed_for_itself_goes_on_signing_for_itself():
    event = decided(renew_self_signed(), SELF_SIGNED, ISSUED)
    assert (event.issuer_id, event.key_id) == (None, "another key")


def test_the_same_renewal_again_changes_nothing_at_any_time():
    spec.given(FIRST, ISSUED, SECOND).when(renew(serial_number=7)).then_nothing()
    gone = CertificateDeleted(names=("www",))
    spec.given(FIRST, ISSUED, SECOND, CertificateIssued(2, b"der"), gone).when(renew()).then_nothing()


def test_another_wish_to_renew_is_another_version():
    third = decided(renew(request_id="third"), FIRST, ISSUED, SECOND, CertificateIssued(2, b"der"))
    assert third.version == 3


def test_an_idempotency_key_stands_for_one_request():
    spec.given(FIRST, ISSUED, SECOND).when(renew(request_digest=b"x")).then_refused(RequestReused)
    spec.given(FIRST, ISSUED).when(renew(request_id=CERTIFICATE_ID)).then_refused(RequestReused)


def test_there_must_be_something_to_renew():
    spec.when(renew()).then_refused(CertificateMissing)
    spec.given(FIRST).when(renew()).then_refused(NotSignedYet)
    spec.given(FIRST, SigningFailed(1, "key lost")).when(renew()).then_refused(SigningGivenUp)
    spec.given(FIRST, ISSUED, CertificateDeleted(names=("www",))).when(renew()).then_refused(AlreadyDeleted)


def test_no_version_is_prepared_while_another_waits_for_its_signature():
    spec.given(FIRST, ISSUED, SECOND).when(renew(request_id="third")).then_refused(NotSignedYet)


def test_after_a_failed_renewal_the_next_one_counts_on():
    event = decided(renew(request_id="third"), FIRST, ISSUED, SECOND, SigningFailed(2, "why"))
    assert event.version == 3


def test_a_renewal_goes_on_from_the_version_to_which_the_lineage_was_rolled_back():
    other = decided(reissue("other.test"), FIRST, ISSUED)
    history = FIRST, ISSUED, other, CertificateIssued(2, b"der"), CertificateRolledBack(1)
    event = decided(renew(request_id="third"), *history)
    assert (event.version, event.subject_alt_names) == (3, FIRST.subject_alt_names)


def test_a_version_has_the_name_that_the_lineage_has_by_then():
    event = decided(renew(), FIRST, ISSUED, CertificateRenamed("web", "www"))
    assert event.name == "web"


def test_a_key_stays_where_it_is():
    spec.given(OF_CSR, ISSUED).when(renew()).then_refused(KeyElsewhere)
    spec.given(FIRST, ISSUED).when(renew(csr=SAME_NAMES, key_id=None)).then_refused(KeyHere)
    spec.given(SELF_SIGNED, ISSUED).when(renew_self_signed(key_id=None)).then_refused(KeyHere)


def test_the_same_key_may_be_certified_again():
    assert decided(renew(key_id=FIRST.key_id), FIRST, ISSUED).key_id == FIRST.key_id
    assert decided(renew(key_id=None), OF_CSR, ISSUED).key_id is None


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (SAME_NAMES, []),
        (Names((), SAME_NAMES.subject_alt_names), ["csr.subject"]),
        (Names(SAME_NAMES.subject, SubjectAltNames()), ["csr.subject_alt_names"]),
        (
            Names((Attribute(AttributeType.COMMON_NAME, "x.test"),), SubjectAltNames(dns_names=("x.test",))),
            ["csr.subject", "csr.subject_alt_names"],
        ),
    ],
)
def test_a_csr_for_a_renewal_asks_for_the_same_names(names, fields):
    wish = spec.given(OF_CSR, ISSUED).when(renew(csr=names, key_id=None))
    if fields:
        wish.then_breaks(*fields)
    else:
        assert wish.events()


def test_the_order_of_a_csrs_names_does_not_matter():
    forth, back = (SubjectAltNames(dns_names=names) for names in (("a.test", "b.test"), ("b.test", "a.test")))
    event = decided(sign_csr(subject=(), subject_alt_names=forth))
    renewed = decided(renew(csr=Names((), back), key_id=None), event, ISSUED)
    assert renewed.subject_alt_names == forth


def test_reissuing_makes_the_next_version_with_other_names():
    event = decided(reissue("a.test", "b.test"), FIRST, ISSUED)
    assert (event.version, event.profile, event.name) == (2, FIRST.profile, "www")
    assert (event.subject, event.subject_alt_names.dns_names) == ((), ("a.test", "b.test"))
    spec.given(FIRST, ISSUED).when(reissue("a..test")).then_breaks("dns_names[0]")


def test_reissuing_gives_what_was_never_signed_another_chance():
    assert decided(reissue("a.test"), FIRST, SigningFailed(1, "why")).version == 2


def test_signatures_are_recorded_version_by_version():
    both = FIRST, ISSUED, SECOND
    spec.given(*both).when(RecordSignature(1, b"other")).then_nothing()
    spec.given(*both).when(RecordSignature(2, b"der 2")).then(CertificateIssued(2, b"der 2"))
    spec.given(*both).when(RecordSignatureFailure(2, "why")).then(SigningFailed(2, "why"))
    spec.given(*both).when(RecordSignature(3, b"der")).then_refused(CertificateMissing)


def test_the_reserved_key_type_is_that_of_the_new_key():
    event = decided(renew(public_key=PublicKey(KeyType.ED25519, b"spki")), FIRST, ISSUED)
    assert event.key_type is KeyType.ED25519
