"""Whatever es-pki makes, both linters find no error in it: every profile, with every type of key."""

import pytest
from msgspec.structs import replace

from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, OCSP_RESPONDER
from es_pki.adapters.lint import lint
from es_pki.adapters.lint.pkilint_work import judge
from es_pki.adapters.x509 import keys
from es_pki.adapters.x509.assemble import assemble
from es_pki.commands.built_in import BUILT_IN
from es_pki.commands.ocsp_responder import CertifyOCSPResponder
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    IssuancePolicy,
    Issuer,
    KeyType,
    NameConstraints,
    NameSpace,
    SubjectAltNames,
)
from tests.builders import NOW, create_authority, issuer, self_sign, sign_csr
from tests.spec import Spec

SERIAL_NUMBER = 0x4F3E2D1C0B0A09080706050403020100
CONSTRAINTS = NameConstraints(
    permitted=NameSpace(
        dns_names=("example.test", "localhost"),
        ip_networks=("10.0.0.0/8", "fd00::/8"),
        email_addresses=("example.test",),
        uri_hosts=(".example.test",),
    ),
    excluded=NameSpace(dns_names=("secret.example.test",)),
)
SUBJECT = (
    Attribute(AttributeType.COUNTRY, "DK"),
    Attribute(AttributeType.ORGANIZATION, "Æbler & Pærer"),
    Attribute(AttributeType.SERIAL_NUMBER, "A-1"),
    Attribute(AttributeType.DOMAIN_COMPONENT, "test"),
    Attribute(AttributeType.DOMAIN_COMPONENT, "example"),
    Attribute(AttributeType.COMMON_NAME, "www.example.test"),
)
NAMES = SubjectAltNames(
    dns_names=("www.example.test", "*.example.test", "localhost"),
    ip_addresses=("10.0.0.1", "fd00::1"),
    email_addresses=("post@example.test",),
    uris=("https://www.example.test:8443/about?x=1",),
)
WITHOUT_WILDCARD = replace(NAMES, dns_names=("www.example.test", "localhost"))


def signed(decider, command) -> bytes:
    """Return the certificate that a command leads to, as if it were signed."""
    event = Spec(decider).when(command).events()[0]
    return assemble(event.to_be_signed, b"a signature")


def root(key_type: KeyType) -> bytes:
    return signed(
        AUTHORITY, create_authority(public_key=keys.stand_in(key_type), serial_number=SERIAL_NUMBER, path_length=None)
    )


def by(key_type: KeyType) -> Issuer:
    public = keys.stand_in(key_type)
    return issuer(
        certificate=root(key_type),
        subject=create_authority().subject,
        key_type=key_type,
        public_key_hash=public.hash,
        policy=IssuancePolicy(extended_key_usages=tuple(ExtendedKeyUsage), subordinate_authorities=True),
    )


def says(certificate: bytes, issuer_certificate: bytes | None = None) -> list[str]:
    """Return what is wrong with a certificate; pkilint may note that `localhost` is no public name."""
    found = (*lint(certificate, issuer_certificate), *judge(certificate))
    return [each.rule for each in found if each.rule != "pkix.invalid_domain_name_syntax"]


@pytest.mark.parametrize("key_type", KeyType)
@pytest.mark.parametrize("profile", BUILT_IN.values(), ids=lambda profile: profile.name)
def test_nothing_is_wrong_with_what_an_authority_issues(profile, key_type):
    authority = by(key_type)
    wish = sign_csr(
        authority,
        profile=profile,
        subject=SUBJECT,
        subject_alt_names=NAMES if profile.terms.wildcards else WITHOUT_WILDCARD,
        public_key=keys.stand_in(key_type),
        serial_number=SERIAL_NUMBER,
    )
    assert says(signed(CERTIFICATE, wish), authority.certificate) == []


@pytest.mark.parametrize("key_type", KeyType)
def test_nothing_is_wrong_with_authorities(key_type):
    above = by(key_type)
    intermediate = create_authority(
        issuer=above,
        name="intermediate",
        subject=SUBJECT[1:2],
        public_key=keys.stand_in(KeyType.EC_P256),
        serial_number=SERIAL_NUMBER,
        name_constraints=CONSTRAINTS,
    )
    assert says(above.certificate) == []
    assert says(signed(AUTHORITY, intermediate), above.certificate) == []


@pytest.mark.parametrize("key_type", KeyType)
def test_nothing_is_wrong_with_what_signs_for_itself(key_type):
    wish = self_sign(
        subject=(), subject_alt_names=NAMES, public_key=keys.stand_in(key_type), serial_number=SERIAL_NUMBER
    )
    assert says(signed(CERTIFICATE, wish)) == []


def test_names_alone_are_critical_and_there_is_nothing_wrong_with_that():
    authority = by(KeyType.EC_P256)
    wish = sign_csr(
        authority,
        subject=(),
        subject_alt_names=NAMES,
        public_key=keys.stand_in(KeyType.EC_P256),
        serial_number=SERIAL_NUMBER,
    )
    assert says(signed(CERTIFICATE, wish), authority.certificate) == []


@pytest.mark.parametrize("key_type", KeyType)
def test_nothing_is_wrong_with_ocsp_responders(key_type):
    authority = by(key_type)
    wish = CertifyOCSPResponder(authority, keys.stand_in(key_type), "key", SERIAL_NUMBER, NOW)
    assert says(signed(OCSP_RESPONDER, wish), authority.certificate) == []
