"""To-be-signed bytes: equal templates give equal bytes, and what openssl and `cryptography` read is what was meant."""

import datetime
import itertools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from es_pki.adapters.x509 import encode, formats
from es_pki.adapters.x509.assemble import assemble
from es_pki.adapters.x509.encode import encode_tbs
from es_pki.adapters.x509.keys import generate, judged, load
from es_pki.commands.built_in import INTERMEDIATE, SERVER
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.usages import key_usages
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    KeyType,
    Locations,
    NameConstraints,
    NameSpace,
    SubjectAltNames,
    Template,
)
from tests import openssl
from tests.builders import NOW

NAMES = SubjectAltNames(
    dns_names=("www.example.test", "*.example.test"),
    ip_addresses=("192.0.2.1", "2001:db8::1"),
    email_addresses=("user@example.test",),
    uris=("spiffe://example.test/service",),
)
WHERE = Locations("http://pki.example.test/ca.crt", "http://pki.example.test/crl")


def root(key_type):
    """Return a key, a self-signed authority's template, and its certificate."""
    key = generate(key_type)
    template = Template(
        serial_number=7,
        signature_key_type=key_type,
        issuer_certificate=None,
        subject=(Attribute(AttributeType.ORGANIZATION, "Novo A/S"), Attribute(AttributeType.COMMON_NAME, "Root")),
        subject_alt_names=SubjectAltNames(),
        public_key=key.public_key,
        not_before=NOW,
        not_after=NOW + datetime.timedelta(days=3650),
        is_authority=True,
        path_length=1,
        key_usages=key_usages(INTERMEDIATE.terms, key_type),
        extended_key_usages=(),
        name_constraints=NameConstraints(permitted=NameSpace(dns_names=("example.test",), ip_networks=("10.0.0.0/8",))),
        locations=None,
    )
    return key, template, signed(template, key)


def signed(template, key):
    to_be_signed = encode_tbs(template)
    return assemble(to_be_signed, load(key.pkcs8).sign(to_be_signed))


def leaf(issuer_certificate, issuer_key_type, key):
    return Template(
        serial_number=(1 << 158) + 5,
        signature_key_type=issuer_key_type,
        issuer_certificate=issuer_certificate,
        subject=(Attribute(AttributeType.COMMON_NAME, "www.example.test"),),
        subject_alt_names=NAMES,
        public_key=key.public_key,
        not_before=NOW,
        not_after=NOW + datetime.timedelta(days=90),
        is_authority=False,
        path_length=None,
        key_usages=key_usages(SERVER.terms, key.public_key.key_type),
        extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH,),
        name_constraints=NameConstraints(),
        locations=WHERE,
    )


def pem(der):
    return formats.pem(der)


@pytest.mark.parametrize("key_type", KeyType)
def test_equal_templates_give_equal_bytes_whatever_throwaway_key_signs(key_type):
    _, template, _ = root(key_type)
    first = encode_tbs(template)
    encode._throwaway_key.cache_clear()
    assert encode_tbs(template) == first
    assert encode_tbs(replace(template, serial_number=8)) != first


@pytest.mark.parametrize("issuer_type", KeyType)
def test_what_is_assembled_is_signed_by_its_issuer(issuer_type):
    key, _, root_certificate = root(issuer_type)
    for subject_type in (KeyType.EC_P256, KeyType.ED25519):
        certificate = x509.load_der_x509_certificate(
            signed(leaf(root_certificate, issuer_type, generate(subject_type)), key)
        )
        certificate.verify_directly_issued_by(x509.load_der_x509_certificate(root_certificate))


