"""The rules of certificates, one sentence each."""

from datetime import timedelta

import pytest

from es_pki.commands.built_in import CLIENT, EMAIL, INTERMEDIATE
from es_pki.commands.certificate import (
    CertificateMissing,
    RecordSignature,
    RecordSignatureFailure,
    decider,
)
from es_pki.commands.refusals import SigningGivenUp
from es_pki.decider import RequestReused
from es_pki.events.certificate import CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.values import (
    Attribute,
    AttributeType,
    ExtendedKeyUsage,
    IssuancePolicy,
    KeyType,
    NameConstraints,
    NameSpace,
    PublicKey,
    SubjectAltNames,
)
from tests.builders import CERTIFICATE_ID, ISSUER_KEY, KEY, NOW, ROOT_ID, issue, issuer, self_sign, sign_csr
from tests.spec import Spec, encode

CERTIFICATE = decider(encode)
spec = Spec(CERTIFICATE)


def prepared(command=None) -> CertificatePrepared:
    (event,) = CERTIFICATE.decide(command or issue(), CERTIFICATE.initial)
    assert isinstance(event, CertificatePrepared)
    return event


def names(**forms: tuple[str, ...]) -> SubjectAltNames:
    return SubjectAltNames(**forms)


def test_issuing_prepares_the_exact_bytes_before_anything_is_signed():
    (event,) = spec.when(issue()).events()
    assert event.to_be_signed
    assert (event.version, event.issuer_id, event.serial_number) == (1, ROOT_ID, "1234")
    assert event.key_id == "key-of-www"


def test_a_signed_csr_leaves_no_key_here():
    (event,) = spec.when(sign_csr()).events()
    assert event.key_id is None


def test_a_self_signed_certificate_has_no_issuer():
    (event,) = spec.when(self_sign()).events()
    assert event.issuer_id is None


def test_the_same_request_again_changes_nothing():
    spec.given(prepared()).when(issue(serial_number=0x7777)).then_nothing()


def test_another_request_under_the_same_id_is_refused():
    spec.given(prepared()).when(issue(request_digest=b"other")).then_refused(RequestReused)


def test_a_signature_is_recorded_once():
    spec.given(prepared()).when(RecordSignature(1, b"der")).then(CertificateIssued(1, b"der"))
    spec.given(prepared(), CertificateIssued(1, b"der")).when(RecordSignature(1, b"other")).then_nothing()


def test_a_signature_without_preparation_is_refused():
    spec.when(RecordSignature(1, b"der")).then_refused(CertificateMissing)
    spec.when(RecordSignatureFailure(1, "why")).then_refused(CertificateMissing)


def test_a_failed_signature_stays_failed():
    failed = SigningFailed(1, "key lost")
    spec.given(prepared()).when(RecordSignatureFailure(1, "key lost")).then(failed)
    spec.given(prepared(), failed).when(RecordSignature(1, b"der")).then_refused(SigningGivenUp)


def test_an_issued_certificate_can_not_fail_any_more():
    issued = CertificateIssued(1, b"der")
    spec.given(prepared(), issued).when(RecordSignatureFailure(1, "too late")).then_nothing()


@pytest.mark.parametrize("command", [issue(), sign_csr()])
def test_the_append_guards_the_issuer_and_both_keys(command):
    assert [guard[:2] for guard in CERTIFICATE.guards(command)] == [
        (f"authority-{ROOT_ID}", 3),
        (f"key_compromise-{KEY.hash}", 0),
        (f"key_compromise-{ISSUER_KEY.hash}", 0),
    ]


def test_who_signs_for_itself_guards_its_key():
    assert [guard[:2] for guard in CERTIFICATE.guards(self_sign())] == [(f"key_compromise-{KEY.hash}", 0)]


def test_a_csr_for_the_issuers_own_key_guards_it_once():
    streams = [guard.stream for guard in CERTIFICATE.guards(sign_csr(public_key=ISSUER_KEY))]
    assert streams == [f"authority-{ROOT_ID}", f"key_compromise-{ISSUER_KEY.hash}"]


