"""A sample of every event about accounts, orders and renewals at ACME directories, by its stored type."""

from datetime import UTC, datetime, timedelta

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
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned
from es_pki.values import KeyType, SubjectAltNames
from es_pki.values.acme import ACMEProblem, ChallengeType

NOT_BEFORE = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=90, seconds=-1)

PROBLEM = ACMEProblem(
    type="urn:ietf:params:acme:error:externalAccountRequired",
    detail="give an account of ours",
    document='{"type":"urn:ietf:params:acme:error:externalAccountRequired","detail":"give an account of ours"}',
)

TOKEN = "DGyRejmCefe7v4NfDGDKfA"  # noqa: S105 - what a challenge is answered under

ACME_SAMPLES = {
    "acme_account.prepared.v1": ACMEAccountPrepared(
        name="letsencrypt",
        directory="https://acme.example.test/directory",
        key_id="0f8b7b2e-0000-4000-8000-000000000004",
        key_type=KeyType.EC_P256,
        public_key=b"\x30\x0a",
        terms_of_service_agreed=True,
        request_digest=b"\x08" * 32,
        contacts=("mailto:admin@example.test",),
        eab_key_id="kid-1",
        eab_mac_id="0f8b7b2e-0000-4000-8000-000000000005",
        ca_bundle="-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ),
    "acme_account.registered.v1": ACMEAccountRegistered(
        url="https://acme.example.test/account/1", terms_of_service="https://acme.example.test/terms.pdf"
    ),
    "acme_account.registration_failed.v1": ACMERegistrationFailed(
        name="letsencrypt", problem=PROBLEM, key_ids=("0f8b7b2e-0000-4000-8000-000000000004",)
    ),
    "acme_account.key_prepared.v1": ACMEAccountKeyPrepared(
        key_id="0f8b7b2e-0000-4000-8000-000000000006",
        key_type=KeyType.RSA_2048,
        public_key=b"\x30\x0b",
        request_id="018f0000-0000-7000-8000-000000000005",
    ),
    "acme_account.key_rolled_over.v1": ACMEAccountKeyRolledOver("0f8b7b2e-0000-4000-8000-000000000006"),
    "acme_account.key_roll_over_failed.v1": ACMEKeyRollOverFailed(PROBLEM, ("0f8b7b2e-0000-4000-8000-000000000006",)),
    "acme_account.test_account_named.v1": ACMETestAccountNamed("018f0000-0000-7000-8000-000000000009"),
    "acme_account.deactivation_requested.v1": ACMEDeactivationRequested("another authority from now on"),
    "acme_account.deactivated.v1": ACMEAccountDeactivated(),
    "acme_order.placed.v1": ACMEOrderPlaced(
        name="www",
        certificate_id="018f0000-0000-7000-8000-000000000006",
        account_id="018f0000-0000-7000-8000-000000000007",
        subject_alt_names=SubjectAltNames(dns_names=("www.example.test",), ip_addresses=("2001:db8::1",)),
        challenge_type=ChallengeType.HTTP_01,
        key_id="0f8b7b2e-0000-4000-8000-000000000007",
        key_type=KeyType.EC_P256,
        public_key_hash="ef" * 32,
        csr=b"\x30\x0c",
        request_digest=b"\x09" * 32,
        profile="shortlived",
        preferred_chain="Example Root CA",
        replaces="aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
        renews=True,
    ),
    "acme_order.created.v1": ACMEOrderCreated(
        url="https://acme.example.test/order/1",
        authorizations=("https://acme.example.test/authorization/1",),
        expires=NOT_AFTER,
    ),
    "acme_order.challenge_presented.v1": ACMEChallengePresented(
        authorization="https://acme.example.test/authorization/1",
        identifier="www.example.test",
        type=ChallengeType.HTTP_01,
        url="https://acme.example.test/challenge/1",
        token=TOKEN,
    ),
    "acme_order.challenge_seen.v1": ACMEChallengeSeen("https://acme.example.test/authorization/1"),
    "acme_order.authorization_validated.v1": ACMEAuthorizationValidated("https://acme.example.test/authorization/1"),
    "acme_order.challenge_cleaned_up.v1": ACMEChallengeCleanedUp(
        authorization="https://acme.example.test/authorization/1", token=TOKEN
    ),
    "acme_order.finalized.v1": ACMEOrderFinalized(),
    "acme_order.certificate_obtained.v1": ACMECertificateObtained("018f0000-0000-7000-8000-000000000006", 2),
    "acme_order.hindered.v1": ACMEOrderHindered(PROBLEM, NOT_AFTER),
    "acme_order.moved.v1": ACMEOrderMoved("018f0000-0000-7000-8000-000000000008", PROBLEM),
    "acme_order.rehearsal_passed.v1": ACMERehearsalPassed("018f0000-0000-7000-8000-000000000006"),
    "acme_order.abandoned.v1": ACMEOrderAbandoned("no longer needed"),
    "acme_order.failed.v1": ACMEOrderFailed(PROBLEM, "018f0000-0000-7000-8000-000000000006", "www"),
    "acme_renewal.planned.v1": ACMERenewalPlanned(
        name="www",
        version=2,
        not_after=NOT_AFTER,
        at=NOT_BEFORE + timedelta(days=61),
        window_start=NOT_BEFORE + timedelta(days=60),
        window_end=NOT_BEFORE + timedelta(days=62),
        suggested=True,
        explanation="https://acme.example.test/incident",
    ),
    "acme_renewal.failed.v1": ACMERenewalFailed(
        version=2, attempt=3, problem=PROBLEM, next_attempt=NOT_BEFORE + timedelta(days=62)
    ),
    "acme_renewal.missed.v1": ACMERenewalMissed(version=2, not_after=NOT_AFTER, problem=PROBLEM),
}
