"""The rules of authorities, one sentence each."""

from datetime import timedelta

import pytest

from es_pki.commands.authority import (
    AuthorityMissing,
    RecordAuthoritySignature,
    RecordAuthoritySignatureFailure,
    SetIssuancePolicy,
    decider,
    issuer_of,
)
from es_pki.commands.refusals import NotSignedYet, SigningGivenUp
from es_pki.decider import Guard, RequestReused
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    IssuancePolicy,
    KeyType,
    KeyUsage,
    Locations,
    NameConstraints,
    NameSpace,
)
from es_pki.values.profile import Profile, ProfileTerms, SubjectTerms, ValidityRule
from tests.builders import ISSUER_KEY, KEY, NOW, ROOT_ID, create_authority, issuer
from tests.spec import Spec, encode

AUTHORITY = decider(encode)
spec = Spec(AUTHORITY)


def prepared(**changes) -> AuthorityPrepared:
    (event,) = AUTHORITY.decide(create_authority(**changes), AUTHORITY.initial)
    assert isinstance(event, AuthorityPrepared)
    return event


CREATED = (AuthorityCreated(b"der"), IssuancePolicyAdopted(IssuancePolicy()))


def test_a_root_is_prepared_to_sign_for_itself():
    (event,) = spec.when(create_authority()).events()
    assert event.issuer_id is None
    assert event.path_length == 1


def test_an_intermediate_is_prepared_below_its_issuer():
    below = issuer(path_length=3)
    event = prepared(issuer=below, path_length=None)
    assert (event.issuer_id, event.path_length) == (ROOT_ID, 2)
    assert [guard[:2] for guard in AUTHORITY.guards(create_authority(issuer=below))] == [
        (f"authority-{ROOT_ID}", 3),
        (f"key_compromise-{KEY.hash}", 0),
        (f"key_compromise-{ISSUER_KEY.hash}", 0),
    ]


def test_its_signature_makes_the_authority_and_adopts_the_first_policy():
    spec.given(prepared()).when(RecordAuthoritySignature(b"der")).then(*CREATED)


def test_a_second_signature_changes_nothing():
    spec.given(prepared(), *CREATED).when(RecordAuthoritySignature(b"other")).then_nothing()


def test_a_failed_signature_stays_failed():
    failed = AuthoritySigningFailed("key lost")
    spec.given(prepared()).when(RecordAuthoritySignatureFailure("key lost")).then(failed)
    spec.given(prepared(), failed).when(RecordAuthoritySignature(b"der")).then_refused(SigningGivenUp)


def test_what_was_never_prepared_can_be_neither_signed_nor_failed():
    spec.when(RecordAuthoritySignature(b"der")).then_refused(AuthorityMissing)
    spec.when(RecordAuthoritySignatureFailure("why")).then_refused(AuthorityMissing)


def test_another_request_under_the_same_id_is_refused():
    spec.given(prepared()).when(create_authority(request_digest=b"other")).then_refused(RequestReused)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"subject": ()}, ["subject"]),
        ({"path_length": -1}, ["path_length"]),
        ({"path_length": 1 << 64}, ["path_length"]),
        (
            {"name_constraints": NameConstraints(permitted=NameSpace(dns_names=("example.test",) * 501))},
            ["name_constraints"],
        ),
        ({"issuer": issuer(path_length=0), "path_length": None}, ["issuer"]),
        ({"issuer": issuer(path_length=1), "path_length": 1}, ["path_length"]),
        ({"issuer": issuer(), "validity_days": 5000}, ["validity_days"]),
        ({"issuer": issuer(not_after=NOW - timedelta(days=1))}, ["authority", "validity_days"]),
        (
            {"name_constraints": NameConstraints(permitted=NameSpace(dns_names=("*.example.test",)))},
            ["name_constraints.permitted.dns_names[0]"],
        ),
        (
            {"name_constraints": NameConstraints(excluded=NameSpace(ip_networks=("192.0.2.1/24",)))},
            ["name_constraints.excluded.ip_networks[0]"],
        ),
    ],
)
def test_a_broken_rule_names_its_field(changes, fields):
    spec.when(create_authority(**changes)).then_breaks(*fields)