def test_name_and_serial_number_are_reserved():
    streams = [r.stream for r in CERTIFICATE.reservations(prepared(), CERTIFICATE_ID)]
    assert streams == ["certificate_name-www", f"serial_number-{ROOT_ID}-1234"]


def test_the_default_validity_is_cut_to_the_issuers():
    short = issuer(not_after=NOW + timedelta(days=10))
    assert prepared(issue(short)).not_after == short.not_after


def test_the_default_validity_is_cut_to_the_policys():
    event = prepared(issue(issuer(policy=IssuancePolicy(maximum_validity_days=7))))
    assert event.not_after - event.not_before == timedelta(days=7, seconds=-1)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"validity_days": 0}, ["validity_days"]),
        ({"validity_days": 100_000}, ["validity_days"]),
        ({"validity_days": 399}, ["validity_days"]),
        ({"name": "no spaces"}, ["name"]),
        ({"name": CERTIFICATE_ID}, ["name"]),
        ({"serial_number": 1 << 159}, ["serial_number"]),
        ({"serial_number": 0}, ["serial_number"]),
        ({"subject": (), "subject_alt_names": names()}, ["dns_names", "subject"]),
        ({"subject_alt_names": names(email_addresses=("a@example.test",)), "subject": ()}, ["dns_names"]),
        ({"subject": (Attribute(AttributeType.COMMON_NAME, "other.test"),)}, ["subject.common_name"]),
        ({"subject": (Attribute(AttributeType.ORGANIZATION, "x" * 65),)}, ["subject.organization"]),
        ({"subject": (Attribute(AttributeType.ORGANIZATION, "a\nb"),)}, ["subject.organization"]),
        ({"subject": (Attribute(AttributeType.ORGANIZATION, "a\u202eb"),)}, ["subject.organization"]),
        ({"subject": (Attribute(AttributeType.ORGANIZATION, " "),)}, ["subject.organization"]),
        ({"subject": (Attribute(AttributeType.COUNTRY, "DNK"),)}, ["subject.country"]),
        ({"subject": (Attribute(AttributeType.SERIAL_NUMBER, "№1"),)}, ["subject.serial_number"]),
        ({"profile": EMAIL}, ["email_addresses"]),
        ({"profile": INTERMEDIATE, "validity_days": 90}, ["profile"]),
    ],
)
def test_a_broken_rule_names_its_field(changes, fields):
    spec.when(issue(**changes)).then_breaks(*fields)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("dns_names", "under_score.test"),
        ("dns_names", "a..test"),
        ("dns_names", "-a.test"),
        ("dns_names", "UPPER.test"),
        ("dns_names", "a.*.test"),
        ("dns_names", "*"),
        ("dns_names", "192.0.2.1"),
        ("dns_names", "a" * 64 + ".test"),
        ("dns_names", ".".join(["a" * 50] * 6)),
        ("ip_addresses", "192.0.2"),
        ("ip_addresses", "host.test"),
        ("email_addresses", "nobody"),
        ("email_addresses", "a b@example.test"),
        ("email_addresses", "a@*.example.test"),
        ("uris", "relative/path"),
        ("uris", "http://ex ample.test/"),
        ("uris", "http://exämple.test/"),
    ],
)
def test_a_malformed_name_is_pointed_at(form, value):
    good = names(**{form: (value,)} | ({} if form == "dns_names" else {"dns_names": ("www.example.test",)}))
    spec.when(issue(subject=(), subject_alt_names=good)).then_breaks(f"{form}[0]")


@pytest.mark.parametrize("organization", ["Novo A/S", "a=b", "Müller & Söhne, GmbH", '"quoted"', "公司", "x" * 64])
def test_legal_but_awkward_subjects_are_taken(organization):
    subject = (Attribute(AttributeType.ORGANIZATION, organization),)
    assert prepared(issue(subject=subject)).subject == subject


