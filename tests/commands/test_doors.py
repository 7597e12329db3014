"""Every door against every rule: whichever command asks for a certificate, the same rules judge it.

A renewal is judged by the rules of today: what it is broken with stands in the version before, made when the rules
were others, or in the authority, whose policy was replaced meanwhile.
"""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from es_pki.commands import authority, certificate
from es_pki.commands.built_in import EMAIL, INTERMEDIATE, SERVER
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.renewal import Names, ReissueCertificate
from es_pki.commands.rules import RULES
from es_pki.events.certificate import CertificateIssued
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    IssuancePolicy,
    Issuer,
    KeyType,
    KeyUsage,
    NameConstraints,
    NameSpace,
    PublicKey,
    SubjectAltNames,
)
from es_pki.values.profile import NameForm, SubjectTerms, ValidityRule
from tests.builders import (
    NOW,
    create_authority,
    further,
    issue,
    issuer,
    renew,
    renew_self_signed,
    self_sign,
    sign_csr,
)
from tests.spec import Spec, encode

CERTIFICATE = Spec(certificate.decider(encode))
AUTHORITY = Spec(authority.decider(encode))
(FIRST,) = CERTIFICATE.when(issue()).events()
(OF_CSR,) = CERTIFICATE.when(sign_csr()).events()
(SELF_SIGNED,) = CERTIFICATE.when(self_sign()).events()

Wish = dict[str, Any]


def subject(kind: AttributeType, value: str) -> tuple[Attribute, ...]:
    return (Attribute(kind, value),)


def excluding(space: NameSpace) -> NameConstraints:
    return NameConstraints(excluded=space)


class Broken(NamedTuple):
    """How a rule is broken: by what is wished, or by what the authority is; and the field and source it then names."""

    field: str
    source: str
    wish: Wish
    by: Wish


def policy(**terms: Any) -> Wish:
    return {"policy": IssuancePolicy(**terms)}


def profile(key: PublicKey | None = None, **terms: Any) -> Wish:
    """Wish for a server certificate under other terms, perhaps for another key."""
    changed = {"profile": replace(SERVER, terms=replace(SERVER.terms, **terms))}
    return changed if key is None else {**changed, "public_key": key}


OF_PROFILE = "profile server"
ORGANIZATION = subject(AttributeType.ORGANIZATION, "Example")
MAILBOX = subject(AttributeType.EMAIL_ADDRESS, "a@example.org")
OTHERS_MAIL = NameSpace(email_addresses=("example.org",))

