"""CRLs to the byte, compared with what `cryptography` makes of the same facts, and judged by openssl."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from es_pki.adapters.x509 import keys
from es_pki.adapters.x509.crl import CODES, assembled, entry, to_be_signed
from es_pki.adapters.x509.formats import crl_pem, pem
from es_pki.events.revocation_list import CRLPrepared
from es_pki.values import CRLReason, KeyType
from tests import ml_dsa, openssl
from tests.adapters.x509.test_encode import root

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
FAR = datetime(2051, 1, 2, 3, 4, 5, tzinfo=UTC)
PREPARED = CRLPrepared(1_777_809_600_000, NOW, FAR, "", None, 1_777_809_500_000)
SHARD = CRLPrepared(5, NOW, FAR, "", None, 3, "http://a.test/crl/2", "http://a.test/crl/2/delta")
REASONS = [reason for reason in CRLReason if reason is not CRLReason.UNSPECIFIED]
ENTRIES = [
    entry("80ff", NOW, CRLReason.UNSPECIFIED, None),
    entry("01", FAR, CRLReason.KEY_COMPROMISE, NOW),
    *(entry(f"{number:x}", NOW, reason, None) for number, reason in enumerate(REASONS, 200)),
]


def signed(key_type, prepared=PREPARED, entries=(), *, is_delta=False):
    """Return a CRL of a fresh root, and the root's certificate, in DER."""
    key, _, certificate = root(key_type)
    tbs = to_be_signed(certificate, key_type, prepared, entries, is_delta=is_delta)
    return assembled(tbs, key_type, keys.load(key.pkcs8).sign(tbs)), certificate


def by_cryptography(certificate, prepared, *, is_delta):
    """Return the TBSCertList that `cryptography` makes of the same facts."""
    issuer = x509.load_der_x509_certificate(certificate)
    builder = x509.CertificateRevocationListBuilder(issuer.subject, prepared.this_update, prepared.next_update)
    revoked = x509.RevokedCertificateBuilder
    builder = builder.add_revoked_certificate(revoked(0x80FF, NOW).build())
    of_key = x509.CRLReason(x509.ReasonFlags.key_compromise)
    second = revoked(1, FAR).add_extension(of_key, critical=False)
    second = second.add_extension(x509.InvalidityDate(NOW.replace(tzinfo=None)), critical=False)
    builder = builder.add_revoked_certificate(second.build())
    for number, reason in enumerate(REASONS, 200):
        flag = x509.CRLReason(x509.ReasonFlags(reason.value))
        builder = builder.add_revoked_certificate(revoked(number, NOW).add_extension(flag, critical=False).build())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    builder = builder.add_extension(aki, critical=False)
    builder = builder.add_extension(x509.CRLNumber(prepared.crl_number), critical=False)
    if is_delta:
        builder = builder.add_extension(x509.DeltaCRLIndicator(prepared.base_crl_number), critical=True)
    if prepared.location:
        names = [x509.UniformResourceIdentifier(prepared.location)]
        scope = x509.IssuingDistributionPoint(
            names,
            relative_name=None,
            only_contains_user_certs=False,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        builder = builder.add_extension(scope, critical=True)
    if prepared.freshest_crl and not is_delta:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(prepared.freshest_crl)], None, None, None)
        builder = builder.add_extension(x509.FreshestCRL([point]), critical=False)
    key = keys._generated(KeyType.EC_P256)
    return builder.sign(key, keys.signature_hash(KeyType.EC_P256)).tbs_certlist_bytes


@pytest.mark.parametrize("is_delta", [False, True])
@pytest.mark.parametrize("prepared", [PREPARED, SHARD], ids=["of all", "of a shard"])
def test_the_bytes_are_those_of_another_encoder(prepared, is_delta):
    der, certificate = signed(KeyType.EC_P256, prepared, ENTRIES, is_delta=is_delta)
    ours = x509.load_der_x509_crl(der).tbs_certlist_bytes
    assert ours == by_cryptography(certificate, prepared, is_delta=is_delta)


def test_the_reasons_are_those_of_rfc_5280():
    crl = x509.load_der_x509_crl(signed(KeyType.EC_P256, entries=ENTRIES)[0])
    found = [one.extensions.get_extension_for_class(x509.CRLReason).value.reason.value for one in list(crl)[2:]]
    assert found == [reason.value for reason in REASONS]
    assert set(CODES) == set(CRLReason)


@pytest.mark.parametrize("key_type", KeyType)
@pytest.mark.parametrize("entries", [(), ENTRIES], ids=["empty", "full"])
def test_a_crl_of_every_kind_of_key_is_verified_by_others(key_type, entries):
    der, certificate = signed(key_type, entries=entries)
    if key_type.is_ml_dsa:
        issuer = x509.load_der_x509_certificate(certificate)
        crl = x509.load_der_x509_crl(der)
        assert ml_dsa.is_signed_by(issuer.public_key(), crl.tbs_certlist_bytes, crl.signature)
        assert crl.signature_algorithm_oid.dotted_string == ml_dsa.OIDS[key_type.value]
        return
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "root.pem"
        file.write_text(pem(certificate))
        verified = openssl.run("crl", "-noout", "-CAfile", str(file), "-text", text=crl_pem(der).encode())
    assert verified.count("Serial Number:") == len(entries)


def test_a_time_is_written_with_four_digits_of_the_year_from_2050_on():
    crl = x509.load_der_x509_crl(signed(KeyType.ED25519)[0])
    assert crl.next_update_utc == FAR
    early = entry("01", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), CRLReason.UNSPECIFIED, None)
    late = entry("01", datetime(2050, 1, 1, tzinfo=UTC) + timedelta(), CRLReason.UNSPECIFIED, None)
    assert len(late) == len(early) + 2
