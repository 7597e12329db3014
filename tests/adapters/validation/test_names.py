"""Names: which are equal, which lie within constraints, and which certificate is a host's."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.validation import Purpose, validate
from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.name_constraints import Constraints
from es_pki.adapters.validation.names import normal
from es_pki.adapters.validation.target import matches
from tests.adapters.validation.chains import asked, authority, server, trust
from tests.builders import NOW

ROOT = authority("root")


def name_of(*values):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in values])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Example", "EXAMPLE"),
        ("Example  Company ", " example company"),
        ("Straße", "STRASSE"),
        ("ﬁrst", "first"),
        ("soft\u00adhyphen", "softhyphen"),
        ("wide\u3000space", "wide space"),
        ("e\u0301cole", "école"),
    ],
)
def test_names_that_only_look_different_are_the_same(one, other):
    assert normal(name_of(one)) == normal(name_of(other))


@pytest.mark.parametrize(("one", "other"), [("Example", "Examples"), ("a b", "ab"), ("", "x")])
def test_names_that_differ_are_not_the_same(one, other):
    if one and other:
        assert normal(name_of(one)) != normal(name_of(other))
    assert normal(name_of("a", "b")) != normal(name_of("b", "a"))


def test_the_parts_of_a_relative_name_have_no_order():
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "b")]
    one, other = (x509.Name([x509.RelativeDistinguishedName(each)]) for each in (parts, parts[::-1]))
    assert normal(one) == normal(other)


def dns(text):
    return x509.DNSName(text)


def mail(text):
    return x509.RFC822Name(text)


def uri(text):
    return x509.UniformResourceIdentifier(text)


def address(text):
    return x509.IPAddress(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def directory(*values):
    return x509.DirectoryName(name_of(*values))


LIES_IN = [
    (dns("example.test"), dns("example.test"), True),
    (dns("example.test"), dns("EXAMPLE.test."), True),
    (dns("example.test"), dns("a.b.example.test"), True),
    (dns("example.test"), dns("badexample.test"), False),
    (dns("example.test"), dns("test"), False),
    (dns("example.test"), dns("*.example.test"), True),
    (dns(""), dns("anything.test"), True),
    (dns(".example.test"), dns("example.test"), False),
    (dns(".example.test"), dns("a.example.test"), True),
    (mail("me@example.test"), mail("me@EXAMPLE.test"), True),
    (mail("me@example.test"), mail("ME@example.test"), False),
    (mail("example.test"), mail("anybody@example.test"), True),
    (mail("example.test"), mail("anybody@a.example.test"), False),
    (mail(".example.test"), mail("anybody@a.example.test"), True),
    (mail(".example.test"), mail("anybody@example.test"), False),
    (uri("example.test"), uri("https://user@example.test:8443/a?b"), True),
    (uri("example.test"), uri("https://a.example.test/"), False),
    (uri(".example.test"), uri("https://a.example.test/"), True),
    (uri(".example.test"), uri("https://example.test/"), False),
    (uri(".example.test"), uri("https://example.test.evil.test/.example.test"), False),
    (address("192.0.2.0/24"), address("192.0.2.9"), True),
    (address("192.0.2.0/24"), address("192.0.3.9"), False),
    (address("0.0.0.0/0"), address("2001:db8::1"), False),
    (address("2001:db8::/32"), address("2001:db8::1"), True),
    (directory("a", "b"), directory("A", "B", "c"), True),
    (directory("a", "b"), directory("a"), False),
    (directory("a", "b"), directory("b", "a"), False),
]


def refusal(name, permitted=None, excluded=None, subject=()):
    return Constraints(x509.NameConstraints(permitted, excluded)).refuses(subject, (name,), Budget())


@pytest.mark.parametrize(("subtree", "name", "lies_in"), LIES_IN)
def test_a_name_is_permitted_where_it_lies_in_the_subtree_and_excluded_there(subtree, name, lies_in):
    assert (refusal(name, permitted=[subtree]) is None) == lies_in
    if not (isinstance(subtree, x509.DNSName) and subtree.value.startswith(".")):
        assert (refusal(name, excluded=[subtree]) is None) == (not lies_in)


def test_what_is_excluded_is_never_permitted():
    assert refusal(dns("a.example.test"), [dns("example.test")], [dns("a.example.test")]) is not None
    assert refusal(dns("b.example.test"), [dns("example.test")], [dns("a.example.test")]) is None


def test_a_wildcard_that_covers_what_is_excluded_is_refused():
    assert refusal(dns("*.example.test"), excluded=[dns("secret.example.test")]) is not None
    assert refusal(dns("*.example.test"), excluded=[dns("deep.secret.example.test")]) is None
    assert refusal(dns("*.example.test"), permitted=[dns("secret.example.test")]) is not None


def test_a_leading_period_excludes_no_less_than_it_could_mean():
    assert refusal(dns("example.test"), excluded=[dns(".example.test")]) is not None
    assert refusal(dns("a.example.test"), excluded=[dns(".example.test")]) is not None


def test_constraints_of_other_forms_say_nothing():
    assert refusal(dns("example.test"), permitted=[mail("example.test")]) is None


@pytest.mark.parametrize(
    "name", [dns("exa mple"), dns("a" * 300), uri("urn:a:b"), uri("https://192.0.2.1/"), mail("me")]
)
def test_a_name_that_cannot_be_judged_is_refused_where_its_form_is_constrained(name):
    subtree = {x509.DNSName: dns, x509.UniformResourceIdentifier: uri, x509.RFC822Name: mail}[type(name)]("other.test")
    assert refusal(name, excluded=[subtree]) is not None


def test_a_form_that_is_not_processed_is_refused_where_it_is_constrained():
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.5")
    assert refusal(x509.RegisteredID(oid), permitted=[x509.RegisteredID(oid)]) is not None
    assert refusal(x509.RegisteredID(oid), permitted=[dns("example.test")]) is None
    utf8 = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x0c\x01a")
    assert refusal(utf8, permitted=[mail("example.test")]) is not None


def test_the_mailboxes_of_a_subject_are_constrained_too():
    subject = normal(x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "me@example.test")]))
    assert refusal(dns("a.test"), excluded=[mail("example.test")], subject=subject) is not None
    assert refusal(dns("a.test"), permitted=[directory("other")], subject=subject) is not None


@pytest.mark.parametrize(
    ("presented", "host", "is_named"),
    [
        ("www.example.test", "www.example.test", True),
        ("*.example.test", "www.example.test", True),
        ("*.example.test", "example.test", False),
        ("*.example.test", "a.b.example.test", False),
        ("w*.example.test", "www.example.test", False),
        ("www.*.test", "www.example.test", False),
        ("*.test", "example.test", False),
        ("*", "test", False),
        ("*.*.test", "a.b.test", False),
        ("*.example.test", "*.example.test", False),
    ],
)
def test_a_wildcard_is_one_whole_label_at_the_left(presented, host, is_named):
    assert matches(presented, host) == is_named


labels = st.lists(st.sampled_from(["a", "b", "c"]), min_size=2, max_size=4).map(".".join)
names = st.builds(lambda wildcard, base: f"*.{base}" if wildcard else base, st.booleans(), labels)


@given(names, labels, st.lists(labels, max_size=2), st.lists(labels, max_size=2))
@settings(max_examples=150, deadline=None)
def test_another_verifier_says_the_same_of_names_and_constraints(name, host, permitted, excluded):
    """`cryptography` takes no wildcard in a constrained space for what it could stand for: there we are stricter."""
    forms = [[dns(each) for each in subtrees] or None for subtrees in (permitted, excluded)]
    further = ((x509.NameConstraints(*forms), True),) if permitted or excluded else ()
    between = authority("between", ROOT, *further, (KEY_IDENTIFIER, False))
    leaf = server(between, host=name)
    verdict = validate(leaf.parsed, trust(ROOT, pool=(between,)), asked(purpose=Purpose.SERVER, host=host))
    verifier = PolicyBuilder().store(Store([ROOT.certificate])).time(NOW).build_server_verifier(dns(host))
    try:
        verifier.verify(leaf.certificate, [between.certificate])
        agreed = True
    except VerificationError:
        agreed = False
    if agreed != verdict.is_valid:
        assert agreed
        assert name.startswith("*.")
        assert verdict.rules <= {"names-are-within-constraints", "host-is-named"}


KEY_IDENTIFIER = x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.key.public_key())
