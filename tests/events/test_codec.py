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
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
    UseBegun,
    UseEnded,
)
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.principal import TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Drift,
    FileForm,
    Installation,
    InstallationAdopted,
    Probe,
    ProbeProtocol,
    ReloadSignal,
    ServiceFile,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceRetired,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import (
    Attribute,
    AttributeType,
    ExportFormat,
    ExtendedKeyUsage,
    IssuancePolicy,
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

INSTALLATION = Installation(
    files=(
        ServiceFile(FileForm.FULL_CHAIN, "/etc/nginx/es-pki/www/current/fullchain.pem"),
        ServiceFile(FileForm.KEY, "/etc/nginx/es-pki/www/current/key.pem"),
    ),
    link="/etc/nginx/es-pki/www/current",
    owner="root",
    group="www-data",
    mode="0640",
    test_command=("/usr/sbin/nginx", "-t", "-q"),
    reload_signal=ReloadSignal.HUP,
    pid_file="/run/nginx.pid",
    start_command=("/usr/bin/systemctl", "restart", "nginx"),
    probe=Probe("[2001:db8::1]:25", ProbeProtocol.SMTP, "mail.example.test"),
    command_seconds=60,
    probe_seconds=5,
)

SAMPLES = {
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
    "certificate.use_begun.v1": UseBegun("018f0000-0000-7000-8000-000000000005", "nginx", as_fallback=True),
    "certificate.use_ended.v1": UseEnded("018f0000-0000-7000-8000-000000000005"),
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
    "service.registered.v1": ServiceRegistered("nginx", ServiceKind.WEB_UI, INSTALLATION, b"\x08" * 32),
    "service.installation_adopted.v1": InstallationAdopted(
        Installation(
            files=(ServiceFile(FileForm.PKCS12, "/etc/es-pki/app/app.p12"),),
            passphrase_file="/etc/es-pki/app/passphrase",  # noqa: S106 - where one lies is no secret
            reload_command=("/usr/local/bin/hook", "app"),
        )
    ),
    "service.certificate_bound.v1": CertificateBound(
        "018f0000-0000-7000-8000-000000000002", "018f0000-0000-7000-8000-000000000006"
    ),
    "service.certificate_unbound.v1": CertificateUnbound("018f0000-0000-7000-8000-000000000002"),
    "service.retired.v1": ServiceRetired("replaced by haproxy"),
    "service.deployment_started.v1": DeploymentStarted(
        deployment_id="018f0000-0000-7000-8000-000000000008",
        certificate_id="018f0000-0000-7000-8000-000000000002",
        version=2,
        fingerprint="09" * 32,
        public_key_hash="05" * 32,
        leaves_key=True,
    ),
    "service.certificate_deployed.v1": CertificateDeployed("018f0000-0000-7000-8000-000000000008", was_seen=False),
    "service.deployment_failed.v1": DeploymentFailed(
        "018f0000-0000-7000-8000-000000000008", DeploymentStep.STAGE, "the folder /etc/x doesn't exist: make it"
    ),
    "service.deployment_rolled_back.v1": DeploymentRolledBack(
        "018f0000-0000-7000-8000-000000000008",
        DeploymentStep.TEST,
        "the test of the configuration failed: it ended with status 1",
        "nginx: [emerg] SSL_CTX_use_PrivateKey failed",
    ),
    "service.observed.v1": ServiceObserved(
        "09" * 32, (Drift.EXPIRED, Drift.OLDER_VERSION), "until 2026-05-03, www.example.test"
    ),
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