BROKEN: dict[str, Broken] = {
    "name_is_plain": Broken("name", "names are short and plain", {"name": "no spaces"}, {}),
    "serial_number_fits": Broken("serial_number", "RFC 5280 section 4.1.2.2", {"serial_number": 0}, {}),
    "something_is_named": Broken(
        "subject", "RFC 5280 section 4.1.2.6", {"subject": (), "subject_alt_names": SubjectAltNames()}, {}
    ),
    "subject_is_well_formed": Broken(
        "subject.country", "RFC 5280 appendix A.1 upper bounds", {"subject": subject(AttributeType.COUNTRY, "DNK")}, {}
    ),
    "subject_alt_names_are_well_formed": Broken(
        "dns_names[0]",
        "RFC 5280 section 4.2.1.6",
        {"subject": (), "subject_alt_names": SubjectAltNames(dns_names=("a..b",))},
        {},
    ),
    "security_identifier_is_well_formed": Broken(
        "security_identifier", "MS-DTYP section 2.4.2.1", {"security_identifier": "administrator"}, {}
    ),
    "ticket_granting_service_is_a_kdc": Broken(
        "kerberos_principal_names",
        "RFC 4556 section 3.2.4",
        {"subject_alt_names": SubjectAltNames(kerberos_principal_names=("krbtgt/A.TEST@A.TEST",))},
        {},
    ),
    "server_has_a_host_name": Broken(
        "dns_names", "RFC 9525 section 6.1", {"subject": (), "subject_alt_names": SubjectAltNames()}, {}
    ),
    "server_common_name_is_among_its_names": Broken(
        "subject.common_name", "RFC 9525 section 2", {"subject": subject(AttributeType.COMMON_NAME, "other.test")}, {}
    ),
    "email_certificate_has_a_mailbox": Broken("email_addresses", "RFC 8550 section 3", {"profile": EMAIL}, {}),
    "post_quantum_key_only_signs": Broken(
        "key_type",
        "RFC 9881 section 5",
        profile(PublicKey(KeyType.ML_DSA_65, b"spki"), key_usages=(KeyUsage.KEY_AGREEMENT,)),
        {},
    ),
    "edwards_key_only_signs": Broken(
        "key_type",
        "RFC 9295 section 3",
        profile(PublicKey(KeyType.ED25519, b"spki"), key_usages=(KeyUsage.KEY_AGREEMENT,)),
        {},
    ),
    "elliptic_curve_key_does_not_encipher": Broken(
        "key_type", "RFC 8813 section 3", profile(key_usages=(KeyUsage.KEY_ENCIPHERMENT,)), {}
    ),
    "rsa_key_does_not_agree_on_keys": Broken(
        "key_type",
        "RFC 3279 section 2.3.1",
        profile(PublicKey(KeyType.RSA_2048, b"spki"), key_usages=(KeyUsage.KEY_AGREEMENT,)),
        {},
    ),
    "validity_is_in_order": Broken(
        "validity_days",
        "RFC 5280 section 4.1.2.5",
        {},
        {"not_before": NOW + timedelta(days=200), "not_after": NOW + timedelta(days=100)},
    ),
    "key_type_is_within_the_profile": Broken("key_type", OF_PROFILE, profile(key_types=(KeyType.ED25519,)), {}),
    "validity_is_within_the_profile": Broken(
        "validity_days", OF_PROFILE, {"validity_days": 31, **profile(maximum_validity_days=30)}, {}
    ),
    "validity_is_within_the_dated_maximum": Broken(
        "validity_days",
        "CA/Browser Forum Baseline Requirements section 6.3.2",
        {"validity_days": 201, **profile(validity_rule=ValidityRule.CA_BROWSER_FORUM)},
        {},
    ),
    "name_forms_are_within_the_profile": Broken(
        "dns_names", OF_PROFILE, profile(name_forms=(NameForm.IP_ADDRESSES,)), {}
    ),
    "required_names_are_there": Broken("uris", OF_PROFILE, profile(required_names=(NameForm.URIS,)), {}),
    "names_are_within_the_profile": Broken(
        "email_addresses", OF_PROFILE, {"subject": MAILBOX, **profile(names=excluding(OTHERS_MAIL))}, {}
    ),
    "subject_attributes_are_within_the_profile": Broken(
        "subject.common_name", OF_PROFILE, profile(subject=SubjectTerms(allowed=(AttributeType.COUNTRY,))), {}
    ),
    "required_subject_attributes_are_there": Broken(
        "subject.country", OF_PROFILE, profile(subject=SubjectTerms(required=(AttributeType.COUNTRY,))), {}
    ),
    "fixed_subject_attributes_are_as_fixed": Broken(
        "subject.organization",
        OF_PROFILE,
        {"subject": ORGANIZATION, **profile(subject=SubjectTerms(fixed={AttributeType.ORGANIZATION: "Other"}))},
        {},
    ),
    "validity_is_within_the_issuer": Broken(
        "validity_days", "RFC 5280 section 6.1.3", {"validity_days": 90}, {"not_after": NOW + timedelta(days=89)}
    ),
    "validity_is_within_the_policy": Broken(
        "validity_days", "issuance policy", {"validity_days": 90}, policy(maximum_validity_days=47)
    ),
    "key_type_is_within_the_policy": Broken("key_type", "issuance policy", {}, policy(key_types=(KeyType.ED25519,))),
    "purposes_are_within_the_policy": Broken(
        "profile", "issuance policy", {}, policy(extended_key_usages=(ExtendedKeyUsage.CLIENT_AUTH,))
    ),
    "names_are_within_the_policy": Broken(
        "email_addresses", "issuance policy", {"subject": MAILBOX}, policy(names=excluding(OTHERS_MAIL))
    ),
    "accounts_are_within_the_policy": Broken(
        "security_identifier", "issuance policy", {"security_identifier": "S-1-5-21-1-2-3-500"}, {}
    ),
    "names_are_within_the_constraints": Broken(
        "email_addresses",
        "RFC 5280 section 4.2.1.10",
        {"subject": MAILBOX},
        {"name_constraints": (excluding(OTHERS_MAIL),)},
    ),
    "subject_is_not_the_issuers": Broken(
        "subject", "RFC 5280 section 4.1.2.6", {"subject": ORGANIZATION}, {"subject": ORGANIZATION}
    ),
    "path_length_is_within_the_issuer": Broken(
        "issuer",
        "RFC 5280 section 4.2.1.9",
        {"profile": INTERMEDIATE},
        {"path_length": 0, **policy(subordinate_authorities=True)},
    ),
}

