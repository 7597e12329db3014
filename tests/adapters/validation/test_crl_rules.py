"""Every rule of CRLs: a CRL that would say good, but breaks this rule, says nothing.

The certificate's status is then unknown, and the finding tells which rule it was. Without its rule each case is valid.
"""

import datetime

import pytest
from cryptography import x509

from es_pki.adapters.validation import Purpose, RevocationMode, validate
from es_pki.adapters.validation.every_rule import OF_CRLS
from tests.adapters.validation.chains import (
    DAY,
    asked,
    authority,
    crl,
    key_of,
    named,
    scope,
    server,
    trust,
    unknown,
    usage,
)
from tests.adapters.validation.test_link_rules import silenced
from tests.builders import NOW

ROOT = authority("root")
LEAF = server(ROOT, serial_number=7)
HARD = asked(purpose=Purpose.SERVER, host="www.example.test", revocation=RevocationMode.HARD)
HOLD = x509.CRLReason(x509.ReasonFlags.certificate_hold)
REMOVED = x509.CRLReason(x509.ReasonFlags.remove_from_crl)
SOME = frozenset({x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise})
OTHERS = frozenset(x509.ReasonFlags) - SOME - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}


def uri(text):
    return x509.UniformResourceIdentifier(text)


def point(*uris, reasons=None, issuer=None):
    names = [uri(each) for each in uris] or None
    by = [x509.DirectoryName(issuer)] if issuer is not None else None
    return x509.DistributionPoint(full_name=names, relative_name=None, reasons=reasons, crl_issuer=by)


def with_points(*points, **options):
    return server(ROOT, (x509.CRLDistributionPoints(list(points)), False), serial_number=7, **options)


def judged(*crls, leaf=LEAF, pool=(), question=HARD, anchor=ROOT):
    return validate(leaf.parsed, trust(anchor, pool=pool, crls=crls), question)


def told(verdict):
    """The rules that are told of, warnings among them."""
    return {finding.rule for finding in verdict.findings}


DELEGATE = authority("root", ROOT, key=key_of("crl key"), key_usage=usage("crl_sign"))
"""Another key of the root's, certified by the root for CRLs."""

UNABLE = authority("root", ROOT, key=key_of("crl key"), key_usage=usage("key_cert_sign"))
STRANGER = authority("root", key=key_of("crl key"), key_usage=usage("crl_sign"))

CRL_ISSUER = authority("crl issuer", ROOT, key_usage=usage("crl_sign"))
"""Somebody else who issues CRLs: indirect ones, or they are about his own certificates."""

UNUSED = {
    "crl-is-readable": lambda: judged(
        crl(ROOT, extensions=((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"\x04\x00"), True),))
    ),
    "crl-extensions-are-known": lambda: judged(crl(ROOT, extensions=((unknown(), True),))),
    "crl-entries-are-readable": lambda: judged(crl(ROOT, (8, (unknown(), True)))),
    "crl-has-begun": lambda: judged(crl(ROOT, issued=NOW + DAY / 2)),
    "crl-is-current": lambda: judged(crl(ROOT, due=NOW - DAY / 2)),
    "crl-signature-is-the-issuers": lambda: judged(crl(ROOT, signing_key=key_of("somebody"))),
    "crl-signer-may-sign-crls": lambda: judged(crl(ROOT, signing_key=key_of("crl key")), pool=(UNABLE,)),
    "crl-signer-has-a-valid-path": lambda: judged(crl(ROOT, signing_key=key_of("crl key")), pool=(STRANGER,)),
}

SILENT = {
    "crl-is-complete": lambda: judged(crl(ROOT, base=1, number=2)),
    "crl-is-of-the-right-issuer": lambda: judged(
        crl(ROOT, scope=scope(only_contains_ca_certs=True)),
        crl(CRL_ISSUER),
        leaf=with_points(point(issuer=CRL_ISSUER.certificate.subject)),
        pool=(CRL_ISSUER,),
    ),
    "crl-is-of-the-distribution-point": lambda: judged(
        crl(ROOT, scope=scope(full_name=[uri("http://a/1")])), leaf=with_points(point("http://a/2"))
    ),
    "crl-is-for-such-certificates": lambda: judged(crl(ROOT, scope=scope(only_contains_ca_certs=True))),
    "crl-covers-a-further-reason": lambda: judged(crl(ROOT, scope=scope(only_some_reasons=SOME))),
}
"""CRLs about something else: they are passed over without a word."""

ELSEWHERE = {
    "crl-signature-is-strong": "`cryptography` signs no CRL with SHA-1",
    "delta-is-usable": "test_a_delta_crl_that_may_not_be_used_changes_nothing",
    "delta-has-the-same-scope": "test_a_delta_crl_that_may_not_be_used_changes_nothing",
    "delta-is-of-the-same-key": "test_a_delta_crl_that_may_not_be_used_changes_nothing",
    "delta-continues-the-base": "test_a_delta_crl_that_may_not_be_used_changes_nothing",
}


