"""Orders at ACME directories: what is decided about them, step by step, whatever comes twice or too late."""

import functools
from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands.acme_order import (
    AbandonACMEOrder,
    ACMEOrderMissing,
    ACMEOrderOver,
    PlaceACMEOrder,
    decider,
    guards,
    reservations,
)
from es_pki.commands.acme_steps import (
    RecordACMEAuthorizationValidated,
    RecordACMECertificateObtained,
    RecordACMEChallengeCleanedUp,
    RecordACMEChallengePresented,
    RecordACMEChallengeSeen,
    RecordACMEHindrance,
    RecordACMEOrderCreated,
    RecordACMEOrderFailure,
    RecordACMEOrderFinalized,
)
from es_pki.decider import Release, RequestReused, Reservation
from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderPlaced,
)
from es_pki.values import KeyType, PublicKey, SubjectAltNames
from es_pki.values.acme import ACMEProblem, ChallengeType
from tests.builders import CERTIFICATE_ID, KEY, NOW
from tests.spec import Spec

NAMES = SubjectAltNames(dns_names=("www.example.test",))
PROBLEM = ACMEProblem("urn:ietf:params:acme:error:rateLimited", "too many")
URL, AUTHORIZATION = "https://acme.example.test/order/1", "https://acme.example.test/authorization/1"

place = PlaceACMEOrder(
    name="www",
    certificate_id=CERTIFICATE_ID,
    account_id="account",
    account_version=2,
    subject_alt_names=NAMES,
    challenge_type=ChallengeType.HTTP_01,
    public_key=KEY,
    key_id="key-of-www",
    csr=b"csr",
    profile="",
    preferred_chain="",
    replaces="",
    renews=False,
    request_digest=b"digest",
)
placed = ACMEOrderPlaced(
    name="www",
    certificate_id=CERTIFICATE_ID,
    account_id="account",
    subject_alt_names=NAMES,
    challenge_type=ChallengeType.HTTP_01,
    key_id="key-of-www",
    key_type=KEY.key_type,
    public_key_hash=KEY.hash,
    csr=b"csr",
    request_digest=b"digest",
)
created = ACMEOrderCreated(URL, (AUTHORIZATION,), NOW)
presented = ACMEChallengePresented(
    AUTHORIZATION, "www.example.test", ChallengeType.HTTP_01, "https://acme.example.test/challenge/1", "token"
)
seen = ACMEChallengeSeen(AUTHORIZATION)
validated = ACMEAuthorizationValidated(AUTHORIZATION)
cleaned_up = ACMEChallengeCleanedUp(AUTHORIZATION, "token")
obtained = ACMECertificateObtained(CERTIFICATE_ID, 1)
failed = ACMEOrderFailed(PROBLEM, CERTIFICATE_ID, "www")

STEPS = (
    (RecordACMEOrderCreated(URL, (AUTHORIZATION,), NOW), created),
    (RecordACMEChallengePresented(presented), presented),
    (RecordACMEChallengeSeen(AUTHORIZATION), seen),
    (RecordACMEAuthorizationValidated(AUTHORIZATION), validated),
    (RecordACMEChallengeCleanedUp(AUTHORIZATION), cleaned_up),
    (RecordACMEOrderFinalized(), ACMEOrderFinalized()),
    (RecordACMECertificateObtained(1), obtained),
)
spec = Spec(decider)


def test_an_order_is_placed_once():
    spec.given().when(place).then(placed)
    spec.given(placed).when(replace(place, request_digest=b"another")).then_refused(RequestReused)


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_every_step_follows_those_before_it(number):
    before = [event for _, event in STEPS[:number]]
    command, event = STEPS[number]
    spec.given(placed, *before).when(command).then(event)


@pytest.mark.parametrize("end", [obtained, failed])
@pytest.mark.parametrize("command", [command for command, _ in STEPS])
def test_nothing_happens_to_an_order_that_is_over(end, command):
    spec.given(placed, end).when(command).then_nothing()


@pytest.mark.parametrize("command", [*(command for command, _ in STEPS), AbandonACMEOrder("")])
def test_there_is_an_order_first(command):
    spec.given().when(command).then_refused(ACMEOrderMissing)


def test_a_challenge_that_was_not_presented_is_neither_seen_nor_cleaned_up():
    spec.given(placed, created).when(RecordACMEChallengeSeen(AUTHORIZATION)).then_nothing()
    spec.given(placed, created).when(RecordACMEChallengeCleanedUp(AUTHORIZATION)).then_nothing()