IN_THE_VERSION_BEFORE = ("name", "subject", "subject_alt_names", "security_identifier")


def older(event: Any, wish: Wish) -> tuple[Any, ...]:
    """Return a lineage whose first version was made when this was still allowed."""
    return replace(event, **{k: v for k, v in wish.items() if k in IN_THE_VERSION_BEFORE}), CertificateIssued(1, b"der")


def anew(wish: Wish) -> Wish:
    """Return what a renewal itself brings."""
    return {k: v for k, v in wish.items() if k not in IN_THE_VERSION_BEFORE}


def renewing(by: Issuer, wish: Wish) -> Spec:
    return CERTIFICATE.given(*older(FIRST, wish)).when(renew(by, **anew(wish)))


def renewing_a_csr(by: Issuer, wish: Wish) -> Spec:
    return CERTIFICATE.given(*older(OF_CSR, wish)).when(renew(by, key_id=None, **anew(wish)))


def renewing_self_signed(_by: Issuer, wish: Wish) -> Spec:
    return CERTIFICATE.given(*older(SELF_SIGNED, wish)).when(renew_self_signed(**anew(wish)))


def reissuing(by: Issuer, wish: Wish) -> Spec:
    named = {"subject": FIRST.subject, "subject_alt_names": FIRST.subject_alt_names}
    names = Names(**{**named, **{k: v for k, v in wish.items() if k in Names.__struct_fields__}})
    before = {field: value for field, value in wish.items() if field == "name"}
    return CERTIFICATE.given(*older(FIRST, before)).when(ReissueCertificate(further(by, **anew(wish)), names))


def creating_an_authority(by: Issuer, wish: Wish) -> Spec:
    others = {"profile", "subject_alt_names", "security_identifier"}
    fields = {field: value for field, value in wish.items() if field not in others}
    return AUTHORITY.when(create_authority(issuer=by, path_length=None, **fields))


DOORS: dict[str, Callable[[Issuer, Wish], Spec]] = {
    "IssueCertificate": lambda by, wish: CERTIFICATE.when(issue(by, **wish)),
    "SignCSR": lambda by, wish: CERTIFICATE.when(sign_csr(by, **wish)),
    "SelfSignCertificate": lambda _, wish: CERTIFICATE.when(self_sign(**wish)),
    "RenewCertificate": renewing,
    "RenewCertificate of a CSR": renewing_a_csr,
    "RenewCertificate of what signs for itself": renewing_self_signed,
    "ReissueCertificate": reissuing,
    "CreateAuthority": creating_an_authority,
}