def test_every_rule_of_crls_is_broken_by_a_case():
    assert {rule.name for rule in OF_CRLS} == {*UNUSED, *SILENT, *ELSEWHERE}


@pytest.mark.parametrize("rule", UNUSED)
def test_a_crl_that_breaks_a_rule_says_nothing(rule):
    verdict = UNUSED[rule]()
    assert verdict.rules == {"revocation-is-known"}
    assert rule in told(verdict)


CERTAIN = {"crl-is-readable", "crl-entries-are-readable"}
"""What these stop can't be read at all."""


@pytest.mark.parametrize("rule", [each for each in UNUSED if each not in CERTAIN])
def test_without_the_rule_the_same_crl_would_say_good(monkeypatch, rule):
    silenced(monkeypatch, rule, OF_CRLS)
    assert UNUSED[rule]().is_valid


@pytest.mark.parametrize("rule", [each for each in SILENT if each != "crl-covers-a-further-reason"])
def test_without_the_rule_a_crl_about_something_else_would_say_good(monkeypatch, rule):
    silenced(monkeypatch, rule, OF_CRLS)
    assert SILENT[rule]().is_valid


@pytest.mark.parametrize("rule", SILENT)
def test_a_crl_about_something_else_is_passed_over(rule):
    verdict = SILENT[rule]()
    assert told(verdict) == {"revocation-is-known"}


def test_a_crl_that_breaks_none_says_good():
    assert judged(crl(ROOT)).findings == ()


def test_a_listed_certificate_is_revoked_and_a_held_one_too():
    assert judged(crl(ROOT, 7)).rules == {"certificate-is-not-revoked"}
    held = judged(crl(ROOT, (7, (HOLD, False))))
    assert held.rules == {"certificate-is-not-revoked"}
    assert "on hold" in held.findings[0].message


def test_what_is_revoked_is_refused_however_little_must_be_known():
    soft = asked(revocation=RevocationMode.SOFT)
    assert judged(crl(ROOT, 7), question=soft).rules == {"certificate-is-not-revoked"}
    assert judged(question=soft).is_valid
    assert told(judged(question=soft)) == {"revocation-is-known"}
    assert judged(crl(ROOT, 7), question=asked()).findings == ()


def test_crls_for_ca_certificates_and_others_each_count_for_their_own():
    intermediate = authority("intermediate", ROOT, serial_number=9)
    leaf = server(intermediate, serial_number=7)
    of_root = crl(ROOT, scope=scope(only_contains_ca_certs=True))
    for_users = crl(intermediate, scope=scope(only_contains_user_certs=True))
    assert judged(of_root, for_users, leaf=leaf, pool=(intermediate,)).is_valid
    wrong = crl(ROOT, scope=scope(only_contains_user_certs=True))
    assert judged(wrong, for_users, leaf=leaf, pool=(intermediate,)).rules == {"revocation-is-known"}
    attributes = crl(intermediate, scope=scope(only_contains_attribute_certs=True))
    assert judged(of_root, attributes, leaf=leaf, pool=(intermediate,)).rules == {"revocation-is-known"}


def test_reasons_accumulate_until_all_are_covered():
    some, others = (crl(ROOT, scope=scope(only_some_reasons=each)) for each in (SOME, OTHERS))
    assert judged(some).rules == {"revocation-is-known"}
    assert judged(some, others).is_valid
    assert judged(some, crl(ROOT, 7, scope=scope(only_some_reasons=OTHERS))).rules == {"certificate-is-not-revoked"}


def test_the_shard_that_a_certificate_names_counts_and_no_other():
    leaf = with_points(point("http://a/1"))
    one, two = (crl(ROOT, scope=scope(full_name=[uri(f"http://a/{shard}")])) for shard in (1, 2))
    assert judged(one, leaf=leaf).is_valid
    assert judged(two, leaf=leaf).rules == {"revocation-is-known"}
    assert judged(crl(ROOT), leaf=leaf).is_valid


def test_a_point_that_is_relative_to_its_issuer_is_the_full_one():
    relative = x509.RelativeDistinguishedName(named("shard").rdns[0])
    full = [x509.DirectoryName(x509.Name([*ROOT.certificate.subject.rdns, relative]))]
    leaf = with_points(x509.DistributionPoint(full, None, None, None))
    assert judged(crl(ROOT, scope=scope(relative_name=relative)), leaf=leaf).is_valid


