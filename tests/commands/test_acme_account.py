"""Accounts at ACME directories: what is decided about them, whatever the directory says when."""

import pytest

from es_pki.commands.acme_account import (
    ACMEAccountMissing,
    ACMEAccountUnusable,
    DeactivateACMEAccount,
    NameACMETestAccount,
    RecordACMEDeactivation,
    RecordACMEKeyRollOver,
    RecordACMEKeyRollOverFailure,
    RecordACMERegistration,
    RecordACMERegistrationFailure,
    RegisterACMEAccount,
    RollOverACMEAccountKey,
    decider,
    reservations,
)
from es_pki.decider import Release, RequestReused
from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
    ACMETestAccountNamed,
)
from es_pki.values import KeyType, PublicKey
from es_pki.values.acme import ACME_GIVEN_UP, ACMEProblem
from tests.spec import Spec

KEY = PublicKey(KeyType.EC_P256, b"spki")
NEXT = PublicKey(KeyType.EC_P384, b"next spki")
DIRECTORY = "https://acme.example.test/directory"
PROBLEM = ACMEProblem("urn:ietf:params:acme:error:malformed", "it is malformed")

register = RegisterACMEAccount("main", DIRECTORY, ("mailto:a@example.test",), True, KEY, "key", "", "", "", b"digest")
prepared = ACMEAccountPrepared("main", DIRECTORY, "key", KEY.key_type, KEY.spki, True, b"digest", register.contacts)
registered = ACMEAccountRegistered("https://acme.example.test/1", "https://acme.example.test/terms")
roll_over = RollOverACMEAccountKey(NEXT, "next", "wish")
next_prepared = ACMEAccountKeyPrepared("next", NEXT.key_type, NEXT.spki, "wish")
closing = ACMEDeactivationRequested("moved")
spec = Spec(decider)


def test_an_account_is_prepared_then_registered():
    spec.given().when(register).then(prepared)
    record = RecordACMERegistration(registered.url, registered.terms_of_service)
    spec.given(prepared).when(record).then(registered)


def test_an_id_stands_for_one_request():
    another = RegisterACMEAccount("other", DIRECTORY, (), True, KEY, "key", "", "", "", b"other digest")
    spec.given(prepared).when(another).then_refused(RequestReused)


def test_a_registration_that_failed_frees_name_and_key_and_is_final():
    failed = ACMERegistrationFailed("main", PROBLEM, ("key",))
    spec.given(prepared).when(RecordACMERegistrationFailure(PROBLEM)).then(failed)
    spec.given(prepared, failed).when(RecordACMERegistration("https://acme.example.test/1", "")).then_nothing()
    spec.given(prepared, failed).when(roll_over).then_refused(ACMEAccountUnusable)
    (claim,) = reservations(failed, "id")
    assert isinstance(claim, Release)


def test_a_registration_that_succeeded_does_not_fail_afterwards():
    spec.given(prepared, registered).when(RecordACMERegistrationFailure(PROBLEM)).then_nothing()


def test_a_new_key_is_prepared_then_taken_or_not():
    spec.given(prepared, registered).when(roll_over).then(next_prepared)
    given = spec.given(prepared, registered, next_prepared)
    given.when(RecordACMEKeyRollOver("next")).then(ACMEAccountKeyRolledOver("next"))
    given.when(RecordACMEKeyRollOverFailure("next", PROBLEM)).then(ACMEKeyRollOverFailed(PROBLEM, ("next",)))
    given.when(RecordACMEKeyRollOver("another")).then_nothing()


def test_one_key_at_a_time_is_on_its_way():
    given = spec.given(prepared, registered, next_prepared)
    given.when(RollOverACMEAccountKey(NEXT, "third", "another wish")).then_refused(ACMEAccountUnusable)
    given.when(roll_over).then_nothing()


def test_closing_is_recorded_before_it_is_done():
    spec.given(prepared, registered).when(DeactivateACMEAccount("moved")).then(closing)
    spec.given(prepared, registered, closing).when(RecordACMEDeactivation()).then(ACMEAccountDeactivated())
    spec.given(prepared, registered).when(RecordACMEDeactivation()).then_nothing()


def test_what_was_never_opened_is_given_up_when_it_is_closed():
    failed = ACMERegistrationFailed("main", ACMEProblem(ACME_GIVEN_UP, "a wrong address"), ("key",))
    spec.given(prepared).when(DeactivateACMEAccount("a wrong address")).then(failed)


@pytest.mark.parametrize("command", [roll_over, DeactivateACMEAccount(""), RecordACMERegistration("", "")])
def test_there_is_an_account_first(command):
    spec.given().when(command).then_refused(ACMEAccountMissing)


@pytest.mark.parametrize("command", [roll_over])
def test_a_closed_account_does_nothing_more(command):
    spec.given(prepared, registered, closing).when(command).then_refused(ACMEAccountUnusable)


def test_a_reason_is_one_line():
    spec.given(prepared, registered).when(DeactivateACMEAccount("a\nb")).then_breaks("reason")


def test_a_test_account_is_another_account_and_may_be_none():
    named = ACMETestAccountNamed("tests")
    spec.given(prepared, registered).when(NameACMETestAccount("tests", is_itself=False)).then(named)
    spec.given(prepared, registered, named).when(NameACMETestAccount("", is_itself=False)).then(
        ACMETestAccountNamed("")
    )
    spec.given(prepared, registered).when(NameACMETestAccount("own", is_itself=True)).then_breaks("test_account")
    spec.given(prepared).when(NameACMETestAccount("tests", is_itself=False)).then_refused(ACMEAccountUnusable)
