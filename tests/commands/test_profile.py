"""The rules that no request of today can break, for the profiles of tomorrow."""

import pytest
from msgspec.structs import replace

from es_pki.commands.profile import PROFILES, SIGNING_USAGES, Draft, key_usages, violations
from es_pki.values import (
    Attribute,
    AttributeType,
    KeyType,
    KeyUsage,
    NameConstraints,
    Profile,
    PublicKey,
    SubjectAltNames,
    Template,
)
from tests.builders import NOW

TEMPLATE = Template(
    serial_number=1,
    signature_key_type=KeyType.ML_DSA_65,
    issuer_certificate=None,
    subject=(Attribute(AttributeType.COMMON_NAME, "client"),),
    subject_alt_names=SubjectAltNames(),
    public_key=PublicKey(KeyType.ML_DSA_65, b"spki"),
    not_before=NOW,
    not_after=NOW.replace(year=2027),
    is_authority=False,
    path_length=None,
    key_usages=(KeyUsage.DIGITAL_SIGNATURE,),
    extended_key_usages=(),
    name_constraints=NameConstraints(),
    locations=None,
)
DRAFT = Draft(name="client", profile=Profile.CLIENT, template=TEMPLATE, issuer=None, now=NOW)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("key_type", [key_type for key_type in KeyType if key_type.is_ml_dsa])
def test_every_profile_lets_an_ml_dsa_key_sign_only(profile, key_type):
    assert set(key_usages(profile, key_type)) <= SIGNING_USAGES


@pytest.mark.parametrize("usage", sorted(set(KeyUsage) - SIGNING_USAGES))
def test_an_ml_dsa_key_is_for_nothing_but_signing(usage):
    assert list(violations(DRAFT)) == []
    enciphering = replace(DRAFT, template=replace(TEMPLATE, key_usages=(KeyUsage.DIGITAL_SIGNATURE, usage)))
    assert [(v.field, v.rule) for v in violations(enciphering)] == [("key_type", "RFC 9881 section 5")]