def test_what_was_cleaned_up_is_presented_anew():
    """An order whose clean-up was hindered goes on, and its challenge may be pending: its answer is there again."""
    spec.given(placed, created, presented, cleaned_up).when(RecordACMEChallengePresented(presented)).then(presented)
    state = functools.reduce(decider.evolve, (placed, created, presented, cleaned_up, presented), decider.initial)
    assert [challenge.presented for challenge in state.left_behind] == [presented]


def test_what_hinders_an_order_is_counted_until_it_goes_on():
    hindrance = RecordACMEHindrance(PROBLEM, NOW + timedelta(hours=1))
    hindered = ACMEOrderHindered(PROBLEM, NOW + timedelta(hours=1))
    spec.given(placed).when(hindrance).then(hindered)
    state = decider.initial
    for event, count in ((placed, 0), (hindered, 1), (hindered, 2), (created, 0)):
        state = decider.evolve(state, event)
        assert (state.hindered, state.trouble is not None) == (count, count > 0)


def test_an_order_is_called_off_once_and_not_when_it_is_over():
    spec.given(placed, created).when(AbandonACMEOrder("moved")).then(ACMEOrderAbandoned("moved"))
    spec.given(placed, obtained).when(AbandonACMEOrder("moved")).then_refused(ACMEOrderOver)
    spec.given(placed).when(AbandonACMEOrder("a\nb")).then_breaks("reason")


def test_a_failure_frees_what_the_order_claimed():
    spec.given(placed).when(RecordACMEOrderFailure(PROBLEM)).then(failed)
    claimed = {claim.stream for claim in reservations(placed, CERTIFICATE_ID)}
    released = {claim.stream for claim in reservations(failed, CERTIFICATE_ID) if isinstance(claim, Release)}
    assert claimed == released == {f"acme_order_for-{CERTIFICATE_ID}", "certificate_name-www"}


def test_a_renewal_leaves_the_lineage_its_name():
    renewal = replace(placed, renews=True)
    spec.given(renewal).when(RecordACMEOrderFailure(PROBLEM)).then(replace(failed, name=""))
    assert [claim.stream for claim in reservations(renewal, "another")] == [f"acme_order_for-{CERTIFICATE_ID}"]


def test_a_token_leads_to_its_order_until_it_is_cleaned_up():
    (claim,), (release,) = reservations(presented, "order"), reservations(cleaned_up, "order")
    assert isinstance(claim, Reservation)
    assert claim.stream == release.stream == "acme_token-token"


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("www.example.test", "www.example.test"), ("192.0.2.1", "1.2.0.192.in-addr.arpa")],
)
def test_a_server_name_leads_to_its_order_until_it_is_cleaned_up(identifier, name):
    by_tls = replace(presented, type=ChallengeType.TLS_ALPN_01, identifier=identifier)
    begun = (placed, created, by_tls)
    cleaned = replace(cleaned_up, server_name=name)
    spec.given(*begun).when(RecordACMEChallengeCleanedUp(AUTHORIZATION)).then(cleaned)
    claims = [[claim.stream for claim in reservations(event, "order")] for event in (by_tls, cleaned)]
    assert claims == [["acme_token-token", f"acme_tls_alpn-{name}"]] * 2


def test_an_order_rests_on_its_account_and_on_a_key_that_nobody_reported():
    assert [guard.stream for guard in guards(place)] == ["acme_account-account", f"key_compromise-{KEY.hash}"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject_alt_names": SubjectAltNames()}, "dns_names"),
        ({"subject_alt_names": SubjectAltNames(dns_names=("*.example.test",))}, "dns_names[0]"),
        (
            {
                "subject_alt_names": SubjectAltNames(dns_names=("*.example.test",)),
                "challenge_type": ChallengeType.TLS_ALPN_01,
            },
            "dns_names[0]",
        ),
        (
            {
                "subject_alt_names": SubjectAltNames(ip_addresses=("192.0.2.1",)),
                "challenge_type": ChallengeType.DNS_01,
            },
            "ip_addresses",
        ),
        ({"webroot": "var/www"}, "webroot"),
        ({"webroot": "/var/www/../.."}, "webroot"),
        ({"webroot": "/var/www", "challenge_type": ChallengeType.TLS_ALPN_01}, "webroot"),
        ({"public_key": PublicKey(KeyType.ML_DSA_65, b"spki")}, "key_type"),
        ({"name": ""}, "name"),
    ],
)
def test_what_can_not_be_ordered_is_refused(changes, field):
    spec.given().when(replace(place, **changes)).then_breaks(field)
