"""Responders: one after the other, each before the end of the one before, none longer than its authority."""

from datetime import timedelta

from msgspec.structs import replace

from es_pki.commands import ocsp_responder
from es_pki.commands.ocsp_responder import (
    CertifyOCSPResponder,
    OCSPResponderMissing,
    RecordOCSPResponderSignature,
    RecordOCSPResponderSignatureFailure,
    is_due,
)
from es_pki.commands.refusals import RulesBroken, SigningGivenUp
from es_pki.events.ocsp_responder import OCSPResponderCertified, OCSPResponderSigningFailed
from es_pki.values import IssuancePolicy, KeyType, PublicKey
from tests.builders import NOW, ROOT_ID, issuer
from tests.spec import Spec, encode

decider = ocsp_responder.decider(encode)
spec = Spec(decider)
certify = CertifyOCSPResponder(issuer(), PublicKey(KeyType.EC_P256, b"spki"), "key-1", 0x1234, NOW)
again = replace(certify, key_id="key-2", serial_number=0x5678)
(first,) = spec.when(certify).events()
certified = OCSPResponderCertified(1, b"certificate")
sign = RecordOCSPResponderSignature(1, b"certificate")
DAY = timedelta(days=1)


def test_the_first_responder_holds_for_a_month():
    assert (first.version, first.issuer_id, first.key_id, first.serial_number) == (1, ROOT_ID, "key-1", "1234")
    assert first.not_before < NOW < first.not_after
    assert first.not_after - first.not_before == timedelta(days=30, seconds=-1)


def test_while_one_is_young_there_is_no_other():
    spec.given(first, certified).when(replace(again, now=NOW + 19 * DAY)).then_nothing()


def test_while_one_waits_for_its_signature_there_is_no_other():
    spec.given(first).when(replace(again, now=NOW + 25 * DAY)).then_nothing()


def test_in_its_last_third_the_next_one_is_certified():
    (second,) = spec.given(first, certified).when(replace(again, now=NOW + 21 * DAY)).events()
    assert (second.version, second.key_id) == (2, "key-2")
    assert second.not_before < first.not_after < second.not_after


def test_one_that_could_not_be_signed_is_followed_by_another():
    failed = OCSPResponderSigningFailed(1, "the key is gone")
    (second,) = spec.given(first, failed).when(again).events()
    assert second.version == 2


def test_it_holds_no_longer_than_its_authority_and_is_not_followed_by_one_that_does_not_either():
    ending = issuer(not_after=NOW + 5 * DAY)
    (short,) = spec.when(replace(certify, issuer=ending)).events()
    assert short.not_after == ending.not_after
    spec.given(short, certified).when(replace(again, issuer=ending, now=NOW + 4 * DAY)).then_nothing()


def test_an_authority_that_has_expired_certifies_none():
    expired = issuer(not_after=NOW - DAY)
    spec.when(replace(certify, issuer=expired)).then_breaks("authority")
    spec.when(replace(certify, issuer=expired)).then_refused(RulesBroken)


def test_the_policy_for_others_does_not_bind_the_authority_itself():
    strict = issuer(policy=IssuancePolicy(maximum_validity_days=1, key_types=(KeyType.RSA_4096,)))
    assert spec.when(replace(certify, issuer=strict)).events()


def test_a_signature_is_recorded_once():
    spec.given(first).when(sign).then(certified)
    spec.given(first, certified).when(sign).then_nothing()


def test_a_failure_is_recorded_once_and_is_for_good():
    failed, fail = OCSPResponderSigningFailed(1, "no"), RecordOCSPResponderSignatureFailure(1, "no")
    spec.given(first).when(fail).then(failed)
    spec.given(first, certified).when(fail).then_nothing()
    spec.given(first, failed).when(sign).then_refused(SigningGivenUp)


def test_nothing_is_recorded_of_a_responder_that_was_not_prepared():
    spec.when(sign).then_refused(OCSPResponderMissing)
    spec.when(RecordOCSPResponderSignatureFailure(1, "no")).then_refused(OCSPResponderMissing)


def test_keys_of_responders_that_have_expired_are_given_up_once():
    (second,) = spec.given(first, certified).when(replace(again, now=NOW + 40 * DAY)).events()
    sign_second = RecordOCSPResponderSignature(2, b"second")
    second_certified = OCSPResponderCertified(2, b"second", ("key-1",))
    spec.given(first, certified, second).when(sign_second).then(second_certified)
    history = (first, certified, second, second_certified)
    (third,) = spec.given(*history).when(replace(again, key_id="key-3", now=NOW + 80 * DAY)).events()
    third_certified = OCSPResponderCertified(3, b"third", ("key-2",))
    spec.given(*history, third).when(RecordOCSPResponderSignature(3, b"third")).then(third_certified)


def test_the_newest_one_that_holds_serves():
    (second,) = spec.given(first, certified).when(replace(again, now=NOW + 21 * DAY)).events()
    state = decider.initial
    for event in (first, certified, second):
        state = decider.evolve(state, event)
    assert state.serving(NOW + 21 * DAY) == state.versions[0]
    state = decider.evolve(state, OCSPResponderCertified(2, b"second"))
    assert state.serving(NOW + 21 * DAY) == state.versions[1]
    assert state.serving(NOW + 60 * DAY) is None
    assert not is_due(state, NOW + 900 * DAY, NOW + 21 * DAY)


def test_its_serial_number_and_the_authoritys_facts_are_guarded():
    (reservation,) = decider.reservations(first, ROOT_ID)
    assert reservation.stream == f"serial_number-{ROOT_ID}-1234"
    streams = [guard.stream for guard in decider.guards(certify)]
    assert streams[0] == f"authority-{ROOT_ID}"
    assert len(streams) == 3
