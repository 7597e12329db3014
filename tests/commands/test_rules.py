"""Rules on their own: what a profile decides about a certificate, and the dated maxima of others."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands.built_in import BUILT_IN, CLIENT, DOMAIN_CONTROLLER, MACHINE, SERVER
from es_pki.commands.rules import Draft, violations
from es_pki.commands.rules.form import SIGNING_USAGES
from es_pki.commands.rules.profile import maximum_days
from es_pki.commands.terms import terms_violations
from es_pki.commands.usages import key_usages
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    IssuancePolicy,
    KeyType,
    KeyUsage,
    NameConstraints,
    NameSpace,
    PublicKey,
    SubjectAltNames,
    Template,
)
from es_pki.values.profile import Profile, ProfileTerms, SubjectTerms, ValidityRule
from tests.builders import NOW, issuer

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
DRAFT = Draft(name="client", profile=CLIENT, template=TEMPLATE, issuer=None, now=NOW)

every_profile = pytest.mark.parametrize("profile", BUILT_IN.values(), ids=lambda profile: profile.name)


@every_profile
@pytest.mark.parametrize("key_type", KeyType)
def test_every_built_in_profile_gives_every_key_only_usages_that_it_can_have(profile, key_type):
    template = replace(
        TEMPLATE, public_key=PublicKey(key_type, b"spki"), key_usages=key_usages(profile.terms, key_type)
    )
    broken = violations(replace(DRAFT, template=template))
    assert [violation for violation in broken if violation.field == "key_type"] == []


@every_profile
def test_the_terms_of_every_built_in_profile_could_be_defined(profile):
    assert list(terms_violations(profile.terms)) == []


@every_profile
@pytest.mark.parametrize("key_type", [key_type for key_type in KeyType if key_type.is_ml_dsa])
def test_every_profile_lets_an_ml_dsa_key_sign_only(profile, key_type):
    assert set(key_usages(profile.terms, key_type)) <= SIGNING_USAGES


@pytest.mark.parametrize("usage", sorted(set(KeyUsage) - SIGNING_USAGES))
def test_an_ml_dsa_key_is_for_nothing_but_signing(usage):
    assert list(violations(DRAFT)) == []
    enciphering = replace(DRAFT, template=replace(TEMPLATE, key_usages=(KeyUsage.DIGITAL_SIGNATURE, usage)))
    assert [(v.field, v.rule) for v in violations(enciphering)] == [("key_type", "RFC 9881 section 5")]


FORUM = ProfileTerms(validity_rule=ValidityRule.CA_BROWSER_FORUM)


@pytest.mark.parametrize(
    ("issued_at", "days"),
    [
        (datetime(2026, 3, 14, 23, 59, 59, tzinfo=UTC), 398),
        (datetime(2026, 3, 15, tzinfo=UTC), 200),
        (datetime(2027, 3, 14, 23, 59, 59, tzinfo=UTC), 200),
        (datetime(2027, 3, 15, tzinfo=UTC), 100),
        (datetime(2029, 3, 14, 23, 59, 59, tzinfo=UTC), 100),
        (datetime(2029, 3, 15, tzinfo=UTC), 47),
    ],
)
def test_the_days_of_the_browser_forum_fall_on_its_dates(issued_at, days):
    assert maximum_days(FORUM, issued_at) == days
    assert maximum_days(replace(FORUM, maximum_validity_days=30), issued_at) == 30

    def lasting(validity):
        template = replace(TEMPLATE, not_before=issued_at, not_after=issued_at + validity)
        return list(violations(replace(DRAFT, profile=Profile("web", 1, FORUM), template=template, now=issued_at)))

    assert lasting(timedelta(days=days, seconds=-1)) == []
    assert [v.field for v in lasting(timedelta(days=days))] == ["validity_days"]


def fields(profile, template):
    return sorted({v.field for v in violations(replace(DRAFT, profile=profile, template=template))})


def terms(**changes):
    return Profile("web", 1, replace(CLIENT.terms, **changes))


@pytest.mark.parametrize(
    ("names", "allowed", "denied"),
    [
        (
            NameConstraints(permitted=NameSpace(dns_names=("a.test",))),
            {"dns_names": ("w.a.test",)},
            {"dns_names": ("b.test",)},
        ),
        (
            NameConstraints(excluded=NameSpace(ip_networks=("10.0.0.0/8",))),
            {"ip_addresses": ("192.0.2.1",)},
            {"ip_addresses": ("10.1.2.3",)},
        ),
        (
            NameConstraints(permitted=NameSpace(ip_networks=("2001:db8::/32",))),
            {"ip_addresses": ("2001:db8::1",)},
            {"ip_addresses": ("192.0.2.1",)},
        ),
        (
            NameConstraints(permitted=NameSpace(email_addresses=("a.test",))),
            {"email_addresses": ("x@a.test",)},
            {"email_addresses": ("x@b.test",)},
        ),
        (
            NameConstraints(excluded=NameSpace(uri_hosts=(".a.test",))),
            {"uris": ("https://b.test/",)},
            {"uris": ("https://w.a.test/",)},
        ),
    ],
)
def test_names_are_allowed_and_denied_by_form(names, allowed, denied):
    for wished, expected in ((allowed, []), (denied, list(denied))):
        template = replace(TEMPLATE, subject_alt_names=SubjectAltNames(**wished))
        assert fields(terms(names=names), template) == expected


def test_user_principal_names_are_held_to_the_email_addresses_of_a_profile():
    names = NameConstraints(permitted=NameSpace(email_addresses=("corp.test",)))
    profile = Profile("web", 1, replace(MACHINE.terms, names=names, required_names=()))
    for account, expected in (("pc1$@corp.test", []), ("administrator@other.test", ["user_principal_names"])):
        template = replace(TEMPLATE, subject_alt_names=SubjectAltNames(user_principal_names=(account,)))
        assert fields(profile, template) == expected


def test_wildcards_are_denied_by_a_profile_without_them():
    template = replace(TEMPLATE, subject_alt_names=SubjectAltNames(dns_names=("*.a.test",)))
    assert (fields(terms(), template), fields(terms(wildcards=False), template)) == ([], ["dns_names"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": "a\nb"}, "terms.description"),
        ({"key_usages": ()}, "terms.key_usages"),
        ({"key_types": ()}, "terms.key_types"),
        ({"key_usages": (KeyUsage.KEY_CERT_SIGN,)}, "terms.key_usages"),
        ({"is_authority": True}, "terms.key_usages"),
        ({"extended_key_usages": ("1.3.6.1.5.5.7.3.1",)}, "terms.extended_key_usages[0]"),
        ({"extended_key_usages": ("1.2.3", "1.2.3")}, "terms.extended_key_usages"),
        ({"policy_identifiers": ("1.2.3", "1.2.3")}, "terms.policy_identifiers"),
        ({"policy_identifiers": tuple(f"1.2.{n}" for n in range(21))}, "terms.policy_identifiers"),
        ({"default_validity_days": 0}, "terms.default_validity_days"),
        ({"default_validity_days": 31, "maximum_validity_days": 30}, "terms.default_validity_days"),
        ({"maximum_validity_days": 0}, "terms.maximum_validity_days"),
        ({"required_names": ("security_identifier",)}, "terms.required_names"),
        ({"subject": SubjectTerms(allowed=(), required=(AttributeType.COUNTRY,))}, "terms.subject.allowed"),
        ({"subject": SubjectTerms(fixed={AttributeType.COUNTRY: "Denmark"})}, "terms.subject.fixed.country"),
        ({"names": NameConstraints(NameSpace(ip_networks=("10.0.0.1/8",)))}, "terms.names.permitted.ip_networks[0]"),
        ({"path_length": 0}, "terms.path_length"),
        ({"name_constraints": NameConstraints(NameSpace(dns_names=("a.test",)))}, "terms.name_constraints"),
    ],
)
def test_terms_that_nothing_could_be_made_under_are_refused(changes, field):
    assert [violation.field for violation in terms_violations(ProfileTerms(**changes))] == [field]


def test_the_log_on_of_a_directory_takes_leave_of_the_policy():
    template = replace(
        TEMPLATE,
        subject=(),
        subject_alt_names=SubjectAltNames(dns_names=("dc1.corp.test",)),
        extended_key_usages=DOMAIN_CONTROLLER.terms.extended_key_usages,
        security_identifier="S-1-5-21-1-2-3-1000",
    )
    draft = replace(DRAFT, profile=DOMAIN_CONTROLLER, template=template)
    assert [v.field for v in violations(replace(draft, issuer=issuer()))] == [
        "profile",
        "profile",
        "security_identifier",
    ]
    leave = IssuancePolicy(extended_key_usages=tuple(ExtendedKeyUsage), account_names=True)
    assert list(violations(replace(draft, issuer=issuer(policy=leave)))) == []


def test_no_account_is_named_by_a_server():
    template = replace(
        TEMPLATE,
        subject_alt_names=SubjectAltNames(dns_names=("client",), user_principal_names=("pc1$@corp.test",)),
        security_identifier="S-1-5-21-1-2-3-1000",
    )
    assert fields(SERVER, template) == ["security_identifier", "user_principal_names"]
