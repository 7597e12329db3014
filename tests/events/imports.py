"""Samples of the events that tell what was made elsewhere."""

from datetime import UTC, datetime, timedelta

from es_pki.events.authority import AuthorityImported
from es_pki.events.certificate import CertificateImported
from es_pki.values import KeyAlgorithm, NameConstraints, NameSpace, SubjectAltNames
from es_pki.values.foreign import ForeignAttribute, KeyKind

NOT_BEFORE = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=90, seconds=-1)

SAMPLES = {
    "authority.imported.v1": AuthorityImported(
        name="elsewhere",
        subject=(ForeignAttribute("common_name", "Elsewhere CA"),),
        issuer=(ForeignAttribute("common_name", "Elsewhere Root"),),
        issuer_id=None,
        key=KeyKind("ec-p384", KeyAlgorithm.EC, 192),
        key_id="0f8b7b2e-0000-4000-8000-000000000005",
        public_key=b"\x30\x07",
        serial_number="0a",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        path_length=0,
        name_constraints=NameConstraints(excluded=NameSpace(dns_names=("example.test",))),
        certificate=b"\x30\x08",
        request_digest=b"\x09" * 32,
        chain=(b"\x30\x09",),
    ),
    "certificate.imported.v1": CertificateImported(
        version=2,
        name="www",
        issuer_id=None,
        profile="",
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
        is_authority=True,
    ),
}