def test_an_indirect_crl_counts_for_the_issuers_that_its_entries_name():
    by = CRL_ISSUER
    own = crl(ROOT, scope=scope(only_contains_ca_certs=True))
    leaf = with_points(point(issuer=by.certificate.subject))
    names_root = (x509.CertificateIssuer([x509.DirectoryName(ROOT.certificate.subject)]), True)
    indirect = scope(indirect_crl=True)
    assert judged(own, crl(by, scope=indirect), leaf=leaf, pool=(by,)).is_valid
    assert judged(own, crl(by, 7, scope=indirect), leaf=leaf, pool=(by,)).is_valid
    listed = judged(own, crl(by, (6, names_root), 7, scope=indirect), leaf=leaf, pool=(by,))
    assert listed.rules == {"certificate-is-not-revoked"}
    assert judged(own, crl(by), leaf=leaf, pool=(by,)).rules == {"revocation-is-known"}


def test_another_key_of_the_issuer_may_sign_crls_while_it_is_not_revoked_itself():
    signed = crl(ROOT, signing_key=key_of("crl key"))
    own = crl(ROOT, scope=scope(only_contains_ca_certs=True))
    assert judged(signed, own, pool=(DELEGATE,)).is_valid
    serial_number = DELEGATE.certificate.serial_number
    revoked = crl(ROOT, serial_number, scope=scope(only_contains_ca_certs=True))
    for crls in ((signed, revoked), (revoked, signed)):
        assert judged(*crls, pool=(DELEGATE,)).rules == {"revocation-is-known"}


def test_who_alone_signs_the_crl_that_would_list_him_is_believed():
    signed = crl(ROOT, signing_key=key_of("crl key"))
    assert judged(signed, pool=(DELEGATE,)).is_valid
    himself = crl(ROOT, DELEGATE.certificate.serial_number, signing_key=key_of("crl key"))
    assert judged(himself, pool=(DELEGATE,)).rules == {"revocation-is-known"}


DELTAS = {
    "that is signed by nobody": lambda: crl(ROOT, 7, base=5, number=6, signing_key=key_of("somebody")),
    "with a critical extension": lambda: crl(ROOT, 7, base=5, number=6, extensions=((unknown(), True),)),
    "that is old": lambda: crl(ROOT, 7, base=5, number=6, due=NOW - DAY / 2),
    "of another base": lambda: crl(ROOT, 7, base=6, number=7),
    "that is not newer": lambda: crl(ROOT, 7, base=4, number=5),
    "without a number": lambda: crl(ROOT, 7, base=5, number=None),
    "of another scope": lambda: crl(ROOT, 7, base=5, number=6, scope=scope(only_contains_user_certs=True)),
    "of another key": lambda: crl(
        ROOT, 7, base=5, number=6, extensions=((x509.AuthorityKeyIdentifier(b"12345678", None, None), False),)
    ),
}


@pytest.mark.parametrize("kind", DELTAS)
def test_a_delta_crl_that_may_not_be_used_changes_nothing(kind):
    assert judged(crl(ROOT, number=5), DELTAS[kind]()).is_valid


def test_a_delta_crl_adds_and_removes():
    complete, held = crl(ROOT, number=5), crl(ROOT, (7, (HOLD, False)), number=5)
    assert judged(complete, crl(ROOT, 7, base=5, number=6)).rules == {"certificate-is-not-revoked"}
    assert judged(held, crl(ROOT, (7, (REMOVED, False)), base=5, number=6)).is_valid
    assert judged(held, crl(ROOT, base=5, number=6)).rules == {"certificate-is-not-revoked"}


def test_a_current_delta_crl_keeps_an_old_complete_one_in_use():
    old = crl(ROOT, number=5, issued=NOW - 9 * DAY, due=NOW - DAY / 2)
    assert judged(old).rules == {"revocation-is-known"}
    assert judged(old, crl(ROOT, base=5, number=6)).is_valid


def test_the_newest_crl_counts():
    older = crl(ROOT, number=5, issued=NOW - 2 * DAY, due=NOW + 9 * DAY)
    assert judged(older, crl(ROOT, 7, number=6)).rules == {"certificate-is-not-revoked"}


def test_a_crl_without_a_next_update_is_used_while_it_is_young():
    never = datetime.datetime(2026, 5, 2, 12, tzinfo=datetime.UTC)
    assert judged(crl(ROOT, issued=never)).is_valid


def test_a_certificate_without_revocation_information_needs_none():
    no_information = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.56"), b"\x05\x00")
    assert judged(leaf=server(ROOT, (no_information, False))).is_valid
    intermediate = authority("intermediate", ROOT, (no_information, False))
    verdict = judged(leaf=server(intermediate, (no_information, False)), pool=(intermediate,))
    assert [(finding.rule, finding.certificate) for finding in verdict.findings] == [("revocation-is-known", 1)]
