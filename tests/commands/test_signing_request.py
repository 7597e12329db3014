"""The rules of signing requests, one sentence each."""

import pytest
from msgspec.structs import replace

from es_pki.commands.built_in import INTERMEDIATE, SERVER
from es_pki.commands.certificate import decider as certificate_decider
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.signing_request import (
    AlreadyAnswered,
    ApproveCSR,
    CompleteCSR,
    CreateCSR,
    ImportCSR,
    KeyMismatched,
    RecordKeyDiscarded,
    RejectCSR,
    Returned,
    SigningRequestMissing,
    csr_digest,
    decider,
)
from es_pki.decider import Guard, RequestReused
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import Attribute, AttributeType, KeyType, SubjectAltNames
from tests.builders import CERTIFICATE_ID, KEY, issuer, sign_csr
from tests.spec import Spec, encode

spec = Spec(decider)

SUBJECT = (Attribute(AttributeType.COMMON_NAME, "www.example.test"),)
NAMES = SubjectAltNames(dns_names=("www.example.test",))
OWN = Returned(b"certificate", b"www", b"CA", KEY.hash)
ABOVE, ROOT = Returned(b"intermediate", b"CA", b"Root", "02" * 32), Returned(b"root", b"Root", b"Root", "03" * 32)
STRANGER = Returned(b"stranger", b"Other", b"Other", "04" * 32)

create = CreateCSR("www", SUBJECT, NAMES, SERVER, KEY, "key-of-www", b"csr", b"digest")
bring_in = ImportCSR("www", SUBJECT, NAMES, KEY, ("1.2.840.113549.1.9.7",), b"csr", b"digest")
created = SigningRequestCreated(
    "www", SUBJECT, NAMES, SERVER.name, KeyType.EC_P256, "key-of-www", KEY.hash, b"csr", b"digest"
)
imported = SigningRequestImported(
    "www", SUBJECT, NAMES, KeyType.EC_P256, KEY.hash, b"csr", b"digest", ("1.2.840.113549.1.9.7",)
)
approved = SigningRequestApproved(CERTIFICATE_ID)
signed = SigningRequestSigned(b"certificate")
rejected = SigningRequestRejected("nobody knows this host")

ANSWERS = {
    approved: ApproveCSR(CERTIFICATE_ID),
    signed: CompleteCSR((OWN,)),
    rejected: RejectCSR("nobody knows this host"),
}


def test_a_csr_is_made_with_its_key():
    spec.when(create).then(created)


def test_a_csr_from_elsewhere_is_kept_with_what_else_it_says():
    spec.when(bring_in).then(imported)


@pytest.mark.parametrize(("command", "event"), [(create, created), (bring_in, imported)])
def test_another_request_with_the_same_id_is_refused(command, event):
    spec.given(event).when(replace(command, request_digest=b"other")).then_refused(RequestReused)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "no name"}, "name"),
        ({"subject": (Attribute(AttributeType.COMMON_NAME, "a\x00b"),)}, "subject.common_name"),
        ({"subject_alt_names": SubjectAltNames(dns_names=("*.*.test",))}, "dns_names[0]"),
    ],
)
@pytest.mark.parametrize("command", [create, bring_in])
def test_names_that_are_certified_nowhere_are_refused(command, changes, field):
    spec.when(replace(command, **changes)).then_breaks(field)


def test_what_is_made_here_names_something():
    spec.when(replace(create, subject=(), subject_alt_names=SubjectAltNames())).then_breaks("subject")


def test_a_csr_from_elsewhere_may_name_nothing():
    nothing = {"subject": (), "subject_alt_names": SubjectAltNames()}
    spec.when(replace(bring_in, **nothing)).then(replace(imported, **nothing))


def test_an_authority_of_our_own_is_not_made_by_csr():
    spec.when(replace(create, profile=INTERMEDIATE)).then_breaks("profile")