@pytest.mark.parametrize("name", ["*.example.test", "nas", "xn--bcher-kva.test", "1.example.test"])
def test_legal_host_names_are_taken(name):
    assert prepared(issue(subject=(), subject_alt_names=names(dns_names=(name,))))


def test_too_many_names_are_refused_in_one_sentence():
    many = names(dns_names=tuple(f"h{i}.test" for i in range(101)))
    spec.when(issue(subject=(), subject_alt_names=many)).then_breaks("dns_names")


POLICY_CASES = [
    (IssuancePolicy(key_types=(KeyType.ED25519,)), {}, ["key_type"]),
    (IssuancePolicy(extended_key_usages=(ExtendedKeyUsage.CLIENT_AUTH,)), {}, ["profile"]),
    (
        IssuancePolicy(wildcards=False),
        {"subject_alt_names": names(dns_names=("*.example.test",)), "subject": ()},
        ["dns_names"],
    ),
    (IssuancePolicy(names=NameConstraints(permitted=NameSpace(dns_names=("example.org",)))), {}, ["dns_names"]),
    (IssuancePolicy(names=NameConstraints(excluded=NameSpace(dns_names=("example.test",)))), {}, ["dns_names"]),
    (IssuancePolicy(maximum_validity_days=30), {"validity_days": 31}, ["validity_days"]),
]


@pytest.mark.parametrize(("policy", "changes", "fields"), POLICY_CASES)
def test_the_policy_is_kept(policy, changes, fields):
    spec.when(issue(issuer(policy=policy), **changes)).then_breaks(*fields)


@pytest.mark.parametrize(("policy", "changes", "fields"), POLICY_CASES)
def test_a_csr_can_not_escape_the_policy_either(policy, changes, fields):
    spec.when(sign_csr(issuer(policy=policy), **changes)).then_breaks(*fields)


@pytest.mark.parametrize(
    ("space", "forms", "good"),
    [
        (NameSpace(dns_names=("example.test",)), {"dns_names": ("example.test", "a.b.example.test")}, True),
        (NameSpace(dns_names=("example.test",)), {"dns_names": ("badexample.test",)}, False),
        (NameSpace(dns_names=("example.test",)), {"dns_names": ("*.example.test",)}, True),
        (NameSpace(dns_names=("www.example.test",)), {"dns_names": ("*.example.test",)}, False),
        (NameSpace(ip_networks=("192.0.2.0/24",)), {"ip_addresses": ("192.0.2.9",)}, True),
        (NameSpace(ip_networks=("192.0.2.0/24",)), {"ip_addresses": ("198.51.100.1",)}, False),
        (NameSpace(ip_networks=("192.0.2.0/24",)), {"ip_addresses": ("2001:db8::1",)}, False),
        (NameSpace(ip_networks=("2001:db8::/32",)), {"ip_addresses": ("2001:db8::1",)}, True),
        (NameSpace(email_addresses=("example.test",)), {"email_addresses": ("a@example.test",)}, True),
        (NameSpace(email_addresses=("example.test",)), {"email_addresses": ("a@b.example.test",)}, False),
        (NameSpace(email_addresses=(".example.test",)), {"email_addresses": ("a@b.example.test",)}, True),
        (NameSpace(email_addresses=("a@example.test",)), {"email_addresses": ("b@example.test",)}, False),
        (NameSpace(uri_hosts=("example.test",)), {"uris": ("spiffe://example.test/x",)}, True),
        (NameSpace(uri_hosts=("example.test",)), {"uris": ("https://b.example.test/",)}, False),
        (NameSpace(uri_hosts=(".example.test",)), {"uris": ("https://b.example.test/",)}, True),
        (NameSpace(uri_hosts=("example.test",)), {"uris": ("urn:x:y",)}, False),
        (NameSpace(uri_hosts=("example.test",)), {"uris": ("https://192.0.2.1/",)}, False),
    ],
)
def test_name_constraints_hold_for_every_form_of_name(space, forms, good):
    wish = issue(
        issuer(name_constraints=(NameConstraints(), NameConstraints(permitted=space))),
        profile=CLIENT,
        subject=(Attribute(AttributeType.COMMON_NAME, "x"),),
        subject_alt_names=names(**forms),
    )
    if good:
        assert spec.when(wish).events()
    else:
        spec.when(wish).then_breaks(*forms)


