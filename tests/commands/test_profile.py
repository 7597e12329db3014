"""Profiles that are added: defined, defined anew, retired, defined again."""

import pytest
from msgspec.structs import replace

from es_pki.commands import certificate
from es_pki.commands.built_in import BUILT_IN, SERVER
from es_pki.commands.profile import (
    AlreadyRetired,
    BuiltInProfile,
    DefineProfile,
    RetireProfile,
    decider,
    evolve,
    profile_of,
)
from es_pki.commands.refusals import ProfileMissing
from es_pki.events.profile import ProfileDefined, ProfileRetired
from es_pki.events.reservation import NameReserved
from es_pki.values import Attribute, AttributeType, SubjectAltNames
from es_pki.values.profile import NameForm, Profile, ProfileTerms, SubjectTerms
from tests.builders import further, issue, issuer, renew, sign_csr
from tests.spec import Spec, encode

spec = Spec(decider)
TERMS = ProfileTerms(extended_key_usages=("server_auth",))
OTHER_TERMS = replace(TERMS, default_validity_days=30)
define = DefineProfile("branch", TERMS)
defined = ProfileDefined("branch", 1, TERMS)
retired = ProfileRetired("the branch is closed")
BRANCH = Profile("branch", 4, TERMS, "profile-id", 7)


def test_a_profile_is_defined():
    spec.when(define).then(defined)


def test_its_name_is_reserved_for_ever():
    (claim,) = decider.reservations(defined, "id")
    assert (claim.stream, claim.event) == ("profile_name-branch", NameReserved("id"))
    assert decider.reservations(replace(defined, version=2), "id") == decider.reservations(retired, "id") == ()


def test_other_terms_are_its_next_version():
    spec.given(defined).when(DefineProfile("branch", OTHER_TERMS)).then(ProfileDefined("branch", 2, OTHER_TERMS))


def test_the_same_terms_change_nothing():
    spec.given(defined).when(define).then_nothing()


def test_a_retired_profile_comes_back_with_its_next_version():
    spec.given(defined).when(RetireProfile("the branch is closed")).then(retired)
    spec.given(defined, retired).when(RetireProfile("again")).then_nothing()
    spec.given(defined, retired).when(define).then(ProfileDefined("branch", 2, TERMS))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_profile_is_not_defined(name):
    spec.when(DefineProfile(name, TERMS)).then_refused(BuiltInProfile)


def test_terms_and_name_are_judged():
    spec.when(DefineProfile("no spaces", replace(TERMS, key_types=()))).then_breaks("name", "terms.key_types")
    spec.given(defined).when(RetireProfile("a\nb")).then_breaks("reason")


def test_what_is_not_there_is_not_retired():
    spec.when(RetireProfile("")).then_refused(ProfileMissing)


def test_a_profile_is_used_as_it_is_now():
    state = evolve(evolve(decider.initial, defined), ProfileDefined("branch", 2, OTHER_TERMS))
    assert profile_of(state, profile_id="id", version=2) == Profile("branch", 2, OTHER_TERMS, "id", 2)
    with pytest.raises(AlreadyRetired, match="the branch is closed"):
        profile_of(evolve(state, retired), profile_id="id", version=3)


CERTIFICATE = Spec(certificate.decider(encode))


def test_a_certificate_names_the_profile_and_the_version_it_was_made_under():
    (event,) = CERTIFICATE.when(issue(profile=BRANCH)).events()
    assert (event.profile, event.profile_version) == ("branch", 4)
    (event,) = CERTIFICATE.when(issue()).events()
    assert (event.profile, event.profile_version) == ("server", SERVER.version)


@pytest.mark.parametrize("command", [issue(profile=BRANCH), sign_csr(profile=BRANCH), renew(profile=BRANCH)])
def test_nothing_is_made_under_terms_that_have_changed_meanwhile(command):
    guards = [(guard.stream, guard.version) for guard in CERTIFICATE.decider.guards(command)]
    assert ("profile-profile-id", 7) in guards


def test_a_renewal_is_made_under_the_terms_of_today():
    (first,) = CERTIFICATE.when(issue(profile=BRANCH)).events()
    today = replace(BRANCH, version=5, terms=replace(TERMS, maximum_validity_days=30, default_validity_days=30))
    history = (first, certificate.CertificateIssued(1, b"der"))
    (second,) = CERTIFICATE.given(*history).when(renew(profile=today)).events()
    assert second.profile_version == 5
    assert (first.not_after - first.not_before).days == 89
    assert (second.not_after - second.not_before).days == 29
    CERTIFICATE.given(*history).when(renew(profile=today, validity_days=31)).then_breaks("validity_days")


def test_what_a_profile_fixes_stands_in_front_of_the_subject():
    fixed = replace(TERMS, subject=SubjectTerms(fixed={AttributeType.ORGANIZATION: "Example"}))
    wish = issue(profile=replace(BRANCH, terms=fixed))
    (event,) = CERTIFICATE.when(wish).events()
    assert event.subject == (Attribute(AttributeType.ORGANIZATION, "Example"), *wish.wanted.subject)
    history = (event, certificate.CertificateIssued(1, b"der"))
    (second,) = CERTIFICATE.given(*history).when(renew(profile=replace(BRANCH, terms=fixed))).events()
    assert second.subject == event.subject


def test_a_csr_without_a_name_works_where_the_profile_does_not_require_it():
    needs_name = SubjectTerms(required=(AttributeType.COMMON_NAME,))
    strict = replace(BRANCH, terms=ProfileTerms(subject=needs_name, required_names=(NameForm.DNS_NAMES,)))
    lenient = replace(BRANCH, terms=ProfileTerms())
    assert CERTIFICATE.when(sign_csr(profile=strict)).events()
    for missing, field in (
        ({"subject": ()}, "subject.common_name"),
        ({"subject_alt_names": SubjectAltNames()}, "dns_names"),
    ):
        CERTIFICATE.when(sign_csr(profile=strict, **missing)).then_breaks(field)
        assert CERTIFICATE.when(sign_csr(profile=lenient, **missing)).events()


def test_a_renewal_keeps_the_account_it_names():
    by = issuer()
    allowed = replace(by, policy=replace(by.policy, account_names=True))
    wish = {"profile": BUILT_IN["machine"], "security_identifier": "S-1-5-21-1-2-3-1105"}
    (first,) = CERTIFICATE.when(issue(allowed, **wish)).events()
    assert first.security_identifier == "S-1-5-21-1-2-3-1105"
    history = (first, certificate.CertificateIssued(1, b"der"))
    command = certificate.RenewCertificate(further(allowed, profile=BUILT_IN["machine"]))
    (second,) = CERTIFICATE.given(*history).when(command).events()
    assert second.security_identifier == first.security_identifier
