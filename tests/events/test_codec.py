"""Events are a public format: their bytes are pinned by golden files, one a type, never edited."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.events import codec
from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
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
    ACMEOrderPlaced,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalPlanned
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
)
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.principal import TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import (
    ACMEProblem,
    Attribute,
    AttributeType,
    ChallengeType,
    ExportFormat,
    ExtendedKeyUsage,
    ForeignAttribute,
    IssuancePolicy,
    KeyAlgorithm,
    KeyKind,
    KeyType,
    NameConstraints,
    NameSpace,
    Profile,
    Role,
    SubjectAltNames,
)
from tests.events.strategies import EVENTS

GOLDEN = Path(__file__).parents[1] / "golden" / "events"

NOT_BEFORE = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=90, seconds=-1)
SUBJECT = (Attribute(AttributeType.ORGANIZATION, "Novo A/S"), Attribute(AttributeType.COMMON_NAME, "a=b"))
NAMES = NameConstraints(
    permitted=NameSpace(dns_names=("example.test",), ip_networks=("2001:db8::/32",)),
    excluded=NameSpace(email_addresses=(".example.org",), uri_hosts=("example.net",)),
)

PROBLEM = ACMEProblem(
    type="urn:ietf:params:acme:error:externalAccountRequired",
    detail="give an account of ours",
    document='{"type":"urn:ietf:params:acme:error:externalAccountRequired","detail":"give an account of ours"}',
)

TOKEN = "DGyRejmCefe7v4NfDGDKfA"  # noqa: S105 - what a challenge is answered under

SAMPLES = {
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
    "authority.prepared.v1": AuthorityPrepared(
        name="intermediate",
        subject=SUBJECT,
        issuer_id="018f0000-0000-7000-8000-000000000001",
        key_type=KeyType.EC_P384,
        key_id="0f8b7b2e-0000-4000-8000-000000000001",
        public_key=b"\x30\x00",
        serial_number="01ff",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        path_length=0,
        name_constraints=NAMES,
        to_be_signed=b"\x30\x01\x00",
        request_digest=b"\x01" * 32,
    ),
    "authority.created.v1": AuthorityCreated(b"\x30\x02"),
    "authority.signing_failed.v1": AuthoritySigningFailed("the key is gone"),
    "authority.issuance_policy_adopted.v1": IssuancePolicyAdopted(
        IssuancePolicy(
            names=NAMES,
            wildcards=False,
            maximum_validity_days=47,
            key_types=(KeyType.EC_P256, KeyType.ED25519),
            extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH,),
            subordinate_authorities=True,
        )
    ),
    "certificate.prepared.v1": CertificatePrepared(
        version=1,
        name="www",
        issuer_id="018f0000-0000-7000-8000-000000000001",
        profile=Profile.SERVER,
        subject=SUBJECT,
        subject_alt_names=SubjectAltNames(
            dns_names=("www.example.test",),
            ip_addresses=("2001:db8::1",),
            email_addresses=("a@example.test",),
            uris=("spiffe://example.test/a",),
        ),
        key_type=KeyType.RSA_2048,
        key_id=None,
        serial_number="02ab",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        to_be_signed=b"\x30\x03",
        request_digest=b"\x02" * 32,
    ),
    "certificate.issued.v1": CertificateIssued(version=1, certificate=b"\x30\x04"),
    "certificate.signing_failed.v1": SigningFailed(version=1, reason="the key is gone"),
    "certificate.imported.v1": CertificateImported(
        version=2,
        name="www",
        issuer_id=None,
        profile=None,
        subject=(ForeignAttribute("organization", "Elsewhere"), ForeignAttribute("2.5.4.97", "#0c0141")),
        issuer=(ForeignAttribute("common_name", "Elsewhere CA"),),
        subject_alt_names=SubjectAltNames(dns_names=("WWW.example.test",)),
        key=KeyKind("ec-secp256k1", KeyAlgorithm.EC, 128),
        key_id="0f8b7b2e-0000-4000-8000-000000000004",
        public_key_hash="07" * 32,
        serial_number="00",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        certificate=b"\x30\x05",
        request_digest=b"\x08" * 32,
        request_id="018f0000-0000-7000-8000-000000000005",
        chain=(b"\x30\x06",),
        other_names=("registered_id:1.2.3",),
        is_self_signed=True,
    ),
    "certificate.rolled_back.v1": CertificateRolledBack(version=1),
    "certificate.renamed.v1": CertificateRenamed(name="web", former_name="www", former_name_released=True),
    "certificate.labelled.v1": CertificateLabelled({"environment": "production", "team": "wäb"}),
    "certificate.owner_assigned.v1": OwnerAssigned("the web team"),
    "certificate.deleted.v1": CertificateDeleted(
        names=("web", "www"),
        key_ids=("0f8b7b2e-0000-4000-8000-000000000001",),
        reason="out of service",
    ),
    "certificate.private_keys_discarded.v1": PrivateKeysDiscarded(("0f8b7b2e-0000-4000-8000-000000000001",)),
    "certificate.private_key_exported.v1": PrivateKeyExported(
        version=2,
        format=ExportFormat.PKCS12,
        reason="the load balancer needs it",
        public_key_hash="05" * 32,
        export_id="018f0000-0000-7000-8000-000000000004",
        request_digest=b"\x06" * 32,
        legacy=True,
    ),
    "key_compromise.reported.v1": KeyCompromiseReported("its backup lay in a public bucket"),
    "log_key.adopted.v1": LogKeyAdopted(
        origin="pki.example.test/es-pki-0f8b7b2e",
        key_id="0f8b7b2e-0000-4000-8000-000000000002",
        public_key=b"\x05" * 32,
        rotation_id="018f0000-0000-7000-8000-000000000003",
    ),
    "log_key.log_restored.v1": LogRestored(
        origin="pki.example.test/log",
        size=40,
        root_hash=b"\x06" * 32,
        checkpoint="pki.example.test/log\n42\nBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=\n\n— a BgYG\n",
        next_origin="pki.example.test/log-0123456789abcdef",
        reason="the disk of the server broke",
    ),
    "principal.token_created.v1": TokenCreated(
        name="backup",
        roles=(Role.AUDITOR, Role.VIEWER),
        token_digest=b"\x03" * 32,
        expires=NOT_AFTER,
        request_digest=b"\x04" * 32,
    ),
    "principal.token_revoked.v1": TokenRevoked("left the company"),
    "reservation.name_reserved.v1": NameReserved("018f0000-0000-7000-8000-000000000002"),
    "reservation.name_released.v1": NameReleased("018f0000-0000-7000-8000-000000000002"),
    "reservation.serial_number_reserved.v1": SerialNumberReserved("018f0000-0000-7000-8000-000000000002"),
    "signing_request.created.v1": SigningRequestCreated(
        name="www",
        subject=SUBJECT,
        subject_alt_names=SubjectAltNames(dns_names=("www.example.test",)),
        profile=Profile.SERVER_CLIENT,
        key_type=KeyType.ML_DSA_65,
        key_id="0f8b7b2e-0000-4000-8000-000000000003",
        public_key_hash="ab" * 32,
        csr=b"\x30\x05",
        request_digest=b"\x06" * 32,
    ),
    "signing_request.imported.v1": SigningRequestImported(
        name="printer",
        subject=(),
        subject_alt_names=SubjectAltNames(),
        key_type=KeyType.RSA_2048,
        public_key_hash="cd" * 32,
        csr=b"\x30\x06",
        request_digest=b"\x07" * 32,
        attributes=("1.2.840.113549.1.9.7",),
    ),
    "signing_request.approved.v1": SigningRequestApproved("018f0000-0000-7000-8000-000000000002"),
    "signing_request.signed.v1": SigningRequestSigned(certificate=b"\x30\x07", chain=(b"\x30\x08", b"\x30\x09")),
    "signing_request.rejected.v1": SigningRequestRejected("nobody knows this host"),
}


def test_every_event_has_a_written_out_name_and_a_sample():
    assert set(codec.EVENT_TYPES.values()) == set(get_args(codec.Event))
    assert set(SAMPLES) == {*codec.EVENT_TYPES, *codec.UPCASTS}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_stored_bytes_are_those_of_the_golden_file(name):
    golden = (GOLDEN / f"{name}.json").read_bytes()
    assert codec.decode(name, golden) == SAMPLES[name]
    if name in codec.EVENT_TYPES:
        assert codec.encode(SAMPLES[name]) == (name, golden)


def test_no_golden_file_is_left_without_an_event():
    assert {path.stem for path in GOLDEN.iterdir()} == {*codec.EVENT_TYPES, *codec.UPCASTS}


@given(EVENTS)
def test_decoding_is_the_inverse_of_encoding(event):
    assert codec.decode(*codec.encode(event)) == event


def test_unknown_types_and_broken_data_have_their_own_errors():
    with pytest.raises(codec.UnknownEvent):
        codec.decode("certificate.eaten.v1", b"{}")
    with pytest.raises(codec.UndecodableEvent):
        codec.decode("certificate.issued.v1", b'{"version":"one"}')
    with pytest.raises(codec.UndecodableEvent):
        codec.decode("principal.token_revoked.v1", b'{"reason":"\x8b"}')


@given(st.sampled_from(sorted({*codec.EVENT_TYPES, *codec.UPCASTS})), st.binary(max_size=200))
def test_no_bytes_break_the_decoder_in_another_way(name, data):
    try:
        codec.decode(name, data)
    except codec.UndecodableEvent:
        return
