"""Events are a public format: their bytes are pinned by golden files, one a type, never edited."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.events import codec
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityKeyImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateHeld,
    CertificateIssued,
    CertificateKeyImported,
    CertificateLabelled,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
    UseBegun,
    UseEnded,
)
from es_pki.events.key_compromise import KeyCompromiseReported, KeyUsesRevoked
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.ocsp_responder import OCSPResponderCertified, OCSPResponderPrepared, OCSPResponderSigningFailed
from es_pki.events.principal import ClientAdmitted, TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, Signed
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated
from es_pki.values import (
    Attribute,
    AttributeType,
    CRLReason,
    ExportFormat,
    ExtendedKeyUsage,
    IssuancePolicy,
    KeyType,
    NameConstraints,
    NameSpace,
    Role,
    SubjectAltNames,
    TrustAnchor,
)
from es_pki.values.acme import ACMEProblem
from tests.events import imports
from tests.events.acme_events import ACME_SAMPLES
from tests.events.dns_provider_samples import DNS_PROVIDER
from tests.events.notice_samples import NOTICE_SAMPLES
from tests.events.profile_events import PROFILE_EVENTS
from tests.events.service_events import SERVICE_EVENTS
from tests.events.strategies import EVENTS

GOLDEN = Path(__file__).parents[1] / "golden" / "events"

NOT_BEFORE = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=90, seconds=-1)
SUBJECT = (Attribute(AttributeType.ORGANIZATION, "Novo A/S"), Attribute(AttributeType.COMMON_NAME, "a=b"))
NAMES = NameConstraints(
    permitted=NameSpace(dns_names=("example.test",), ip_networks=("2001:db8::/32",)),
    excluded=NameSpace(email_addresses=(".example.org",), uri_hosts=("example.net",)),
)

SAMPLES = {
    **imports.SAMPLES,
    **ACME_SAMPLES,
    **DNS_PROVIDER,
    **NOTICE_SAMPLES,
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
    "authority.revoked.v1": AuthorityRevoked(
        name="intermediate",
        issuer_id="018f0000-0000-7000-8000-000000000001",
        serial_number="01ff",
        not_after=NOT_AFTER,
        revoked_at=NOT_BEFORE,
        reason=CRLReason.CA_COMPROMISE,
        invalidity_date=NOT_BEFORE,
    ),
    "certificate.prepared.v1": CertificatePrepared(
        version=1,
        name="www",
        issuer_id="018f0000-0000-7000-8000-000000000001",
        profile="server",
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
    "certificate.held.v1": CertificateHeld(
        version=1,
        name="www",
        issuer_id="018f0000-0000-7000-8000-000000000001",
        serial_number="02ab",
        not_after=NOT_AFTER,
        held_at=NOT_BEFORE,
        crl_shard=3,
    ),
    "certificate.released.v1": CertificateReleased(
        version=1,
        issuer_id="018f0000-0000-7000-8000-000000000001",
        serial_number="02ab",
        not_after=NOT_AFTER,
        crl_shard=3,
    ),
    "authority.key_imported.v1": AuthorityKeyImported("018f0000-0000-7000-8000-00000000000b", "05" * 32),
    "certificate.supersession_planned.v1": SupersessionPlanned(1, "www", "02ab", NOT_BEFORE, NOT_AFTER, NOT_BEFORE),
    "certificate.supersession_held_up.v1": SupersessionHeldUp(1, ("mail", "web"), NOT_BEFORE),
    "certificate.supersession_ended.v1": SupersessionEnded(1),
    "certificate.revoked.v1": CertificateRevoked(
        version=1,
        name="www",
        issuer_id="018f0000-0000-7000-8000-000000000001",
        serial_number="02ab",
        not_after=NOT_AFTER,
        revoked_at=NOT_BEFORE,
        reason=CRLReason.KEY_COMPROMISE,
        invalidity_date=NOT_BEFORE,
        crl_shard=3,
    ),
    "certificate.revocation_requested.v1": RevocationRequested(
        version=2,
        order_id="018f0000-0000-7000-8000-000000000006",
        serial_number="02ac",
        revoked_at=NOT_BEFORE,
        reason=CRLReason.KEY_COMPROMISE,
        invalidity_date=NOT_BEFORE,
    ),
    "certificate.revocation_refused.v1": RevocationRefused(
        version=2, problem=ACMEProblem("urn:ietf:params:acme:error:badRevocationReason", "no such reason here")
    ),
    "certificate.key_imported.v1": CertificateKeyImported(1, "018f0000-0000-7000-8000-00000000000b", "05" * 32),
    "certificate.use_begun.v1": UseBegun("018f0000-0000-7000-8000-000000000005", "nginx", as_fallback=True),
    "certificate.use_ended.v1": UseEnded("018f0000-0000-7000-8000-000000000005"),
    "key_compromise.reported.v1": KeyCompromiseReported("its backup lay in a public bucket"),
    "key_compromise.uses_revoked.v1": KeyUsesRevoked(3),
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
    "ocsp_responder.prepared.v1": OCSPResponderPrepared(
        version=2,
        issuer_id="018f0000-0000-7000-8000-000000000001",
        key_type=KeyType.EC_P256,
        key_id="0f8b7b2e-0000-4000-8000-000000000005",
        public_key_hash="07" * 32,
        serial_number="03cd",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        to_be_signed=b"\x30\x0a",
    ),
    "ocsp_responder.certified.v1": OCSPResponderCertified(
        version=2, certificate=b"\x30\x0b", key_ids=("0f8b7b2e-0000-4000-8000-000000000004",)
    ),
    "ocsp_responder.signing_failed.v1": OCSPResponderSigningFailed(version=2, reason="the key is gone"),
    "principal.client_admitted.v1": ClientAdmitted(
        name="probe",
        roles=(Role.VIEWER,),
        request_digest=b"\x05" * 32,
        certificate_id="018f0000-0000-7000-8000-000000000002",
    ),
    "principal.token_created.v1": TokenCreated(
        name="backup",
        roles=(Role.AUDITOR, Role.VIEWER),
        token_digest=b"\x03" * 32,
        expires=NOT_AFTER,
        request_digest=b"\x04" * 32,
    ),
    "principal.token_revoked.v1": TokenRevoked("left the company"),
    **PROFILE_EVENTS,
    "reservation.name_reserved.v1": NameReserved("018f0000-0000-7000-8000-000000000002"),
    "reservation.name_released.v1": NameReleased("018f0000-0000-7000-8000-000000000002"),
    "reservation.serial_number_reserved.v1": SerialNumberReserved("018f0000-0000-7000-8000-000000000002"),
    "revocation_list.crl_prepared.v1": CRLPrepared(
        crl_number=1_777_809_600_000,
        this_update=NOT_BEFORE,
        next_update=NOT_AFTER,
        request_id="018f0000-0000-7000-8000-000000000005",
        ended_before=NOT_BEFORE,
        base_crl_number=1_777_809_500_000,
        location="http://pki.example.test/crl/3",
        freshest_crl="http://pki.example.test/crl/3/delta",
    ),
    "revocation_list.crl_issued.v1": CRLIssued(
        crl_number=1_777_809_600_000,
        complete=Signed(digest=b"\x08" * 32, signature=b"\x09" * 64, entries=3, size=400),
        delta=Signed(digest=b"\x0a" * 32, signature=b"\x0b" * 64, entries=1, size=300),
    ),
    **SERVICE_EVENTS,
    "signing_request.created.v1": SigningRequestCreated(
        name="www",
        subject=SUBJECT,
        subject_alt_names=SubjectAltNames(dns_names=("www.example.test",)),
        profile="server-client",
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
    "signing_request.key_discarded.v1": SigningRequestKeyDiscarded(("0f8b7b2e-0000-4000-8000-000000000001",)),
    "trust_store.created.v1": TrustStoreCreated("partners", b"\x08" * 32),
    "trust_store.certificate_trusted.v1": CertificateTrusted(
        TrustAnchor(
            fingerprint="ef" * 32,
            certificate=b"\x30\x0a",
            subject_name="CN=Example Root,O=Novo A/S",
            serial_number="0a",
            not_before=NOT_BEFORE,
            not_after=NOT_AFTER,
            public_key_hash="01" * 32,
            authority_id="018f0000-0000-7000-8000-000000000001",
        )
    ),
    "trust_store.certificate_distrusted.v1": CertificateDistrusted("ef" * 32, "the key was sold", NOT_AFTER),
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
