"""Which CRL comes next: its number, how long it holds, what has left it, and from where its delta goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from es_pki.commands.refusals import KeyCompromised, NotFound
from es_pki.commands.revocation_list import CRLIssuerExpired, PrepareCRL, RecordCRLSignature, decider, parts_of
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, Signed
from tests.builders import ISSUER_KEY, NOW
from tests.spec import Spec

spec = Spec(decider)
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
SIGNED = Signed(b"digest", b"signature", 1, 300)
NUMBER = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def prepare(now=NOW, request_id="first", **changes):
    facts = {"not_after": NOW + 100 * WEEK, "location": "", "freshest_crl": "http://a/delta", **changes}
    return PrepareCRL(request_id=request_id, now=now, validity=WEEK, public_key_hash=ISSUER_KEY.hash, **facts)


def issued(*times):
    """Return the events of CRLs that were prepared and signed at these times."""
    events = []
    for time in times:
        events += spec.given(*events).when(prepare(time, request_id=str(time))).events()
        events.append(CRLIssued(events[-1].crl_number, SIGNED))
    return events


def test_the_first_crl_has_the_time_for_a_number_and_no_delta():
    spec.when(prepare()).then(CRLPrepared(NUMBER, NOW, NOW + WEEK, "first"))


@pytest.mark.parametrize("later", [timedelta(), timedelta(microseconds=1), -WEEK])
def test_numbers_grow_whatever_the_clock_says(later):
    (second,) = spec.given(*issued(NOW)).when(prepare(NOW + later, "second")).events()
    assert second.crl_number == NUMBER + 1


def test_a_number_of_after_a_restore_is_higher_than_those_that_the_log_lost():
    lost = issued(NOW, NOW + HOUR, NOW + 2 * HOUR)
    (after,) = spec.given(*lost[:2]).when(prepare(NOW + 3 * HOUR, "after")).events()
    assert after.crl_number > max(event.crl_number for event in lost)


def test_a_crl_waits_for_the_signature_of_the_one_before():
    (first,) = spec.when(prepare()).events()
    spec.given(first).when(prepare(NOW + HOUR, "second")).then_nothing()


def test_a_crl_ends_with_its_issuer():
    (first,) = spec.when(prepare(not_after=NOW + HOUR)).events()
    assert first.next_update == NOW + HOUR
    spec.when(prepare(not_after=NOW)).then_refused(CRLIssuerExpired)


def test_a_crl_leaves_out_what_the_one_before_listed_after_its_end():
    (second,) = spec.given(*issued(NOW)).when(prepare(NOW + HOUR, "second")).events()
    assert second.ended_before == NOW


def test_a_delta_goes_on_from_the_oldest_crl_that_may_be_in_use():
    times = [NOW, NOW + 2 * HOUR, NOW + 4 * HOUR]
    first, _, second, *_ = issued(*times)
    within = spec.given(*issued(*times)).when(prepare(NOW + WEEK, "within")).events()
    assert [event.base_crl_number for event in within] == [first.crl_number]
    after = spec.given(*issued(*times)).when(prepare(NOW + WEEK + 2 * HOUR, "after")).events()
    assert [event.base_crl_number for event in after] == [second.crl_number]
    assert within[0].freshest_crl == "http://a/delta"


def test_many_crls_within_an_hour_have_one_base():
    state = decider.initial
    for event in issued(*(NOW + timedelta(minutes=minute) for minute in range(50))):
        state = decider.evolve(state, event)
    assert [base.this_update for base in state.bases] == [NOW]


def test_a_signature_is_recorded_once():
    (first,) = spec.when(prepare()).events()
    record = RecordCRLSignature(first.crl_number, SIGNED, None)
    spec.given(first).when(record).then(CRLIssued(first.crl_number, SIGNED))
    spec.when(record).then_refused(NotFound)


def test_nothing_is_signed_under_a_compromised_key():
    (guard,) = decider.guards(prepare())
    assert guard[:2] == (f"key_compromise-{ISSUER_KEY.hash}", 0)
    assert isinstance(guard.broken, KeyCompromised)


def test_a_lists_id_names_the_authority_and_the_shard():
    assert parts_of("018f0000-0000-7000-8000-000000000001/12") == ("018f0000-0000-7000-8000-000000000001", 12)
