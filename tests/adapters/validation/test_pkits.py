"""NIST PKITS, all of it: every test finds its path, or finds none, among all certificates and CRLs of the suite."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from es_pki.adapters.validation import LEGACY, AlgorithmPolicy, Policies, Question, RevocationMode, validate
from es_pki.adapters.validation.question import ANY_POLICY

TIME = datetime(2026, 5, 3, tzinfo=UTC)
POLICY = "2.16.840.1.101.3.2.1.48."


class Case(NamedTuple):
    """A test of the suite: `policies` are those that hold, None where the suite names none."""

    number: str
    name: str
    is_valid: bool
    policies: frozenset[str] | None
    inputs: Policies


def policies_of(text):
    return frozenset(ANY_POLICY if each == "any" else POLICY + each for each in text.split(","))


def case_of(line):
    number, name, outcome, held, *inputs = line.split()
    accepted = [each.removeprefix("accept=") for each in inputs if each.startswith("accept=")]
    policies = Policies(
        acceptable=policies_of(accepted[0]) if accepted else frozenset({ANY_POLICY}),
        explicit="explicit" in inputs,
        mapping_inhibited="no-mapping" in inputs,
        any_inhibited="no-any" in inputs,
    )
    expected = {"*": None, "-": frozenset()}
    return Case(number, name, outcome == "+", expected[held] if held in expected else policies_of(held), policies)


TABLE = Path(__file__).with_name("pkits.txt").read_text().splitlines()
CASES = [case_of(line) for line in TABLE if not line.startswith("#")]


def asked(case, **changes):
    inputs = {"time": TIME, "revocation": RevocationMode.HARD, "policies": case.inputs, "algorithms": LEGACY}
    return Question(**{**inputs, **changes})


def test_the_table_has_every_test_of_the_suite(pkits):
    assert len(CASES) == 247
    targets = {name for name in pkits.certificates if name.endswith("EE")}
    assert {f"{case.name}EE" for case in CASES} == targets


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}-{case.name}")
def test_the_suite_is_answered_as_nist_says(pkits, case):
    verdict = validate(pkits.certificates[f"{case.name}EE"], pkits.trust, asked(case))
    assert verdict.is_valid == case.is_valid, verdict.findings
    if case.is_valid:
        assert case.policies in {None, verdict.policies}
        assert verdict.path[-1] is pkits.certificates["TrustAnchorRootCertificate"]


def test_what_the_suite_calls_invalid_is_refused_for_its_reason(pkits):
    """The rule that breaks, in one test of each kind: a validator that refuses everything would pass the rest."""
    reasons = {
        "InvalidCASignatureTest2": "signature-is-the-issuers",
        "InvalidCAnotBeforeDateTest1": "validity-has-begun",
        "InvalidEEnotAfterDateTest6": "validity-has-not-ended",
        "InvalidNameChainingTest1": "path-reaches-a-trust-anchor",
        "InvalidMissingCRLTest1": "revocation-is-known",
        "InvalidRevokedEETest3": "certificate-is-not-revoked",
        "InvalidMissingbasicConstraintsTest1": "issuer-is-an-authority",
        "InvalidpathLenConstraintTest5": "path-is-short-enough",
        "InvalidkeyUsageCriticalkeyCertSignFalseTest1": "key-may-sign-certificates",
        "DifferentPoliciesTest12": "policy-is-valid",
        "InvalidrequireExplicitPolicyTest3": "policy-is-acceptable",
        "InvalidMappingFromanyPolicyTest7": "any-policy-is-not-mapped",
        "InvalidDNnameConstraintsTest2": "names-are-within-constraints",
        "InvalidUnknownCriticalCertificateExtensionTest2": "critical-extensions-are-known",
    }
    found = {}
    for name in reasons:
        case = next(each for each in CASES if each.name == name and not each.is_valid)
        found[name] = validate(pkits.certificates[f"{name}EE"], pkits.trust, asked(case)).rules
    assert {name: rule for name, rule in reasons.items() if rule not in found[name]} == {}


def test_a_strict_trust_store_refuses_what_is_signed_with_sha_1(pkits):
    case = next(each for each in CASES if each.name == "ValidDSASignaturesTest4")
    strict = validate(
        pkits.certificates["ValidDSASignaturesTest4EE"], pkits.trust, asked(case, algorithms=AlgorithmPolicy())
    )
    assert {"key-is-strong", "signature-is-strong"} <= strict.rules