def test_a_policy_is_adopted_once():
    policy = IssuancePolicy(maximum_validity_days=7)
    spec.given(prepared(), *CREATED).when(SetIssuancePolicy(policy)).then(IssuancePolicyAdopted(policy))


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (IssuancePolicy(maximum_validity_days=0), "policy.maximum_validity_days"),
        (IssuancePolicy(key_types=()), "policy.key_types"),
        (
            IssuancePolicy(names=NameConstraints(permitted=NameSpace(uri_hosts=("ex ample",)))),
            "policy.names.permitted.uri_hosts[0]",
        ),
    ],
)
def test_a_policy_that_can_not_be_kept_is_refused(policy, field):
    spec.given(prepared(), *CREATED).when(SetIssuancePolicy(policy)).then_breaks(field)


def test_only_a_signed_authority_issues():
    where = Locations("http://a", "http://b")

    def as_issuer(*history):
        state = AUTHORITY.initial
        for event in history:
            state = AUTHORITY.evolve(state, event)
        return issuer_of(state, authority_id=ROOT_ID, version=len(history), locations=where)

    assert as_issuer(prepared(), *CREATED).version == 3
    for history, refusal in [
        ((), AuthorityMissing),
        ((prepared(),), NotSignedYet),
        ((prepared(), AuthoritySigningFailed("key lost")), SigningGivenUp),
    ]:
        with pytest.raises(refusal):
            as_issuer(*history)


BRANCH = NameConstraints(permitted=NameSpace(dns_names=("branch.test",)))
OTHERS = NameConstraints(excluded=BRANCH.permitted)


def branch(**terms):
    """Return a profile for authorities that an administrator added."""
    usages = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
    given = {"is_authority": True, "key_usages": usages, "default_validity_days": 365, **terms}
    return Profile("branch", 3, ProfileTerms(**given), "profile-id", 7)


def test_an_authority_is_made_under_a_profile_and_names_its_version():
    profile = branch(
        extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH,),
        policy_identifiers=("1.2.3.4",),
        name_constraints=BRANCH,
        path_length=0,
        subject=SubjectTerms(fixed={AttributeType.ORGANIZATION: "Example"}),
    )
    command = create_authority(profile=profile, path_length=None, issuer=issuer())
    event = prepared(profile=profile, path_length=None, issuer=issuer())
    assert (event.profile, event.profile_version) == ("branch", 3)
    assert (event.path_length, event.name_constraints) == (0, BRANCH)
    assert event.subject[0] == Attribute(AttributeType.ORGANIZATION, "Example")
    assert event.not_after - event.not_before == timedelta(days=365, seconds=-1)
    assert b'"server_auth"' in event.to_be_signed
    assert b'"1.2.3.4"' in event.to_be_signed
    assert Guard("profile-profile-id", 7) in AUTHORITY.guards(command)


def test_the_path_is_as_long_as_profile_and_issuer_leave():
    for most, above, length in ((None, None, None), (2, None, 2), (2, 2, 1), (0, 3, 0), (None, 3, 2)):
        event = prepared(profile=branch(path_length=most), path_length=None, issuer=issuer(path_length=above))
        assert event.path_length == length


def test_a_dated_maximum_cuts_what_nobody_asked_for():
    event = prepared(profile=branch(validity_rule=ValidityRule.CA_BROWSER_FORUM))
    assert event.not_after - event.not_before == timedelta(days=200, seconds=-1)


@pytest.mark.parametrize(
    ("terms", "changes", "field"),
    [
        ({"is_authority": False, "key_usages": (KeyUsage.DIGITAL_SIGNATURE,)}, {}, "profile"),
        ({"path_length": 0}, {"path_length": 1}, "path_length"),
        (
            {"name_constraints": BRANCH},
            {"name_constraints": NameConstraints(excluded=BRANCH.permitted)},
            "name_constraints",
        ),
        ({"maximum_validity_days": 400}, {"validity_days": 401}, "validity_days"),
        ({"key_types": (KeyType.RSA_4096,)}, {}, "key_type"),
        ({"subject": SubjectTerms(required=(AttributeType.COUNTRY,))}, {}, "subject.country"),
    ],
)
def test_a_profile_is_kept_to(terms, changes, field):
    spec.when(create_authority(profile=branch(**terms), **changes)).then_breaks(field)


def test_the_constraints_of_the_profile_may_be_said_again():
    assert prepared(profile=branch(name_constraints=BRANCH), name_constraints=BRANCH).name_constraints == BRANCH