@pytest.mark.parametrize("bundle", [(OWN, ABOVE, ROOT), (ROOT, OWN, ABOVE), (ABOVE, ROOT, OWN, ABOVE, OWN)])
def test_the_returned_certificate_is_found_by_its_key_and_its_chain_leads_upwards(bundle):
    answer = SigningRequestSigned(b"certificate", (b"intermediate", b"root"), ("key-of-www",))
    spec.given(created).when(CompleteCSR(bundle)).then(answer)


def test_what_leads_nowhere_comes_last():
    answer = SigningRequestSigned(b"certificate", (b"intermediate", b"root", b"stranger"), ("key-of-www",))
    spec.given(created).when(CompleteCSR((STRANGER, ROOT, ABOVE, OWN))).then(answer)


@pytest.mark.parametrize("bundle", [(), (ABOVE,), (ABOVE, ROOT)])
def test_a_certificate_for_another_key_is_refused(bundle):
    spec.given(created).when(CompleteCSR(bundle)).then_refused(KeyMismatched)


@pytest.mark.parametrize(("answer", "command"), ANSWERS.items())
def test_a_csr_is_answered_in_three_ways(answer, command):
    spec.given(imported).when(command).then(answer)


@pytest.mark.parametrize(("answer", "command"), ANSWERS.items())
def test_an_answer_names_the_private_key_that_is_not_needed_for_the_csr_any_more(answer, command):
    answer = replace(answer, key_ids=("key-of-www",))
    spec.given(created).when(command).then(answer)
    spec.given(created, answer).when(command).then_nothing()
    spec.given(replace(imported, key_id="key-of-www")).when(command).then(answer)


def test_a_key_is_recorded_as_discarded_once_and_only_of_an_answered_csr():
    answer, discard = replace(rejected, key_ids=("key-of-www",)), RecordKeyDiscarded("key-of-www")
    discarded = SigningRequestKeyDiscarded(("key-of-www",))
    spec.given(created, answer).when(discard).then(discarded)
    spec.given(created, answer, discarded).when(discard).then_nothing()
    spec.given(created).when(discard).then_nothing()


def test_a_key_that_comes_after_its_csr_is_not_passed_over():
    spec.given(imported).when(replace(bring_in, key_id="key-of-www")).then_refused(RequestReused)


@pytest.mark.parametrize("before", ANSWERS)
@pytest.mark.parametrize(
    "command",
    [ApproveCSR("another"), CompleteCSR((OWN, ROOT)), RejectCSR("another reason")],
    ids=lambda command: type(command).__name__,
)
def test_an_answer_is_final(before, command):
    spec.given(imported, before).when(command).then_refused(AlreadyAnswered)


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 201, "\u2028"])
def test_a_reason_is_one_line(reason):
    spec.given(imported).when(RejectCSR(reason)).then_breaks("reason")


@pytest.mark.parametrize("command", ANSWERS.values(), ids=lambda command: type(command).__name__)
def test_what_was_never_kept_is_not_answered(command):
    spec.when(command).then_refused(SigningRequestMissing)


def test_a_csr_from_elsewhere_is_kept_once_and_every_name_is_somebodys():
    streams = [claim.stream for claim in decider.reservations(imported, "id")]
    assert streams == ["signing_request_name-www", f"signing_request_csr-{csr_digest(b'csr')}"]
    assert [claim.stream for claim in decider.reservations(created, "id")] == ["signing_request_name-www"]


@pytest.mark.parametrize("command", [create, bring_in])
def test_a_key_that_was_reported_gets_no_csr(command):
    (guard,) = decider.guards(command)
    assert (guard.stream, guard.version) == (f"key_compromise-{KEY.hash}", 0)


def test_the_answer_is_recorded_together_with_the_certificate():
    approval = Guard("signing_request-1", 1, events=(approved,))
    command = replace(sign_csr(issuer()), approval=approval)
    assert approval in certificate_decider(encode).guards(command)


def test_names_of_requests_are_judged_all_at_once():
    refused = spec.when(replace(create, name="", subject_alt_names=SubjectAltNames(dns_names=("_",)))).then_refused(
        RulesBroken
    )
    assert {violation.field for violation in refused.violations} == {"name", "dns_names[0]"}