def test_every_field_is_read_back_as_it_was_meant():
    key, _, root_certificate = root(KeyType.EC_P256)
    template = leaf(root_certificate, KeyType.EC_P256, generate(KeyType.RSA_2048))
    certificate = x509.load_der_x509_certificate(signed(template, key))
    issuer = x509.load_der_x509_certificate(root_certificate)
    extensions = certificate.extensions
    assert certificate.serial_number == template.serial_number
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW, template.not_after)
    assert certificate.issuer == issuer.subject
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical is False
    assert [str(name.value) for name in names.value] == [
        *NAMES.dns_names,
        *NAMES.ip_addresses,
        *NAMES.email_addresses,
        *NAMES.uris,
    ]
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_encipherment) == (True, True, True)
    assert not usage.value.key_cert_sign
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(False, None)
    own = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    issuers = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    known = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert (known.key_identifier, known.authority_cert_issuer) == (issuers.digest, None)
    access = {d.access_method: d.access_location.value for d in _access(extensions)}
    assert access == {AuthorityInformationAccessOID.CA_ISSUERS: WHERE.ca_issuers}
    (point,) = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for name in point.full_name] == [WHERE.crl]
    constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [str(name.value) for name in constraints.value.permitted_subtrees] == ["example.test", "10.0.0.0/8"]


def _access(extensions):
    return extensions.get_extension_for_class(x509.AuthorityInformationAccess).value


def test_names_without_a_subject_are_critical():
    key, _, root_certificate = root(KeyType.EC_P256)
    template = replace(leaf(root_certificate, KeyType.EC_P256, generate(KeyType.EC_P256)), subject=())
    certificate = x509.load_der_x509_certificate(signed(template, key))
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_times_from_2050_on_are_generalized():
    """RFC 5280 section 4.1.2.5."""
    key, template, _ = root(KeyType.EC_P256)
    for end in (datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC), NOW.replace(year=2100)):
        certificate = x509.load_der_x509_certificate(signed(replace(template, not_after=end), key))
        assert certificate.not_valid_after_utc == end


def test_printable_attributes_are_printable_and_others_utf8():
    """RFC 5280 appendix A.1: countryName and serialNumber are PrintableString, emailAddress and DC IA5String."""
    key, template, _ = root(KeyType.EC_P256)
    subject = tuple(
        itertools.starmap(
            Attribute,
            [
                (AttributeType.COUNTRY, "DK"),
                (AttributeType.DOMAIN_COMPONENT, "example"),
                (AttributeType.ORGANIZATION, "Blåbærgrød A/S"),
                (AttributeType.SERIAL_NUMBER, "A-7"),
                (AttributeType.EMAIL_ADDRESS, "ca@example.test"),
            ],
        )
    )
    der = signed(replace(template, subject=subject, name_constraints=NameConstraints()), key)
    text = openssl.run("asn1parse", text=pem(der).encode())
    for expected in ("PRINTABLESTRING   :DK", "IA5STRING         :example", "PRINTABLESTRING   :A-7"):
        assert expected in text
    assert "IA5STRING         :ca@example.test" in text
    assert "UTF8STRING" in text


@settings(max_examples=50, deadline=None)
@given(st.integers(min_value=1, max_value=(1 << 159) - 1))
def test_any_serial_number_stays_positive_and_within_20_octets(serial_number):
    key, template, _ = KEY_AND_ROOT
    der = signed(replace(template, serial_number=serial_number), key)
    assert x509.load_der_x509_certificate(der).serial_number == serial_number


KEY_AND_ROOT = root(KeyType.ED25519)


@given(st.binary(max_size=60))
def test_what_is_no_tbs_certificate_is_no_certificate(content):
    with pytest.raises((ValueError, IndexError)):
        x509.load_der_x509_certificate(assemble(content, b"signature"))


def test_openssl_accepts_a_chain_with_name_constraints():
    key, _, root_certificate = root(KeyType.EC_P384)
    names = replace(NAMES, ip_addresses=("10.1.2.3",))
    template = replace(
        leaf(root_certificate, KeyType.EC_P384, generate(KeyType.EC_P256)),
        subject_alt_names=names,
        not_before=NOW,
    )
    certificate = signed(template, key)
    when = ["-attime", str(int(NOW.timestamp()) + 60)]
    assert openssl.verifies(pem(root_certificate), pem(certificate), "-purpose", "sslserver", *when)
    outside = signed(replace(template, subject_alt_names=NAMES), key)
    assert not openssl.verifies(pem(root_certificate), pem(outside), "-purpose", "sslserver", *when)


def test_a_curve_that_is_not_ours_is_refused():
    private = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(RulesBroken, match="keys are one of"):
        judged(private.public_key(), "public_key")