OF_AN_ISSUER = {
    "validity_is_in_order",  # days are at least one: only an issuer's end can come before the beginning
    "validity_is_within_the_issuer",
    "validity_is_within_the_policy",
    "key_type_is_within_the_policy",
    "purposes_are_within_the_policy",
    "names_are_within_the_policy",
    "accounts_are_within_the_policy",
    "names_are_within_the_constraints",
    "subject_is_not_the_issuers",
    "path_length_is_within_the_issuer",
}
OF_A_PURPOSE = {
    "ticket_granting_service_is_a_kdc",
    "subject_alt_names_are_well_formed",  # an authority's certificate names a subject only
    "server_has_a_host_name",
    "server_common_name_is_among_its_names",
    "email_certificate_has_a_mailbox",
    "security_identifier_is_well_formed",
    "accounts_are_within_the_policy",
    "purposes_are_within_the_policy",
    "validity_is_within_the_policy",  # the policy's days are those of what is issued to others
}
OF_A_PROFILE = {
    "post_quantum_key_only_signs",
    "edwards_key_only_signs",
    "elliptic_curve_key_does_not_encipher",
    "rsa_key_does_not_agree_on_keys",
    "key_type_is_within_the_profile",
    "validity_is_within_the_profile",
    "validity_is_within_the_dated_maximum",
    "name_forms_are_within_the_profile",
    "required_names_are_there",
    "names_are_within_the_profile",
    "subject_attributes_are_within_the_profile",
    "required_subject_attributes_are_there",
    "fixed_subject_attributes_are_as_fixed",
}
"""What the built-in profile of our own authorities, which nobody changes, leaves nobody to break."""

NOT_THERE = {
    "SelfSignCertificate": OF_AN_ISSUER,
    "RenewCertificate of what signs for itself": OF_AN_ISSUER,
    "CreateAuthority": OF_A_PURPOSE | OF_A_PROFILE,
}
"""Rules that nothing can break at a door, since they speak of what isn't there."""

CASES = [(door, rule) for door in DOORS for rule in BROKEN if rule not in NOT_THERE.get(door, ())]


def test_every_rule_is_broken_here():
    assert list(BROKEN) == [rule.__name__ for rule in RULES]


@pytest.mark.parametrize("door", DOORS)
def test_the_keys_at_both_ends_are_guarded_at_every_door(door):
    by = issuer()
    spec = DOORS[door](by, {})
    streams = [guard.stream for guard in spec.decider.guards(spec.command)]
    signs_for_itself = door in {"SelfSignCertificate", "RenewCertificate of what signs for itself"}
    of_issuer = [] if signs_for_itself else [f"key_compromise-{by.public_key_hash}"]
    assert len([stream for stream in streams if stream.startswith("key_compromise-")]) == 1 + len(of_issuer)
    assert set(of_issuer) <= set(streams)


@pytest.mark.parametrize(("door", "rule"), CASES)
def test_a_rule_is_kept_at_every_door(door, rule):
    broken = BROKEN[rule]
    refused = DOORS[door](issuer(**broken.by), broken.wish).then_refused(RulesBroken)
    assert (broken.field, broken.source) in {(found.field, found.rule) for found in refused.violations}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_opens_to_who_keeps_the_rules(door):
    assert DOORS[door](issuer(), {}).events()


@pytest.mark.parametrize(("door", "rule"), CASES)
def test_a_rehearsal_refuses_what_the_decision_does(door, rule):
    broken = BROKEN[rule]
    rehearsed(DOORS[door](issuer(**broken.by), broken.wish)).then_refused(RulesBroken)


@pytest.mark.parametrize("door", DOORS)
def test_a_rehearsal_decides_alike_and_writes_nothing(door):
    spec = DOORS[door](issuer(), {})
    (decided,), (event,) = spec.events(), rehearsed(spec).events()
    assert event == replace(decided, to_be_signed=b"")


def rehearsed(spec: Spec) -> Spec:
    return dataclasses.replace(spec, decider=dataclasses.replace(spec.decider, decide=spec.decider.rehearse))