def test_where_hosts_of_uris_are_excluded_a_uri_without_a_host_is_refused():
    excluding = issuer(name_constraints=(NameConstraints(excluded=NameSpace(uri_hosts=("evil.test",))),))
    wish = {"profile": CLIENT, "subject_alt_names": names(uris=("mailto:x@evil.test",))}
    spec.when(issue(excluding, **wish)).then_breaks("uris")


def test_a_common_name_that_verifiers_take_for_a_host_is_held_to_the_constraints():
    permitting = issuer(name_constraints=(NameConstraints(permitted=NameSpace(dns_names=("example.test",))),))
    for host, good in (("host.evil.test", False), ("host.example.test", True), ("Jane Doe", True), ("localhost", True)):
        subject = (Attribute(AttributeType.COMMON_NAME, host),)
        wish = issue(permitting, profile=CLIENT, subject=subject, subject_alt_names=names())
        if good:
            assert spec.when(wish).events()
        else:
            spec.when(wish).then_breaks("dns_names")


def test_every_common_name_of_a_server_is_among_its_names():
    two = tuple(Attribute(AttributeType.COMMON_NAME, name) for name in ("www.example.test", "evil.bank.test"))
    spec.when(issue(subject=two)).then_breaks("subject.common_name")


def test_nobody_has_the_subject_of_its_issuer():
    by = issuer(policy=IssuancePolicy(subordinate_authorities=True))
    wish = {"subject": by.subject, "profile": INTERMEDIATE, "subject_alt_names": names()}
    spec.when(sign_csr(by, **wish)).then_breaks("subject")


def test_a_wildcard_may_not_stand_for_an_excluded_name():
    excluding = issuer(name_constraints=(NameConstraints(excluded=NameSpace(dns_names=("secret.example.test",))),))
    wish = issue(excluding, subject=(), subject_alt_names=names(dns_names=("*.example.test",)))
    spec.when(wish).then_breaks("dns_names")


def test_a_csr_becomes_an_authority_only_where_the_policy_says_so():
    wish = {"profile": INTERMEDIATE, "subject_alt_names": names()}
    spec.when(sign_csr(**wish)).then_breaks("profile")
    generous = issuer(policy=IssuancePolicy(subordinate_authorities=True))
    assert spec.when(sign_csr(generous, **wish)).events()


def test_an_authority_at_the_end_of_its_path_signs_no_other():
    last = issuer(policy=IssuancePolicy(subordinate_authorities=True), path_length=0)
    spec.when(sign_csr(last, profile=INTERMEDIATE, subject_alt_names=names())).then_breaks("issuer")


def test_an_expired_authority_issues_nothing():
    expired = issuer(not_after=NOW - timedelta(hours=1))
    refused = spec.when(issue(expired)).then_refused(Exception)
    assert "authority" in {violation.field for violation in refused.violations}


def test_rsa_servers_may_encipher_keys_and_others_only_sign():
    rsa = prepared(issue(public_key=PublicKey(KeyType.RSA_2048, b"spki"))).to_be_signed
    assert b"key_encipherment" in rsa
    assert b"key_encipherment" not in prepared(issue()).to_be_signed


def test_a_self_signed_certificate_needs_no_policy():
    assert prepared(self_sign(validity_days=3650))


def test_what_signs_for_itself_is_called_by_its_first_name():
    names = SubjectAltNames(dns_names=("www.example.test", "www.example.org"))
    (event,) = spec.when(self_sign(subject=(), subject_alt_names=names)).events()
    assert event.subject == (Attribute(AttributeType.COMMON_NAME, "www.example.test"),)
