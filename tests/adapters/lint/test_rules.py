"""The rules of lint, each against a certificate that breaks it; pkilint is the judge of both."""

import pytest

from es_pki.adapters.lint import Linter, Severity, lint
from es_pki.adapters.lint.pkilint_work import PUBLIC_NAMES_ONLY, error_codes, judge
from es_pki.adapters.lint.rules import ERRORS, WARNINGS, meaning_of, section_of
from tests.adapters.lint.breaking import BROKEN, FURTHER, Sample
from tests.adapters.lint.making import ISSUER, ISSUER_NAME, authority, issuer, leaf

ALL = [*BROKEN.items(), *FURTHER]
SAMPLES = pytest.mark.parametrize(("rule", "sample"), ALL, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(ALL)])

NOT_OURS = {
    "base.unhandled_exception": "nothing that is known makes a check of pkilint fail",
    "pkix.basic_constraints_has_pathlen_for_non_ca": "pkilint takes this one for broken DER",
    "pkix.validity_period_end_value_missing": "there are always two times",
    **dict.fromkeys(
        (
            "pkix.ct_precert_poison_and_sctlist_extensions_present",
            "pkix.ct_precert_poison_extension_not_critical",
            "pkix.sct_list_empty",
            "pkix.sct_list_extension_invalid_encoding",
        ),
        "Certificate Transparency: es-pki makes no such extensions",
    ),
    **dict.fromkeys(
        (
            "pkix.hash_mldsa_ca_key_prohibited",
            "pkix.hash_slhdsa_ca_key_prohibited",
            "pkix.public_key_nist_ipd_algorithm_present",
            "pkix.public_key_nist_round3_algorithm_present",
        ),
        "algorithms that key_algorithm_is_known knows none of",
    ),
    **dict.fromkeys(
        (
            "pkix.smtp_utf8_mailbox_domain_part_invalid_syntax",
            "pkix.smtp_utf8_mailbox_has_bom",
            "pkix.smtp_utf8_mailbox_has_uppercase",
            "pkix.smtp_utf8_mailbox_invalid_syntax",
            "pkix.smtp_utf8_mailbox_is_ascii_only",
            "pkix.smtputf8mailbox_domain_part_too_long",
        ),
        "RFC 9598: es-pki takes mailboxes in ASCII only",
    ),
    "pkix.prohibited_qualified_statement_present": "RFC 3739: es-pki makes no qualified certificates",
}
"""The errors of pkilint that no rule corresponds to, and why."""


def errors(findings):
    return {finding.rule for finding in findings if finding.severity is Severity.ERROR}


def test_every_rule_is_broken_by_a_certificate():
    assert BROKEN.keys() == {rule.__name__ for rule in (*ERRORS, *WARNINGS)}


@pytest.mark.parametrize("sound", [leaf(), authority(), issuer()], ids=["leaf", "authority", "issuer"])
def test_a_sound_certificate_breaks_no_rule(sound):
    assert lint(sound, ISSUER) == ()
    assert errors(judge(sound)) == set()


@SAMPLES
def test_a_rule_is_broken_by_its_certificate(rule, sample: Sample):
    found = {finding.rule: finding for finding in lint(sample.certificate, sample.issuer_certificate)}
    assert rule in found
    assert found[rule].linter is Linter.OWN
    assert (found[rule].severity is Severity.ERROR) == (rule in {each.__name__ for each in ERRORS})


@SAMPLES
def test_pkilint_finds_an_error_only_where_a_rule_does(rule, sample: Sample):
    theirs = errors(judge(sample.certificate))
    assert sample.pkilint in theirs if sample.pkilint else not theirs
    if theirs:
        assert errors(lint(sample.certificate, sample.issuer_certificate)), rule


def test_a_new_key_certified_by_the_old_one_under_the_same_name_is_not_self_signed():
    assert lint(authority(subject=ISSUER_NAME)) == ()


def test_every_error_of_pkilint_has_a_rule_or_a_reason():
    samples = {sample.pkilint for _, sample in ALL}
    assert error_codes() - PUBLIC_NAMES_ONLY - samples == NOT_OURS.keys()


@pytest.mark.parametrize("rule", [*ERRORS, *WARNINGS], ids=lambda rule: rule.__name__)
def test_a_rule_names_its_section(rule):
    assert section_of(rule).split()[0] in {"RFC", "X.680", "NIST", "CA/Browser"}
    assert meaning_of(rule).endswith(".")


@pytest.mark.parametrize("sound", [leaf(), authority()], ids=["leaf", "authority"])
def test_no_octet_is_too_wrong_to_be_judged(sound):
    for at in range(len(sound)):
        for octet in {0x00, 0x1F, 0x80, 0xFF, sound[at] ^ 1} - {sound[at]}:
            for finding in lint(sound[:at] + bytes((octet,)) + sound[at + 1 :], ISSUER):
                assert finding.detail


@pytest.mark.parametrize("sound", [leaf(), authority()], ids=["leaf", "authority"])
def test_no_end_is_too_early_to_be_judged(sound):
    for size in range(len(sound)):
        assert errors(lint(sound[:size], ISSUER)) == {"certificate_is_der"}
